"""Checks of JSON: each takes a value and its place, and gives the value or says what does not fit."""
from __future__ import annotations

import math
import re
from typing import Any, Callable

Check = Callable[[Any, str], Any]
MISSING: Any = object()


class Misfit(ValueError):
    """Names the field: `input.name: must be …`."""


def rule(fits: Callable[[Any], Any], must: str) -> Check:
    """The check that asks `fits`; `must` ends the sentence "must be …"."""

    def check(value: Any, place: str) -> Any:
        if value is MISSING or not fits(value):
            raise Misfit(f'{place}: {"is missing, " if value is MISSING else ""}must be {must}')
        return value

    return check


def text(least: int = 0, most: int = 10_000, pattern: str = '(?s).*', must: str = '') -> Check:
    """A string of so many characters, that matches `pattern` as a whole: then say what it must be."""
    fits = re.compile(pattern).fullmatch
    must = must or f'a text of {least:,} to {most:,} characters'
    return rule(lambda value: isinstance(value, str) and least <= len(value) <= most and fits(value), must)


def number(least: float = -math.inf, most: float = math.inf, whole: bool = False) -> Check:
    """A number in a range. As in JSON, 2.0 is a whole number, and true is no number."""
    fits = lambda value: type(value) in (int, float) and least <= value <= most and not (whole and value % 1)
    check = rule(fits, f'a {"whole " if whole else ""}number from {least:,} to {most:,}')
    return lambda value, place: int(check(value, place)) if whole else check(value, place)


def boolean() -> Check:
    return rule(lambda value: isinstance(value, bool), 'true or false')


def anything() -> Check:
    return lambda value, place: value


def mapping() -> Check:
    """An object with whatever keys."""
    return rule(lambda value: isinstance(value, dict), 'an object')


def list_of(item: Check, least: int = 0, most: int = 100_000) -> Check:
    fits = lambda value: isinstance(value, list) and least <= len(value) <= most
    check = rule(fits, f'a list of {least:,} to {most:,}')
    return lambda value, place: [item(one, f'{place}.{n}') for n, one in enumerate(check(value, place))]


def record(**fields: Check) -> Check:
    """An object with these fields. Others are dropped: an input also carries the outputs of earlier steps."""

    def check(value: Any, place: str) -> dict[str, Any]:
        given = mapping()(value, place)
        found = {name: field(given.get(name, MISSING), f'{place}.{name}') for name, field in fields.items()}
        return {name: one for name, one in found.items() if one is not MISSING}

    return check


def optional(check: Check, default: Any = MISSING) -> Check:
    """A field that may be missing: then it is `default`, or left out."""
    return lambda value, place: default if value is MISSING else check(value, place)
