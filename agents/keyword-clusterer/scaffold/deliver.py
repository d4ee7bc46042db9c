"""Posts JSON to the orchestrator until it is answered for good or the deadline has passed."""
from __future__ import annotations

import base64
import hmac
import random
import socket
import threading
import time
import uuid
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from .contract import encode

#: In seconds; and what is read of an answer.
FIRST_PAUSE, LONGEST_PAUSE, ONE_TRY, DEADLINE, ANSWER_BYTES = 0.2, 15, 10, 600, 10 * 1024 * 1024


def _signature(message_id: str, body: bytes, secret: str) -> dict[str, str]:
    """Standard Webhooks headers over the exact body. A `whsec_` secret is base64, others are as they are."""
    timestamp = str(int(time.time()))
    key = base64.b64decode(secret[6:] + '==') if secret.startswith('whsec_') else secret.encode()
    mac = base64.b64encode(hmac.digest(key, f'{message_id}.{timestamp}.'.encode() + body, 'sha256')).decode()
    return {'webhook-id': message_id, 'webhook-timestamp': timestamp, 'webhook-signature': f'v1,{mac}'}


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """One try. Redirects are not followed."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == 'https' else HTTPConnection
    connection = kind(parts.netloc, timeout=ONE_TRY)
    connection.connect()
    # The time-out above is of each wait; this ends a server that drips.
    end = threading.Timer(ONE_TRY, connection.sock.shutdown, (socket.SHUT_RDWR,))
    end.start()
    try:
        target = (parts.path or '/') + (f'?{parts.query}' if parts.query else '')
        connection.request('POST', target, body, {'content-type': 'application/json', **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES)
    finally:
        end.cancel()
        connection.close()


def deliver(url: str, payload: Any, secret: str = '') -> tuple[int, bytes]:
    """
    Status and body of an answer that trying again would not change: 2xx, 3xx, and 4xx except 408 and 429.
    Throws the last failure after the deadline. No message holds the URL, because the URL holds a token.
    """
    message_id, body, started, pause = f'msg_{uuid.uuid4()}', encode(payload), time.monotonic(), FIRST_PAUSE
    while True:
        try:
            status, answer = _post(url, body, _signature(message_id, body, secret) if secret else {})
            if status < 500 and status not in (408, 429):
                return status, answer
            failure = f'status {status}'
        except (OSError, HTTPException) as error:
            failure = f'{type(error).__name__}: {error}'
        if time.monotonic() - started + pause > DEADLINE:
            raise TimeoutError(f'given up, last failure: {failure}')
        time.sleep(pause * random.uniform(0.5, 1))
        pause = min(pause * 2, LONGEST_PAUSE)
