"""Text similarity between a message and known phrasings, over synonyms.

Two measures are averaged. The cosine of TF-IDF vectors over words and word pairs (Salton and Buckley 1988,
"Term-weighting approaches in automatic text retrieval") finds the most similar single phrasing. The share of the
message's weight that occurs in any phrasing of one topic finds words that no single phrasing combines. Unknown words
count against a message, so that a question about something else does not match.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import log, sqrt

Phrasing = tuple[str, Sequence[str]]

# Unknown words get this fraction of the highest IDF; most of them are small talk.
_UNKNOWN = 0.5
# The factor of a word that occurs in a single phrasing of its topic.
_ONCE = 0.7
# Little overlap is little evidence: an overlap of this weight counts half.
_DOUBT = 6.0


class Synonyms:
    """Maps synonyms, words or phrases, to one term and drops stop words."""

    def __init__(self, same: Iterable[Iterable[Sequence[str]]], empty: Iterable[str]) -> None:
        self._one: dict[tuple[str, ...], str] = {}
        for group in same:
            phrases = [tuple(phrase) for phrase in group]
            for phrase in phrases:
                self._one.setdefault(phrase, "=" + "_".join(phrases[0]))
        self._longest: dict[str, int] = {}
        for phrase in self._one:
            self._longest[phrase[0]] = max(len(phrase), self._longest.get(phrase[0], 0))
        self._empty = frozenset(empty)

    def terms(self, words: Sequence[str]) -> list[str]:
        """The terms of a text."""
        found, at = [], 0
        while at < len(words):
            most = self._longest.get(words[at], 0)
            for length in range(min(most, len(words) - at), 0, -1):
                if one := self._one.get(tuple(words[at : at + length])):
                    found.append(one)
                    at += length
                    break
            else:
                if words[at] not in self._empty:
                    found.append(words[at])
                at += 1
        return found


class Index:
    """An index of phrasings by the name of their topic."""

    def __init__(self, asked: Iterable[Phrasing]) -> None:
        texts = [(name, terms) for name, terms in asked if terms]
        self._names = [name for name, _ in texts]
        vectors = [Counter(_with_pairs(terms)) for _, terms in texts]
        self._rarity = _rarity(vectors)
        self._rarest = _UNKNOWN * (1.0 + log(max(len(texts), 1)))
        self._found_in: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, vector in enumerate(vectors):
            for term, weight in self._unit(vector).items():
                self._found_in[term].append((number, weight))
        pooled: dict[str, Counter[str]] = defaultdict(Counter)
        for name, terms in texts:
            pooled[name].update(set(terms))
        self._telling = _rarity(pooled.values())
        self._most_telling = _UNKNOWN * (1.0 + log(max(len(pooled), 1)))
        self._asked_with: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for name, counts in pooled.items():
            for term, count in counts.items():
                self._asked_with[term].append((name, 1.0 if count > 1 else _ONCE))

    def alike(self, terms: Sequence[str]) -> dict[str, float]:
        """The similarity of a text with these terms to each topic, 0 to 1; only topics that share a term."""
        near: dict[int, float] = defaultdict(float)
        for term, weight in self._unit(Counter(_with_pairs(terms))).items():
            for number, part in self._found_in.get(term, ()):
                near[number] += weight * part
        nearest: dict[str, float] = {}
        for number, score in near.items():
            name = self._names[number]
            if score > nearest.get(name, 0.0):
                nearest[name] = score
        covered: dict[str, float] = defaultdict(float)
        whole = 0.0
        for term in set(terms):
            weight = self._telling.get(term, self._most_telling) ** 2
            whole += weight
            for name, part in self._asked_with.get(term, ()):
                covered[name] += weight * part
        return {
            name: (nearest.get(name, 0.0) + part / whole) / 2 * part / (part + _DOUBT) for name, part in covered.items()
        }

    def _unit(self, terms: Mapping[str, int]) -> dict[str, float]:
        weights = {term: (1 + log(n)) * self._rarity.get(term, self._rarest) for term, n in terms.items()}
        length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {term: weight / length for term, weight in weights.items()}


def _rarity(texts: Iterable[Mapping[str, int]]) -> dict[str, float]:
    """The inverse document frequency of each term."""
    texts = list(texts)
    used = Counter(term for terms in texts for term in terms)
    return {term: 1.0 + log(len(texts) / count) for term, count in used.items()}


def _with_pairs(terms: Sequence[str]) -> list[str]:
    return [*terms, *(f"{first} {second}" for first, second in pairwise(terms))]
