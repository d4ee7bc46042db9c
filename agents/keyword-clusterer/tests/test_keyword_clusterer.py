from __future__ import annotations

import random
import unittest
from typing import Any

from jobs.keyword_clusterer import INPUT, OUTPUT, run
from jobs.keywords.cluster import Index, Space, cluster, middle, similarity
from jobs.keywords.words import Reader, detect_language, words
from scaffold.context import Stopped
from scaffold.schema import Misfit
from tests.context import context
from tests.queries import QUERIES, rows


def clustered(given: dict[str, Any]) -> dict[str, Any]:
    return OUTPUT(run(INPUT(given, 'input'), context()), 'output')


def topics(given: list[str], **options: Any) -> list[list[str]]:
    return [sorted(topic['queries']) for topic in clustered({'queries': given, **options})['clusters']]


class Topics(unittest.TestCase):
    def setUp(self) -> None:
        self.result = clustered({'rows': rows(), 'dimensions': ['query', 'page'], 'steps': {}})
        self.of = {query: topic['label'] for topic in self.result['clusters'] for query in topic['queries']}

    def test_brings_together_what_people_search_for(self) -> None:
        for query, label in {
            "women's running shoes": 'running shoes',
            'best trail running shoes 2024': 'running shoes',
            'running shoe': 'running shoes',
            'how to train for a marathon': 'marathon training plan',
            'half marathon training plan': 'marathon training plan',
            'couch to 5k app': 'couch to 5k',
            "runner's knee treatment": 'runners knee',
            'how to get rid of shin splints': 'shin splints',
            'merino running socks': 'running socks',
            'best gps watch for running': 'gps running watch',
            'plantar fasciitis shoes': 'best shoes for plantar fasciitis',
        }.items():
            self.assertEqual((query, self.of.get(query)), (query, label))
        for query in ('returns policy', 'acme contact number', 'protein bars', '???'):
            self.assertIn(query, self.result['unclustered'])

    def test_has_each_query_in_exactly_one_place(self) -> None:
        placed = [query for topic in self.result['clusters'] for query in topic['queries']]
        self.assertEqual(sorted([*placed, *self.result['unclustered']]), sorted(QUERIES))
        summary = self.result['summary']
        self.assertEqual((summary['rows'], summary['queries']), (2 * len(QUERIES), len(QUERIES)))
        self.assertEqual(summary['clustered'] + summary['unclustered'], summary['queries'])
        self.assertEqual(summary['clusters'], len(self.result['clusters']))

    def test_adds_up_clicks_and_impressions_and_weighs_positions_by_impressions(self) -> None:
        knee = next(topic for topic in self.result['clusters'] if topic['label'] == 'runners knee')
        self.assertEqual((knee['impressions'], knee['clicks']), (2250 + 650 + 250 + 225, 2 * (26 + 10 + 9)))
        self.assertEqual(knee['averagePosition'], round((2250 * 3 + 1125 * 7) / 3375, 2))
        self.assertEqual(self.result['summary']['impressions'], sum(n + n // 2 for n in QUERIES.values()))
        order = [topic['impressions'] for topic in self.result['clusters']]
        self.assertEqual(order, sorted(order, reverse=True))

    def test_does_not_care_about_the_order_of_the_input(self) -> None:
        shuffled = rows()
        for seed in range(5):
            random.Random(seed).shuffle(shuffled)
            self.assertEqual(clustered({'rows': shuffled, 'dimensions': ['query', 'page']}), self.result)

    def test_makes_narrower_topics_when_asked_to(self) -> None:
        narrow = clustered({'rows': rows(), 'similarity': 0.9})
        self.assertLess(narrow['summary']['clustered'], self.result['summary']['clustered'])
        large = clustered({'rows': rows(), 'minClusterSize': 5})
        labels = [topic['label'] for topic in large['clusters']]
        self.assertEqual(labels, ['running shoes', 'marathon training plan'])


class Inputs(unittest.TestCase):
    def test_takes_plain_queries_and_labels_them_by_the_most_typical(self) -> None:
        given = ['blue  widget', 'widget blue', 'blue widgets', 'red car', 'blue widget']
        result = clustered({'queries': given})
        self.assertEqual(result['clusters'][0]['label'], 'blue widget')
        found = sorted(result['clusters'][0]['queries'])
        self.assertEqual(found, ['blue widget', 'blue widgets', 'widget blue'])
        self.assertNotIn('averagePosition', result['clusters'][0])
        self.assertEqual(result['unclustered'], ['red car'])

    def test_finds_the_query_among_the_keys(self) -> None:
        given = [{'keys': ['de', 'red car']}, {'keys': ['de', 'red cars']}, {'keys': ['de', ' ']}]
        result = clustered({'rows': given, 'dimensions': ['country', 'query']})
        self.assertEqual(sorted(result['clusters'][0]['queries']), ['red car', 'red cars'])
        self.assertEqual(result['summary']['skippedRows'], 1)

    def test_names_the_field_that_does_not_fit(self) -> None:
        for given, expected in (
            ({}, r'^input\.rows: give rows of Search Console'),
            ({'rows': 'all'}, r'^input\.rows: must be a list'),
            ({'rows': [{'query': 'a', 'clicks': -1}]}, r'^input\.rows\.0\.clicks: must be a number'),
            ({'rows': [{'clicks': 1}]}, r'^input\.rows\.0\.query: is missing'),
            ({'rows': [{'keys': ['x']}], 'dimensions': ['page']}, r'^input\.rows\.0\.query: is missing'),
            ({'queries': ['a'], 'similarity': 1}, r'^input\.similarity: must be a number from 0\.2 to 0\.95'),
            ({'queries': ['a'], 'language': 'xx'}, r'^input\.language: must be one of auto, en'),
        ):
            with self.assertRaisesRegex(Misfit, expected):
                clustered(given)

    def test_stops_when_told_to_and_tells_how_far_it_is(self) -> None:
        ctx = context()
        run(INPUT({'queries': ['a b', 'c d']}, 'input'), ctx)
        self.assertEqual(ctx.records['progress'], {'phase': 'comparing', 'done': 3, 'of': 4})
        ctx.signal.set()
        with self.assertRaises(Stopped):
            run(INPUT({'queries': ['a', 'b']}, 'input'), ctx)


class Languages(unittest.TestCase):
    def test_brings_together_forms_of_words(self) -> None:
        for language, forms in {
            'en': ['shoe shoes', 'box boxes', 'battery batteries', 'run running', 'hike hiking'],
            'de': ['schuh schuhe schuhen', 'lampe lampen', 'lehrer lehrerinnen'],
            'fr': ['chaussure chaussures', 'cheval chevaux', 'gateau gateaux'],
            'es': ['zapatilla zapatillas', 'mujer mujeres', 'luz luces'],
            'it': ['scarpa scarpe', 'barca barche'],
            'nl': ['fiets fietsen', 'tent tenten'],
            'pt': ['sapato sapatos', 'avaliacao avaliacoes'],
        }.items():
            reader = Reader(language)
            for words_of_one in forms:
                stems = {reader.stem(word) for word in words_of_one.split()}
                self.assertEqual((words_of_one, len(stems)), (words_of_one, 1))
        different = ('bus', 'business', 'string', 'red', 'glass')
        self.assertEqual(len({Reader('en').stem(word) for word in different}), len(different))

    def test_recognises_the_language(self) -> None:
        for language, queries in {
            'en': ['what is the best tent', 'tents for families'],
            'de': ['welches zelt für die familie', 'zelt mit stehhöhe', 'zelt oder wohnwagen'],
            'fr': ['quelle tente pour la famille', 'tente avec chambre'],
            'es': ['qué tienda de campaña es mejor para la familia', 'tienda con suelo'],
            'nl': ['welke tent voor het gezin', 'tent met luifel en zeil'],
        }.items():
            self.assertEqual(detect_language(words(query) for query in queries), language)
        self.assertEqual(detect_language([['zelt'], ['tente']]), 'en')

    def test_splits_words_of_other_scripts(self) -> None:
        self.assertEqual(words("Café L'Été — C++, C#"), ['cafe', 'l', 'ete', 'c++', 'c#'])
        self.assertEqual(words('nike跑步鞋 女'), ['nike', '跑步', '步鞋', '女'])
        self.assertEqual(words('हिन्दी गाने'), ['हिन्दी', 'गाने'])
        self.assertEqual(words('кроссовки'), ['кроссовки'])
        self.assertEqual(topics(['跑步鞋 女', '跑步鞋', '手机壳']), [['跑步鞋', '跑步鞋 女']])

    def test_keeps_the_words_of_a_query_that_has_none_but_stop_words(self) -> None:
        self.assertEqual(Reader('en').terms(['who', 'are', 'you']), {'who', 'are', 'you'})


class Search(unittest.TestCase):
    def test_finds_what_comparing_with_all_finds(self) -> None:
        rng = random.Random(4)
        vocabulary = [f'w{n}' for n in range(40)]
        often = [int(40 * rng.random() ** 3) for _ in range(4000)]
        sets = [frozenset(vocabulary[n] for n in rng.sample(often, rng.randint(1, 4))) for _ in range(400)]
        space = Space(sets, lambda term: term == 'w3')
        middles = [middle(space, rng.sample(range(400), 5)) for _ in range(100)]
        for centres in (space.vectors[:150], middles):
            found = 0
            for least in (0.2, 0.5, 0.8, 0.95):
                index = Index(least)
                for centre in centres:
                    index.add(centre)
                for vector in space.vectors:
                    alike = [similarity(vector, centre) for centre in centres]
                    best = max(alike)
                    expected = alike.index(best) if best >= least else None
                    self.assertEqual(index.nearest(vector), expected)
                    found += expected is not None
            self.assertTrue(400 < found < 4 * 400, found)

    def test_asks_before_each_step_whether_to_go_on(self) -> None:
        space, asked = Space([frozenset({f'w{n}'}) for n in range(3)], lambda term: False), []
        cluster(space, 0.5, lambda done, of: asked.append((done, of)))
        self.assertEqual(asked, [(n, 6) for n in range(6)])


if __name__ == '__main__':
    unittest.main()
