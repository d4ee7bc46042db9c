"""A run that is done once more: its tools are answered from what they gave the first time."""
from __future__ import annotations

import json
import threading
from typing import Any, Callable

from .context import NotRecorded

#: Never answered from records: what a model makes of the job is a part of what is judged.
ASKED_ANEW = 'llm'


class Replay:
    """What `replayCalls` holds. A call without a record goes to its tool, or is refused if asked for."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._of, self._refuses = config.get('replayOf', 'what is replayed'), 'unrecorded' in config
        self._recorded: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._taking = threading.Lock()
        for one in config.get('replayCalls', []):
            self._recorded.setdefault(_key(one), []).append(one)

    def answer(self, entry: dict[str, Any], call: Callable[[], Any]) -> Any:
        """Gives what this call gave then. @raises what it raised, with another type; NotRecorded"""
        if entry['name'] == ASKED_ANEW:
            return call()
        with self._taking:
            same = [] if 'shortened' in entry else self._recorded.get(_key(entry), [])
            found = same.pop(0) if len(same) > 1 else same[0] if same else None
        if found and 'error' in found:
            raise RuntimeError(found['error'])
        if found:
            return json.loads(json.dumps(found['result']))
        if not self._refuses:
            return call()
        lacking = 'has no whole record of it with these parameters'
        raise NotRecorded(f'tool {entry["name"]}: {self._of} {lacking}')


def _key(call: dict[str, Any]) -> tuple[str, str]:
    """The same for 1 and 1.0, which JSON does not tell apart, and for whatever order of keys."""
    params = json.loads(json.dumps(call['params']), parse_int=float)
    return call['name'], json.dumps(params, sort_keys=True)
