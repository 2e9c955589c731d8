"""How alike two short texts are: the cosine of their TF-IDF vectors over words and word pairs.

Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval". Words that nobody ever asked with
count against a message, so that a question about something else is not taken for one of ours.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import log, sqrt


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What stands in every message and asks nothing.
_EMPTY = _set(
    """
    a ad ah ak alo anh ban cho chi chu co da dang dum duoc e em giup gium hoi ha he i la luon ma minh muon nha nhe nhi
    nua oi q r roi shop the thi tiem toi u va vay vi voi xin y z
    an are can do does for how i if is it me my of please to what you your
    """
)


class Index:
    """Texts by the name of what they ask for, each of unit length, found by the words they have."""

    def __init__(self, asked: Iterable[tuple[str, Sequence[str]]]) -> None:
        texts = [(name, Counter(_terms(words))) for name, words in asked]
        used = Counter(term for _, terms in texts for term in terms)
        self._names = [name for name, _ in texts]
        self._rarity = {term: 1.0 + log(len(texts) / count) for term, count in used.items()}
        self._rarest = 1.0 + log(max(len(texts), 1))
        self._found_in: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, (_, terms) in enumerate(texts):
            for term, weight in self._weighed(terms).items():
                self._found_in[term].append((number, weight))

    def alike(self, words: Sequence[str]) -> dict[str, float]:
        """By name, how alike the most alike of its texts is, 0 to 1; names that share no word are left out."""
        scores: dict[int, float] = defaultdict(float)
        for term, weight in self._weighed(Counter(_terms(words))).items():
            for number, part in self._found_in.get(term, ()):
                scores[number] += weight * part
        best: dict[str, float] = {}
        for number, score in scores.items():
            name = self._names[number]
            if score > best.get(name, 0.0):
                best[name] = score
        return best

    def _weighed(self, terms: Mapping[str, int]) -> dict[str, float]:
        weights = {term: (1 + log(n)) * self._rarity.get(term, self._rarest) for term, n in terms.items()}
        length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {term: weight / length for term, weight in weights.items()}


def _terms(words: Sequence[str]) -> list[str]:
    said = [word for word in words if word not in _EMPTY]
    return [*said, *(f"{first} {second}" for first, second in pairwise(said))]
