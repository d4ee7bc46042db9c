"""HTTP: GET /health and /status, POST /run and /cancel; one request a connection."""
from __future__ import annotations

import io
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .contract import RUN_REQUEST, decode, encode, log
from .runner import Runner
from .schema import Misfit, record, text

REQUEST_BYTES, REQUEST_SECONDS, RETRY_AFTER_SECONDS = 10 * 1024 * 1024, 60, 2
#: What is read of a request that is too large, so that its sender sees the answer.
DRAIN_BYTES, DRAIN_SECONDS = 64 * 1024 * 1024, 5
#: Threads in all, and connections that may wait for one.
THREADS, WAITING = 400, 128
JOB_NAME = record(runId=text(1, 200), stepId=text(1, 200))


class Incoming(socket.SocketIO):
    """What a client sends; its whole request has one deadline, however slowly it drips."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection, 'r')
        self.deadline = time.monotonic() + REQUEST_SECONDS

    def readinto(self, buffer: Any) -> Any:
        self._sock.settimeout(max(0.001, self.deadline - time.monotonic()))
        return super().readinto(buffer)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version, server_version, sys_version = 'HTTP/1.1', 'agent', ''
    default_request_version = 'HTTP/1.1'  # of a line that is no HTTP, so that it is answered in full
    wbufsize = -1  # an answer goes out as a whole

    def setup(self) -> None:
        super().setup()
        self.incoming = Incoming(self.connection)
        self.rfile = io.BufferedReader(self.incoming)

    def do_GET(self) -> None:
        url, server = urlsplit(self.path), self.server
        asked = dict(parse_qsl(url.query))
        if url.path == '/health':
            self.answer(200, {'status': 'ok', **server.who})
        elif url.path == '/status':
            held = server.runner.status((asked.get('runId', ''), asked.get('stepId', '')))
            self.answer(200, {**held, 'bootId': server.who['bootId']})
        else:
            self.answer(404, {'error': 'not found'})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path, length = urlsplit(self.path).path, self.headers.get('content-length', '')
        if not length.isdecimal():
            return self.answer(411, {'error': 'content-length: is missing'})
        if int(length) > REQUEST_BYTES:
            return self.refuse_large()
        body = self.rfile.read(int(length))
        if path not in ('/run', '/cancel'):
            return self.answer(404, {'error': 'not found'})
        if self.headers.get_content_type() != 'application/json':
            return self.answer(415, {'error': 'content-type: must be application/json'})
        try:
            self.answer(*(self.run if path == '/run' else self.cancel)(decode(body, 'body')))
        except Misfit as error:
            self.answer(400, {'error': str(error)})

    def run(self, body: Any) -> tuple[int, dict[str, Any]]:
        verdict = self.server.runner.accept(RUN_REQUEST(body, 'body'))
        return {
            'accepted': (202, {'accepted': True}),
            'duplicate': (202, {'accepted': True, 'duplicate': True}),
            'busy': (429, {'error': 'busy'}),
        }[verdict]

    def cancel(self, body: Any) -> tuple[int, dict[str, Any]]:
        job = JOB_NAME(body, 'body')
        self.server.runner.stop('cancelled', only=(job['runId'], job['stepId']))
        return 202, {'accepted': True}

    def refuse_large(self) -> None:
        self.answer(413, {'error': f'body: larger than {REQUEST_BYTES} bytes'})
        self.wfile.flush()
        # Who is still sending would not see the answer on a connection that is closed.
        self.incoming.deadline, left = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES
        while left > 0 and (read := len(self.rfile.read1(65_536))):
            left -= read

    def answer(self, status: int, content: dict[str, Any]) -> None:
        body, self.close_connection = encode(content), True
        self.send_response(status)
        headers = {'content-type': 'application/json', 'content-length': len(body), 'connection': 'close'}
        headers.update({'retry-after': RETRY_AFTER_SECONDS} if status == 429 else {})
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(b'' if self.command == 'HEAD' else body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.answer(code, {'error': message or 'bad request'})

    def log_message(self, format: str, *args: Any) -> None:
        pass  # requests are the caller's to log


class Server(ThreadingTCPServer):
    daemon_threads, allow_reuse_address, request_queue_size = True, True, WAITING
    # Where there is IPv6, its socket takes IPv4 as well.
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def __init__(self, port: int, runner: Runner, who: dict[str, str]) -> None:
        self.runner, self.who = runner, who
        super().__init__(('', port), Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return threading.active_count() < THREADS

    def handle_error(self, request: Any, client_address: Any) -> None:
        log('connection failed', error=repr(sys.exc_info()[1]))
