"""The parts of the scaffold that need no process of their own."""
from __future__ import annotations

import base64
import hmac
import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scaffold.context import Stopped
from scaffold.contract import RUN_REQUEST, encode
from scaffold.deliver import deliver
from scaffold.runner import Job
from scaffold.schema import Misfit, boolean, list_of, mapping, number, optional, record, text
from tests.context import context

REQUEST = {
    'workflowId': 'test',
    'stepId': 'only',
    'runId': '00000000-0000-0000-0000-000000000001',
    'input': {},
    'config': {'webhookUrl': 'https://example.com/w?token=t', 'timeoutSeconds': 300},
}


class Schema(unittest.TestCase):
    def misfit(self, check: Any, value: Any) -> str:
        with self.assertRaises(Misfit) as caught:
            check(value, 'input')
        return str(caught.exception)

    def test_names_the_place_of_the_first_misfit(self) -> None:
        rows = record(rows=list_of(record(query=text(1, 10)), most=2))
        given = {'rows': [{'query': 'a', 'more': 1}], 'x': 2}
        self.assertEqual(rows(given, 'input'), {'rows': [{'query': 'a'}]})
        self.assertEqual(
            self.misfit(rows, {'rows': [{'query': 'a'}, {'query': 7}]}),
            'input.rows.1.query: must be a text of 1 to 10 characters',
        )
        self.assertEqual(self.misfit(rows, {}), 'input.rows: is missing, must be a list of 0 to 2')
        self.assertEqual(self.misfit(rows, {'rows': [{}] * 3}), 'input.rows: must be a list of 0 to 2')
        self.assertEqual(self.misfit(rows, []), 'input: must be an object')

    def test_tells_numbers_from_booleans_and_takes_whole_ones_as_json_has_them(self) -> None:
        self.assertEqual(repr(number(0, 9, whole=True)(2.0, 'n')), '2')
        for value in (True, '2', None, 2.5, 10, float('nan')):
            self.assertIn('must be a whole number from 0 to 9', self.misfit(number(0, 9, whole=True), value))
        self.assertIn('true or false', self.misfit(boolean(), 1))

    def test_leaves_out_what_is_optional_or_takes_its_default(self) -> None:
        check = record(a=optional(text()), b=optional(mapping(), {}), c=optional(number(), 3))
        self.assertEqual(check({}, 'input'), {'b': {}, 'c': 3})
        self.assertEqual(self.misfit(check, {'a': None}), 'input.a: must be a text of 0 to 10,000 characters')


class Request(unittest.TestCase):
    def test_takes_the_contract_and_drops_what_it_does_not_know(self) -> None:
        given = {**REQUEST, 'config': {**REQUEST['config'], 'releaseId': 'r1', 'attempt': 2}}
        self.assertEqual(
            RUN_REQUEST(given, 'body')['config'], {**REQUEST['config'], 'attempt': 2, 'dryRun': False}
        )

    def test_refuses_urls_that_cannot_be_posted_to(self) -> None:
        for url in ('file:///etc/passwd', 'http://', 'http://a b/', 'https://a:b@host/', 'http://h\r\nx: y/'):
            with self.assertRaisesRegex(Misfit, r'config\.webhookUrl: must be an http or https URL'):
                RUN_REQUEST({**REQUEST, 'config': {'webhookUrl': url, 'timeoutSeconds': 1}}, 'body')
        for url in ('http://localhost:3000/w', 'https://[::1]:8443/w?t=1', 'http://example.com'):
            RUN_REQUEST({**REQUEST, 'config': {'webhookUrl': url, 'timeoutSeconds': 1}}, 'body')


