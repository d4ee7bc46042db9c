"""Groups sets of terms that are alike: TF-IDF, cosine similarity, an inverted index instead of all pairs."""
from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from typing import Callable, Iterable, Sequence

#: What a light word counts, compared with another that is as rare.
LIGHT_WEIGHT = 0.4
#: How far a similarity may be off by the rounding of its sums.
ROUNDING = 1e-9

Vector = dict[str, float]
#: Called before each step with how many are done, of how many; throws to end the work.
Look = Callable[[int, int], None]


class Space:
    """The vectors of all queries, each of length 1 and with its rarest term, which tells the most, first."""

    def __init__(self, queries: Sequence[frozenset[str]], is_light: Callable[[str], bool]) -> None:
        found = Counter(term for terms in queries for term in terms)
        weigh = {
            # The root keeps one word that nobody else uses from outweighing all that queries share.
            term: math.sqrt(math.log(1 + len(queries) / count)) * (LIGHT_WEIGHT if is_light(term) else 1)
            for term, count in found.items()
        }
        ranked = sorted(weigh, key=lambda term: (-weigh[term], term))
        rank = {term: n for n, term in enumerate(ranked)}
        # In one order everywhere, so that no sum depends on how a set is laid out.
        ordered = (sorted(terms, key=rank.__getitem__) for terms in queries)
        self.vectors = [unit({term: weigh[term] for term in terms}) for terms in ordered]


def unit(vector: Vector) -> Vector:
    length = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {term: weight / length for term, weight in vector.items()}


def similarity(one: Vector, other: Vector) -> float:
    return sum(weight * other[term] for term, weight in one.items() if term in other)


class Index:
    """Finds the centre that is most alike."""

    def __init__(self, least: float) -> None:
        self._least = least
        self.centres: list[Vector] = []
        self._by_term: dict[str, tuple[list[float], list[int]]] = {}  # those it weighs most in first

    def add(self, centre: Vector) -> int:
        for term, weight in centre.items():
            minus_weights, centres = self._by_term.setdefault(term, ([], []))
            place = bisect_right(minus_weights, -weight)
            minus_weights.insert(place, -weight)
            centres.insert(place, len(self.centres))
        self.centres.append(centre)
        return len(self.centres) - 1

    def nearest(self, vector: Vector) -> int | None:
        """The most alike of the centres, of equals the earliest, if it is at least `least` alike."""
        best, best_alike, terms = None, self._least - ROUNDING, list(vector.items())
        for n in self._candidates(vector):
            centre, alike = self.centres[n], 0.0  # not `similarity`: this loop is where the time goes
            for term, weight in terms:
                if term in centre:
                    alike += weight * centre[term]
            if alike > best_alike or (alike == best_alike and best is not None and n < best):
                best, best_alike = n, alike
        return best

    def _candidates(self, vector: Vector) -> set[int]:
        """
        Every centre that is alike enough, and some others. Of those whose rarest common term is this one,
        only they can be in which it weighs enough: all later terms together add no more than their length.
        That spares the long lists of the terms that everybody uses.
        """
        found: set[int] = set()
        rest = 1.0  # squared length of the terms from here on
        for term, weight in vector.items():
            rest -= weight * weight
            enough = (self._least - math.sqrt(max(0.0, rest))) / weight - ROUNDING
            if term in self._by_term:
                minus_weights, centres = self._by_term[term]
                found.update(centres[: bisect_right(minus_weights, -enough)])
        return found


def cluster(space: Space, least: float, look: Look) -> list[list[int]]:
    """
    Groups the space's vectors, of which the most important come first. Each joins the most similar leader
    so far, or becomes one; then each moves to the group whose middle it is most similar to. Groups of one
    are among them.
    """
    total = len(space.vectors)
    leaders, led = Index(least), []
    for n, vector in enumerate(space.vectors):
        look(n, 2 * total)
        nearest = leaders.nearest(vector)
        led.append(leaders.add(vector) if nearest is None else nearest)
    groups = _groups(led, len(leaders.centres))
    middles = Index(least)
    for group in groups:
        middles.add(middle(space, group))
    moved = []
    for n, vector in enumerate(space.vectors):
        look(total + n, 2 * total)
        nearest = middles.nearest(vector)
        moved.append(led[n] if nearest is None else nearest)
    return [group for group in _groups(moved, len(groups)) if group]


def middle(space: Space, group: Iterable[int]) -> Vector:
    added: Vector = {}
    for n in group:
        for term, weight in space.vectors[n].items():
            added[term] = added.get(term, 0.0) + weight
    return unit(added)


def _groups(of: list[int], count: int) -> list[list[int]]:
    groups: list[list[int]] = [[] for _ in range(count)]
    for n, group in enumerate(of):
        groups[group].append(n)
    return groups
