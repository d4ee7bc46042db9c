"""Queries as a running shop finds them in Search Console: text and impressions."""
from __future__ import annotations

from typing import Any

QUERIES = {
    'running shoes': 5400,
    'best running shoes': 4100,
    'running shoes for women': 2900,
    "women's running shoes": 1800,
    'mens running shoes': 2200,
    'running shoe': 700,
    'cheap running shoes': 650,
    'trail running shoes': 2000,
    'best trail running shoes 2024': 800,
    'waterproof trail running shoes': 420,
    'how to clean running shoes': 390,
    'marathon training plan': 1500,
    '16 week marathon training plan': 900,
    'marathon training plan for beginners': 850,
    'how to train for a marathon': 600,
    'half marathon training plan': 1100,
    'couch to 5k': 3000,
    'couch to 5k plan': 800,
    'couch to 5k app': 500,
    'running socks': 640,
    'compression socks for running': 410,
    'merino running socks': 120,
    'gps running watch': 900,
    'best gps watch for running': 850,
    'garmin forerunner 265': 1200,
    'garmin forerunner 265 review': 300,
    'runners knee': 1300,
    "runner's knee treatment": 500,
    'runners knee exercises': 450,
    'shin splints': 2500,
    'shin splints treatment': 600,
    'how to get rid of shin splints': 550,
    'plantar fasciitis shoes': 700,
    'best shoes for plantar fasciitis': 800,
    'returns policy': 30,
    'acme contact number': 25,
    'protein bars': 90,
    '???': 2,
}


def rows() -> list[dict[str, Any]]:
    """The rows of a fetch by query and page: each query has two pages."""
    return [
        {
            'keys': [query, f'https://shop.example/{page}'],
            'query': query,
            'page': f'https://shop.example/{page}',
            'clicks': impressions // 50,
            'impressions': impressions // (1 + page),
            'ctr': 0.02,
            'position': 3.0 + 4 * page,
        }
        for query, impressions in QUERIES.items()
        for page in (0, 1)
    ]
