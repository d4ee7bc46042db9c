"""Example job: greets somebody, once or several times."""
from __future__ import annotations

from typing import Any

from scaffold.context import Context
from scaffold.schema import list_of, number, optional, record, text

#: Keys that are not named here are dropped: an input also carries the outputs of the steps before.
INPUT = record(
    name=optional(text(1, 200), 'world'),
    # How often to greet.
    times=optional(number(1, 100, whole=True), 1),
    # Pause before each greeting, in milliseconds.
    pauseMs=optional(number(0, 60_000, whole=True), 0),
)

OUTPUT = record(greetings=list_of(text()))


def run(input: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """@raises Stopped when `ctx.signal` is set during a pause"""
    name, times = input['name'], input['times']
    greetings: list[str] = []
    for n in range(1, times + 1):
        ctx.signal.wait(input['pauseMs'] / 1000)
        ctx.signal.check()
        greetings.append(ctx.tool('greet', {'name': name}, lambda: f'Hello, {name}!'))
        ctx.progress({'greeted': n, 'of': times})
    return {'greetings': greetings}
