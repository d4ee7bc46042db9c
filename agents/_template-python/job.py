from jobs.hello import INPUT, OUTPUT, run  # noqa: F401
