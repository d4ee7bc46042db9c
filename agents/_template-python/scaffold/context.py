"""What a job gets beside its input, and what is recorded of its work."""
from __future__ import annotations

import json
import threading
import time
from typing import Any, Callable, TypeVar

from .contract import ACTION, USAGE, encode, log, now

T = TypeVar('T')
#: Entries of each kind; bytes of all records, of one value in them, and characters kept of a longer one.
ENTRIES, RECORD_BYTES, VALUE_BYTES, BRIEF_CHARS = 1000, 768 * 1024, 16 * 1024, 1024


class Stopped(Exception):
    """Ends a job that was told to stop."""


class NotRecorded(Stopped):
    """Ends a job that is done once more: a tool was called that was not called so the first time."""

    kind = 'no-recording'


class Signal(threading.Event):
    """Set on timeout, cancel and shutdown. `wait(seconds)` pauses, and is true when it was set meanwhile."""

    reason = ''

    def check(self) -> None:
        """Call it in every long loop. @raises Stopped when it is set"""
        if self.is_set():
            raise Stopped(self.reason)


class Context:
    """One run, for its job. Its methods may be called from any thread."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.ids = {name: request[name] for name in ('workflowId', 'stepId', 'runId')}
        self.ids.update({name: value for name, value in request['config'].items() if name == 'attempt'})
        #: In a dry run a job must not change anything outside of itself.
        self.dry_run: bool = request['config']['dryRun']
        self.signal = Signal()
        self.records: dict[str, Any] = {}
        self._room, self._recording, self._replay = RECORD_BYTES, threading.Lock(), None
        if request['config'].keys() & {'replayCalls', 'unrecorded'}:
            from .replay import Replay

            self._replay = Replay(request['config'])

    def end(self, reason: str, kind: str) -> None:
        """Tells the job to end. A runner also settles it, by that."""
        self.signal.reason = reason
        self.signal.set()

    def log(self, message: str, **fields: Any) -> None:
        log(message, **{**fields, **self.ids})

    def progress(self, value: Any) -> None:
        """Shows how far the job is, at `/status` and in the result: any JSON value."""
        with self._recording:
            self.records = {**self.records, 'progress': _copy(value)[0]}

    def usage(self, **entry: Any) -> None:
        """Records a model's consumption: see USAGE."""
        self._record('usage', USAGE(entry, 'usage'))

    def action(self, **entry: Any) -> None:
        """Records an effect outside the system: see ACTION. @raises RuntimeError in a dry run"""
        if self.dry_run:
            raise RuntimeError(f'action {entry.get("type")}: a dry run has no effects; ask ctx.dry_run')
        self._record('actions', {**ACTION(entry, 'action'), 'at': now()})

    def tool(self, name: str, params: Any, call: Callable[[], T]) -> T:
        """Calls `call()` and records its parameters, its result or error, and its time."""
        (given, cut), started, refusal = _copy(params), time.monotonic(), None
        entry = {'name': name, 'params': given, **cut, 'at': now()}
        try:
            result = self._replay.answer(entry, call) if self._replay else call()
            entry['result'], cut = _copy(result)
            entry.update(cut)
            return result
        except Exception as error:
            entry['error'] = str(error)[:BRIEF_CHARS]
            refusal = error if isinstance(error, NotRecorded) else None
            raise
        finally:
            entry['latencyMs'] = round((time.monotonic() - started) * 1000)
            self._record('toolCalls', entry)
            if refusal:  # and not only raised, as a job may catch what its tools raise
                self.end(str(refusal), refusal.kind)

    def _record(self, kind: str, entry: dict[str, Any]) -> None:
        with self._recording:
            entries = self.records.get(kind, [])
            self._room -= len(encode(entry))
            if self._room >= 0 and len(entries) < ENTRIES:
                self.records = {**self.records, kind: [*entries, entry]}
                return
        self.log('not recorded: too many records', kind=kind)


def _copy(value: Any) -> tuple[Any, dict[str, bool]]:
    """The value as JSON has it. Of one that is too long the beginning is kept, as text, and that is said."""
    cut: dict[str, bool] = {}
    try:
        data = encode(value, default=str)
    except ValueError:  # NaN, or a value within itself
        data, cut = encode(str(value)), {'shortened': True}
    if len(data) <= VALUE_BYTES:
        return json.loads(data), cut
    return f'{data.decode()[:BRIEF_CHARS]}… ({len(data)} bytes)', {'shortened': True}
