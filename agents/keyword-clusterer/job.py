from jobs.keyword_clusterer import INPUT, OUTPUT, run  # noqa: F401
