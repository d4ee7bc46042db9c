"""Groups search queries into topics."""
from __future__ import annotations

import math
from typing import Any, Iterable

from scaffold.context import Context
from scaffold.schema import Misfit, list_of, number, optional, record, text

from .keywords.cluster import Look, Space, cluster, middle, similarity
from .keywords.languages import STOP_WORDS
from .keywords.words import Reader, detect_language, words

MOST_ROWS = 50_000
#: Progress is told when so much more of the work is done.
PROGRESS_STEP = 0.05

_query, _languages = text(0, 5000), ['auto', *STOP_WORDS]
INPUT = record(
    # Search Console's rows; a query that is in several (one for each page, say) is taken together.
    rows=optional(
        list_of(
            record(
                query=optional(_query),
                keys=optional(list_of(_query, most=10)),
                clicks=optional(number(0), 0),
                impressions=optional(number(0), 0),
                # Average position in the results; 1 is the top.
                position=optional(number(0)),
            ),
            most=MOST_ROWS,
        ),
        [],
    ),
    # What the `keys` of a row are, in order.
    dimensions=optional(list_of(text(1, 50), most=10), ['query']),
    # Queries of which nothing else is known.
    queries=optional(list_of(_query, most=MOST_ROWS), []),
    language=optional(text(pattern='|'.join(_languages), must=f'one of {", ".join(_languages)}'), 'auto'),
    # How alike the queries of a topic are, 0 to 1: higher makes more and narrower topics.
    similarity=optional(number(0.2, 0.95), 0.5),
    minClusterSize=optional(number(2, 1000, whole=True), 2),
)
OUTPUT = record(
    clusters=list_of(
        record(
            label=text(1),
            queries=list_of(text(1), least=2),
            clicks=number(0),
            impressions=number(0),
            averagePosition=optional(number(0)),
        )
    ),
    unclustered=list_of(text(1)),
    summary=record(
        rows=number(0, whole=True),
        queries=number(0, whole=True),
        clusters=number(0, whole=True),
        clustered=number(0, whole=True),
        unclustered=number(0, whole=True),
        skippedRows=number(0, whole=True),
        clicks=number(0),
        impressions=number(0),
        language=text(1),
    ),
)


class Query:
    """One query, with what all its rows say of it."""

    def __init__(self, text: str) -> None:
        self.text, self.words = text, words(text)
        self.clicks: list[float] = []
        self.impressions: list[float] = []
        #: Positions with what they count: the row's impressions, or 1 where none are known.
        self.positions: list[tuple[float, float]] = []

    def add(self, row: dict[str, Any]) -> None:
        self.clicks.append(row['clicks'])
        self.impressions.append(row['impressions'])
        if 'position' in row:
            self.positions.append((row['position'], row['impressions'] or 1))


def run(input: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """@raises Misfit when there are no queries, Stopped when `ctx.signal` is set"""
    queries, skipped = collect(input)
    language = input['language']
    if language == 'auto':
        language = detect_language(query.words for query in queries)
    reader = Reader(language)
    telling = sorted((query for query in queries if query.words), key=lambda query: importance(query, reader))
    space = Space([reader.terms(query.words) for query in telling], reader.is_light)
    groups = cluster(space, input['similarity'], reporter(ctx))

    topics = [group for group in groups if len(group) >= input['minClusterSize']]
    clusters = sorted((describe(space, telling, group) for group in topics), key=rank)
    clustered = {query for topic in clusters for query in topic['queries']}
    left = [query for query in queries if query.text not in clustered]
    others = sorted(left, key=lambda query: importance(query, reader))
    ctx.log('clustered', queries=len(queries), clusters=len(clusters), language=language)
    return {
        'clusters': clusters,
        'unclustered': [query.text for query in others],
        'summary': {
            'rows': len(input['rows']) + len(input['queries']),
            'queries': len(queries),
            'clusters': len(clusters),
            'clustered': len(clustered),
            'unclustered': len(others),
            'skippedRows': skipped,
            'clicks': total(clicks for query in queries for clicks in query.clicks),
            'impressions': total(seen for query in queries for seen in query.impressions),
            'language': language,
        },
    }


def collect(input: dict[str, Any]) -> tuple[list[Query], int]:
    """The distinct queries with their rows, and how many rows have an empty one."""
    if not input['rows'] and not input['queries']:
        raise Misfit('input.rows: give rows of Search Console (query, clicks, …), or queries')
    column = input['dimensions'].index('query') if 'query' in input['dimensions'] else None
    found: dict[str, Query] = {}
    skipped = 0
    for n, row in enumerate([*input['rows'], *({'query': query} for query in input['queries'])]):
        keys = row.get('keys', [])
        given = row.get('query', keys[column] if column is not None and column < len(keys) else None)
        if given is None:
            raise Misfit(f'input.rows.{n}.query: is missing; fetch the rows with the dimension query')
        query = ' '.join(given.split())
        if not query:
            skipped += 1
            continue
        found.setdefault(query, Query(query)).add({'clicks': 0, 'impressions': 0, **row})
    return list(found.values()), skipped


def importance(query: Query, reader: Reader) -> tuple[Any, ...]:
    """Sorts what is seen and clicked most first, then what is more general; whatever the input's order."""
    return -total(query.impressions), -total(query.clicks), len(reader.terms(query.words)), query.text


def describe(space: Space, queries: list[Query], group: list[int]) -> dict[str, Any]:
    """A topic, named by its most seen query; of equals by the one nearest to its middle."""
    centre = middle(space, group)

    def typical(n: int) -> tuple[Any, ...]:
        alike = round(similarity(space.vectors[n], centre), 9)
        query = queries[n]
        return -total(query.impressions), -total(query.clicks), -alike, len(query.text), query.text

    members = [queries[n] for n in group]
    topic = {
        'label': queries[min(group, key=typical)].text,
        'queries': [query.text for query in members],
        'clicks': total(clicks for query in members for clicks in query.clicks),
        'impressions': total(seen for query in members for seen in query.impressions),
    }
    positions = [position for query in members for position in query.positions]
    if positions:
        weight = math.fsum(counts for _, counts in positions)
        weighted = math.fsum(position * counts for position, counts in positions)
        topic['averagePosition'] = round(weighted / weight, 2)
    return topic


def rank(topic: dict[str, Any]) -> tuple[Any, ...]:
    return -topic['impressions'], -topic['clicks'], -len(topic['queries']), topic['label']


def total(values: Iterable[float]) -> float:
    """The sum, the same in whatever order."""
    added = math.fsum(values)
    return int(added) if added.is_integer() else added


def reporter(ctx: Context) -> Look:
    """Ends the work when the run is stopped, and tells how far it is."""
    told = -1.0

    def look(done: int, of: int) -> None:
        nonlocal told
        ctx.signal.check()
        if done / of >= told + PROGRESS_STEP:
            told = done / of
            ctx.progress({'phase': 'comparing', 'done': done, 'of': of})

    return look
