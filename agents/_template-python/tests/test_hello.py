import threading
import unittest

from jobs.hello import INPUT, OUTPUT, run
from scaffold.context import Stopped
from scaffold.schema import Misfit
from tests.context import context


class Hello(unittest.TestCase):
    def test_greets_as_often_as_asked(self) -> None:
        ctx, given = context(), INPUT({'name': 'Ada', 'times': 2}, 'input')
        self.assertEqual(OUTPUT(run(given, ctx), 'output'), {'greetings': ['Hello, Ada!'] * 2})
        self.assertEqual(ctx.records['progress'], {'greeted': 2, 'of': 2})
        self.assertEqual([call['result'] for call in ctx.records['toolCalls']], ['Hello, Ada!'] * 2)

    def test_tolerates_the_outputs_of_earlier_steps(self) -> None:
        given = INPUT({'pages': [], 'steps': {'crawl': {'pages': []}}}, 'input')
        self.assertEqual(given, {'name': 'world', 'times': 1, 'pauseMs': 0})

    def test_names_the_field_that_does_not_fit(self) -> None:
        with self.assertRaisesRegex(Misfit, r'^input\.times: must be a whole number from 1 to 100$'):
            INPUT({'times': 'often'}, 'input')

    def test_stops_at_once_when_told_to(self) -> None:
        ctx = context()
        threading.Timer(0.05, ctx.signal.set).start()
        with self.assertRaises(Stopped):
            run(INPUT({'pauseMs': 60_000}, 'input'), ctx)


if __name__ == '__main__':
    unittest.main()
