"""From a query to the terms it is compared by."""
from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Iterable

from .languages import ENDINGS, LIGHT_WORDS, STOP_WORDS

#: Unless more than this share of the queries has a stop word of one language, English is assumed.
LEAST_SHARE = 0.02
_ACCENTS = re.compile('[\u0300-\u036f]')
#: Letters, digits and the marks of scripts that need them; `c++` and `c#` are words.
_WORD = re.compile('[^\\W_](?:[^\\W_]|[\u0591-\u05bd\u064b-\u065f\u0900-\u0dff\u0e31-\u0e4e])*[+#]*')
#: Scripts without spaces between words.
_UNSPACED = '\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff'
_PART = re.compile(f'([{_UNSPACED}]+)|[^{_UNSPACED}]+')
_YEAR = re.compile(r'(?:19|20)\d\d')


def words(query: str) -> list[str]:
    """Its words, lower-case and without accents; of scripts without spaces each pair of neighbours."""
    folded = _ACCENTS.sub('', unicodedata.normalize('NFKD', query.casefold()))
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize('NFC', folded)):
        for part in _PART.finditer(word):
            run = part[0]
            found.extend([run[n : n + 2] for n in range(len(run) - 1)] if part[1] and len(run) > 1 else [run])
    return found


def detect_language(queries: Iterable[list[str]]) -> str:
    """The language whose stop words are in the most queries."""
    owners: dict[str, list[str]] = {}
    for language, listed in STOP_WORDS.items():
        for word in listed.split():
            owners.setdefault(word, []).append(language)
    hits: Counter[str] = Counter()
    total = 0
    for query in queries:
        total += 1
        hits.update({language for word in query for language in owners.get(word, ())})
    best = max(STOP_WORDS, key=lambda language: hits[language])  # of equals the first
    return best if hits[best] > total * LEAST_SHARE else 'en'


class Reader:
    """Reads words as those of one language."""

    def __init__(self, language: str) -> None:
        self._stop = frozenset(STOP_WORDS[language].split())
        self._endings = ENDINGS[language]
        self._stems: dict[str, str] = {}
        self._light = frozenset(self.stem(word) for word in LIGHT_WORDS[language].split())

    def terms(self, query: list[str]) -> frozenset[str]:
        """Stems of what is no stop word; of a query that has no other words, all of them."""
        telling = [word for word in query if word not in self._stop]
        return frozenset(self.stem(word) for word in telling or query)

    def is_light(self, term: str) -> bool:
        return term in self._light or _YEAR.fullmatch(term) is not None

    def stem(self, word: str) -> str:
        known = self._stems.get(word)
        if known is None:
            known = self._stems[word] = word if not word.isalpha() else self._strip(word)
        return known

    def _strip(self, word: str) -> str:
        for step in self._endings:
            for ending, instead in step:
                if word.endswith(ending):
                    rest = word[: len(word) - len(ending)] + instead
                    if len(rest) >= 3 and any(letter in 'aeiouy' for letter in rest):
                        word = rest
                    break
        return word
