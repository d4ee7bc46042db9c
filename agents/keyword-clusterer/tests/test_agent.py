"""Starts the agent as its Procfile does and talks to it."""
from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import unittest
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent
DEADLINE_SECONDS = 20
#: The agent's own variables, which whoever runs the tests may have set for themselves.
OWN = ('AGENT_', 'STARTUP_', 'ORCHESTRATOR_', 'RESULT_')


def start(**env: str) -> subprocess.Popen[str]:
    command = (FOLDER / 'Procfile').read_text('utf-8').split('web:')[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return subprocess.Popen(
        [sys.executable, *shlex.split(command)[1:]],
        cwd=FOLDER,
        env={**inherited, 'PORT': '0', **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding='utf-8',
    )


class Agent(unittest.TestCase):
    def setUp(self) -> None:
        self.agent = start()
        self.addCleanup(self.end)
        watchdog = threading.Timer(DEADLINE_SECONDS, self.agent.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        self.port = json.loads(self.agent.stdout.readline())['port']

    def end(self) -> None:
        self.agent.kill()
        self.agent.wait()
        self.agent.stdout.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = HTTPConnection('127.0.0.1', self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body and json.dumps(body), {'content-type': 'application/json'})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def test_is_healthy_and_idle_and_ends_when_told_to(self) -> None:
        status, health = self.ask('GET', '/health')
        self.assertEqual((status, health['status'], health['mode']), (200, 'ok', 'api'))
        self.assertEqual(self.ask('GET', '/status'), (200, {'state': 'idle', 'bootId': health['bootId']}))
        self.agent.terminate()
        self.assertEqual(self.agent.wait(DEADLINE_SECONDS), 0)

    def test_refuses_what_does_not_fit_naming_the_field(self) -> None:
        status, answer = self.ask('POST', '/run', {'workflowId': 'test'})
        self.assertEqual(status, 400)
        self.assertRegex(answer['error'], r'^body\.stepId: is missing')

    def test_serves_others_beside_a_client_that_never_ends_its_request(self) -> None:
        with socket.create_connection(('127.0.0.1', self.port)) as silent:
            silent.sendall(b'POST /run HTTP/1.1\r\ncontent-length: 100\r\n\r\n{')
            self.assertEqual(self.ask('GET', '/health')[0], 200)


class Misconfigured(unittest.TestCase):
    def test_names_the_variable_and_ends(self) -> None:
        for env, expected in (
            ({'AGENT_MODE': 'always'}, 'AGENT_MODE: must be api or startup'),
            ({'AGENT_MODE': 'startup'}, 'AGENT_MODE: startup needs ORCHESTRATOR_WEBHOOK_URL'),
            ({'AGENT_CONCURRENCY': 'many'}, 'AGENT_CONCURRENCY: must be a whole number from 1 to 99'),
            ({'STARTUP_INPUT': '[]'}, 'STARTUP_INPUT: must be an object'),
        ):
            with start(**env) as agent:
                output = agent.communicate(timeout=DEADLINE_SECONDS)[0]
            self.assertIn(expected, output)
            self.assertEqual(agent.returncode, 1)


if __name__ == '__main__':
    unittest.main()