class Records(unittest.TestCase):
    def test_records_tool_calls_with_their_result_or_error(self) -> None:
        ctx = context()
        self.assertEqual(ctx.tool('double', {'n': 2}, lambda: 4), 4)
        with self.assertRaises(ZeroDivisionError):
            ctx.tool('divide', {'by': 0}, lambda: 1 // 0)
        ctx.tool('fetch', {'ids': {1}}, lambda: 'x' * 100_000)
        double, divide, fetch = ctx.records['toolCalls']
        self.assertEqual((double['params'], double['result']), ({'n': 2}, 4))
        self.assertIn('division', divide['error'])
        self.assertTrue(fetch['result'].endswith('(100002 bytes)') and len(fetch['result']) < 2000)
        self.assertTrue(all(call['latencyMs'] >= 0 and call['at'] for call in ctx.records['toolCalls']))

    def test_checks_usage_and_actions_and_knows_a_dry_run(self) -> None:
        ctx = context()
        spent = {'provider': 'p', 'model': 'm', 'inputTokens': 1, 'outputTokens': 2, 'costUsd': 0.1}
        ctx.usage(**spent)
        ctx.action(type='message', reach=3)
        self.assertEqual(ctx.records['usage'], [spent])
        self.assertEqual(ctx.records['actions'][0].keys(), {'type', 'reach', 'at'})
        with self.assertRaisesRegex(Misfit, r'^usage\.costUsd: is missing'):
            ctx.usage(provider='p', model='m', inputTokens=1, outputTokens=2)
        with self.assertRaisesRegex(RuntimeError, 'dry run'):
            context(dry_run=True).action(type='message')

    def test_keeps_a_copy_of_progress_and_a_bound_on_all(self) -> None:
        ctx, value = context(), {'done': 1}
        ctx.progress(value)
        value['done'] = 2
        self.assertEqual(ctx.records['progress'], {'done': 1})
        for _ in range(100):
            ctx.tool('big', None, lambda: 'x' * 16_000)
        self.assertLess(len(encode(ctx.records)), 800_000)
        self.assertGreater(len(ctx.records['toolCalls']), 40)


class Replayed(unittest.TestCase):
    def test_knows_a_call_again_by_its_name_and_what_json_has_of_its_parameters(self) -> None:
        recorded = [{'name': 'search', 'params': {'n': 1, 'of': [True, 'é']}, 'result': {'hits': [1]}}]
        ctx = context(replayOf='r/1', replayCalls=recorded, unrecorded='refuse')
        first = ctx.tool('search', {'of': (True, 'é'), 'n': 1.0}, self.fail)
        self.assertEqual(first, {'hits': [1]})
        first['hits'].clear()
        self.assertEqual(ctx.tool('search', {'n': 1, 'of': [True, 'é']}, self.fail), {'hits': [1]})
        with self.assertRaisesRegex(Stopped, r'^tool search: r/1 has no whole record of it'):
            ctx.tool('search', {'n': True, 'of': [True, 'é']}, self.fail)
        self.assertTrue(ctx.signal.is_set() and 'tool search' in ctx.signal.reason)
        self.assertEqual(['result' in call for call in ctx.records['toolCalls']], [True, True, False])

    def test_answers_threads_each_with_a_record_of_its_own(self) -> None:
        recorded = [{'name': 'next', 'params': None, 'result': n} for n in range(100)]
        ctx, got = context(replayCalls=recorded), []
        take = lambda: [got.append(ctx.tool('next', None, self.fail)) for _ in range(25)]
        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(got), list(range(100)))

    def test_marks_what_no_call_can_be_answered_from(self) -> None:
        ctx = context()
        for params, result in ((1, 'x' * 20_000), ('x' * 20_000, 1), (float('nan'), 1), ('x', 'x')):
            ctx.tool('search', params, lambda: result)
        self.assertEqual(
            [call.get('shortened') for call in ctx.records['toolCalls']], [True, True, True, None]
        )


class Delivery(unittest.TestCase):
    def setUp(self) -> None:
        answers, self.received = [503, 429, 200], []
        received = self.received

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers['content-length']))
                received.append((self.path, self.headers, body))
                self.send_response(answers[len(received) - 1])
                self.send_header('content-length', '2')
                self.end_headers()
                self.wfile.write(b'{}')

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Receiver)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def test_sends_the_same_signed_body_until_it_is_acknowledged(self) -> None:
        url = f'http://127.0.0.1:{self.server.server_address[1]}/w?token=a%20b'
        secret = 'whsec_' + base64.b64encode(b'key').decode()
        self.assertEqual(deliver(url, {'text': 'Grüße'}, secret), (200, b'{}'))
        paths, headers, bodies = zip(*self.received)
        self.assertEqual((set(paths), len(bodies), len(set(bodies))), ({'/w?token=a%20b'}, 3, 1))
        self.assertEqual(len({sent['webhook-id'] for sent in headers}), 1)
        for sent, body in zip(headers, bodies):
            signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
            mac = base64.b64encode(hmac.digest(b'key', signed, 'sha256')).decode()
            self.assertEqual(sent['webhook-signature'], f'v1,{mac}')
        self.assertEqual(json.loads(bodies[0]), {'text': 'Grüße'})


class Performing(unittest.TestCase):
    def test_sends_text_that_is_no_unicode_and_nothing_that_is_no_json(self) -> None:
        self.assertEqual(encode({'a': '\ud800'}), b'{"a":"?"}')
        for value in (float('nan'), {1}, b'bytes'):
            with self.assertRaises((TypeError, ValueError)):
                encode(value)

    def test_ends_with_an_error_that_names_the_field(self) -> None:
        request = {**REQUEST, 'input': [], 'config': {**REQUEST['config'], 'dryRun': False}}
        outcome = Job(request).perform()
        self.assertEqual((outcome['status'], outcome['error']), ('error', 'input: must be an object'))


if __name__ == '__main__':
    unittest.main()
