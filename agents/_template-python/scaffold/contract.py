"""What goes in and out: the request for a run, entries of its result, JSON, and lines of the log."""
from __future__ import annotations

import json
import threading
from datetime import datetime, timezone
from typing import Any, Callable

from .schema import Misfit, anything, boolean, list_of, mapping, number, optional, record, text

_id, _count, _writing = text(1, 200), number(0, whole=True), threading.Lock()
#: ASCII without spaces, as a URL is on the wire: it is used exactly as it was given.
URL = text(1, 8000, r'https?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?([/?][!-~]*)?', 'an http or https URL')
#: What a tool gave, or why it failed, when the job was done first.
RECORDED_CALL = record(
    name=text(),
    params=optional(anything(), None),
    result=optional(anything(), None),
    error=optional(text(0, 1_000_000)),
)
#: Body of `POST /run`. What is not named here is dropped, so that additions to the contract do no harm.
RUN_REQUEST = record(
    workflowId=_id,
    stepId=_id,
    runId=text(36, 36, r'[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', 'a UUID'),
    input=mapping(),
    config=record(
        webhookUrl=URL,
        timeoutSeconds=number(0.001, 86_400),
        attempt=optional(number(1, whole=True)),
        dryRun=optional(boolean(), False),
        replayOf=optional(text()),
        replayCalls=optional(list_of(RECORDED_CALL)),
        unrecorded=optional(text(pattern='refuse', must='refuse')),
    ),
)
#: One model's consumption; `costUsd` in US dollars.
USAGE = record(
    provider=text(),
    model=text(),
    inputTokens=_count,
    outputTokens=_count,
    cacheReadTokens=optional(_count),
    costUsd=number(0),
)
#: One effect outside the system.
ACTION = record(
    type=text(1),
    platform=optional(text()),
    costUsd=optional(number(0)),
    recurring=optional(boolean()),
    reach=optional(_count),
)


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec='milliseconds')


def encode(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """JSON; what it has no form for goes through `default`. @raises TypeError, ValueError: for NaN, too"""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(',', ':'), default=default)
    return line.encode('utf-8', 'replace')  # half a surrogate pair is all that UTF-8 has not


def decode(body: bytes, place: str) -> Any:
    """@raises Misfit"""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Misfit(f'{place}: must be JSON: {error}') from None


def log(message: str, **fields: Any) -> None:
    """Writes one JSON line."""
    line = json.dumps({'time': now(), 'message': message, **fields}, separators=(',', ':'), default=str)
    with _writing:
        print(line, flush=True)
