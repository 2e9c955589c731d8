"""A linear model over words and phrases: a label's score is the sum of the weights of the message's features.

The weights of one feature for all labels are packed into one integer, a lane of bits per label, so that one addition
adds all labels at once; that makes pure Python fast enough.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from shared.domain.triage.text_normalizer import Speller, Words, marked

# A weight is one byte around 128; a lane holds the sum of millions of them, and a struct's "I" reads it.
LANE_BYTES = 4
ZERO = 128
GRAM = 5
GRAM_MARK = "~"
_NOWHERE = (-1, -1)
# The key under which the tree of phrases keeps the kinds of a phrase that ends there; no word is empty.
_KINDS = ""
MOST_REASONS = 12


# The features of a message by name, each with its first and last word (-1 for signs).
Features = dict[str, tuple[int, int]]


class Lexicon:
    """The lexicon: `kinds` map a name to its phrases, `small` are stop words."""

    def __init__(self, speller: Speller, kinds: Mapping[str, Iterable[str]], small: Iterable[str]) -> None:
        self.speller = speller
        self.small = frozenset(word for content in small for word in speller.phrase(content).split())
        self._phrases: dict[str, Any] = {}
        for kind, phrases in kinds.items():
            for phrase in phrases:
                node = self._phrases
                for word in speller.phrase(phrase).replace("?", "").split():
                    node = node.setdefault(word, {})
                if f"@{kind}" not in node.get(_KINDS, ()):
                    node[_KINDS] = (*node.get(_KINDS, ()), f"@{kind}")

    def features(self, words: Words) -> Features:
        """Words, pairs of words, and kinds of words, alone and in pairs."""
        plain, written, small = words.plain, words.written, self.small
        found: Features = {}
        for at, word in enumerate(plain):
            found[word] = (at, at)
            marks = marked(written[at])
            if marks:
                found[marks] = (at, at)
        content = [(word, at) for at, word in enumerate(plain) if word not in small]
        for (one, first), (two, last) in pairwise(content):
            found[f"{one} {two}"] = (first, last)
        meant = self._meant(plain, found)
        for (one, first, _), (two, _, last) in pairwise(meant):
            if one[0] == "@" or two[0] == "@":
                found[f"{one} {two}"] = (first, last)
        if meant:
            found[f"^ {meant[0][0]}"] = meant[0][1:]
            found[f"{meant[-1][0]} $"] = meant[-1][1:]
        for sign in words.signs:
            found[sign] = _NOWHERE
        found[f"#size{min(len(content), 40).bit_length()}"] = _NOWHERE
        return found

    def _meant(self, plain: Sequence[str], found: Features) -> list[tuple[str, int, int]]:
        """The message without stop words, phrases replaced by their kind, the longest first; adds the kinds to
        `found`."""
        small, phrases = self.small, self._phrases
        meant: list[tuple[str, int, int]] = []
        at, count = 0, len(plain)
        while at < count:
            word = plain[at]
            last, named = at, None
            node, here = phrases.get(word), at
            while node is not None:
                if _KINDS in node:
                    last, named = here, node[_KINDS]
                here += 1
                node = node.get(plain[here]) if here < count else None
            if named is not None:
                for kind in named:
                    found[kind] = (at, last)
                meant.append((named[0], at, last))
            elif word not in small:
                meant.append((word, at, at))
            at = last + 1
        return meant

    @staticmethod
    def grams(words: Words) -> set[str]:
        """Character n-grams across words: they survive typing errors and missing spaces."""
        text = f" {' '.join(words.plain)} "
        return {text[at : at + GRAM] for at in range(len(text) - GRAM + 1)}


class Head(NamedTuple):
    """One classification of the model: its labels, the value of a weight's step, and the sharpness of its
    probabilities."""

    labels: tuple[str, ...]
    first: int
    step: float
    bias: tuple[float, ...]
    sharpness: float


class Reading(NamedTuple):
    """The summed weights of a message's known features, their number, and the weights of words and phrases."""

    total: int
    known: int
    phrases: list[tuple[int, tuple[int, int]]]


class Model:
    """Weights by feature. `data` is the model file: heads with labels, steps and biases, and the weights in base 64."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.heads: dict[str, Head] = {}
        first = 0
        for name, head in data["heads"].items():
            labels = tuple(head["labels"])
            self.heads[name] = Head(labels, first, head["step"], tuple(head["bias"]), head["sharpness"])
            first += len(labels)
        self._sums = struct.Struct(f"<{first}I")
        self._weights = _unpack(data["features"], base64.b64decode(data["weights"]), first)
        # N-grams have a mark in front in the file, for " la " is one and "la" is a word.
        self._grams = {name[1:]: self._weights.pop(name) for name in list(self._weights) if name[0] == GRAM_MARK}

    def read(self, lexicon: Lexicon, words: Words) -> Reading:
        """The model's reading of a message."""
        get = self._weights.get
        phrases = [(weight, span) for name, span in lexicon.features(words).items() if (weight := get(name))]
        known = [weight for weight, _ in phrases]
        known += filter(None, map(self._grams.get, lexicon.grams(words)))
        return Reading(sum(known), len(known), phrases)

    def chances(self, reading: Reading) -> dict[str, list[float]]:
        """The probabilities of each head's labels, in their order; they add up to 1."""
        norm = 1 / math.sqrt(reading.known) if reading.known else 0.0
        nothing = ZERO * reading.known
        sums = self._sums.unpack(reading.total.to_bytes(self._sums.size, "little"))
        answer: dict[str, list[float]] = {}
        for name, head in self.heads.items():
            scale = head.step * norm
            own = zip(sums[head.first :], head.bias, strict=False)
            answer[name] = _chances([(lane - nothing) * scale + bias for lane, bias in own], head.sharpness)
        return answer

    def reasons(self, reading: Reading, intent: int, severity: int) -> list[tuple[int, int]]:
        """The spans (first and last word) with the most weight for these two labels, the heaviest first."""
        one = (self.heads["intent"].first + intent) * LANE_BYTES
        two = (self.heads["severity"].first + severity) * LANE_BYTES
        size = self._sums.size
        for_it = []
        for weight, span in reading.phrases:
            lanes = weight.to_bytes(size, "little")
            if lanes[one] + lanes[two] > 2 * ZERO and span is not _NOWHERE:
                for_it.append((lanes[one] + lanes[two], span))
        for_it.sort(reverse=True)
        return [span for _, span in for_it[:MOST_REASONS]]


def _chances(scores: Sequence[float], sharpness: float) -> list[float]:
    highest = max(scores)
    powers = [math.exp((score - highest) * sharpness) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def _unpack(features: str, weights: bytes, lanes: int) -> dict[str, int]:
    table: dict[str, int] = {}
    row = bytearray(lanes * LANE_BYTES)
    for number, name in enumerate(features.split("\n")):
        row[::LANE_BYTES] = weights[number * lanes : (number + 1) * lanes]
        table[name] = int.from_bytes(row, "little")
    return table
