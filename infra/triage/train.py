"""Trains the reader of customers' messages: `python -m infra.triage.train`; needs the extra `train`.

Examples are `infra/triage/examples/*.jsonl`, one file per author. What is chosen (how far the model leans towards
critical, how sure it must be to leave a message to the bot, how sharp its chances are) is chosen by leaving out one
author at a time, so that it holds for people whose style was never seen. `--score FILE` only scores the shipped model.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import json
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from shared.domain.triage.linear_model import GRAM_MARK, ZERO, Lexicon
from shared.domain.triage.triage import INTENTS, SENTIMENTS, SEVERITIES, Triage
from shared.runtime.playbook.triage import FOLDER, lexicon_of, triager, vocabulary

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "infra" / "triage" / "examples"
MODEL = FOLDER / "model.json"
WAYS = ("accented", "unaccented", "teencode")

# Everything the weights depend on, besides the examples.
SOURCES = (
    FOLDER / "words.yaml",
    ROOT / "shared/domain/triage/text_normalizer.py",
    ROOT / "shared/domain/triage/linear_model.py",
    ROOT / "infra/triage/train.py",
)
HEADS: dict[str, tuple[Any, ...]] = {
    "intent": INTENTS,
    "severity": SEVERITIES,
    "sentiment": SENTIMENTS,
    "bot": (False, True),
}
MOST_FEATURES = 20_000
LEAST_SEEN = 2
SOFTNESS = 4.0
# What the choices aim at, among authors who were left out.
CRITICAL_RECALL = 0.985
BOT_PRECISION = 0.992
# Below this share of rightly answered ones the bot keeps away from an intent altogether.
BOT_INTENT_PRECISION = 0.93


@dataclass(frozen=True)
class Example:
    """One message with its labels; `author` is the file it stands in."""

    text: str
    labels: dict[str, Any]
    way: str
    author: str


def examples(folder: Path = EXAMPLES) -> list[Example]:
    """All examples, each text once; raises ValueError for a label that does not exist."""
    found: dict[str, Example] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for example in read_examples(path):
            found.setdefault(unicodedata.normalize("NFC", example.text).lower(), example)
    return list(found.values())


def read_examples(path: Path) -> list[Example]:
    """The examples of one file, in its order."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        labels = {head: row[head] for head in HEADS}
        wrong = [head for head, label in labels.items() if label not in HEADS[head]]
        if wrong or row["way"] not in WAYS:
            raise ValueError(f"{path.name}:{number}: {', '.join(wrong) or 'way'} is none of the labels")
        found.append(Example(row["text"], labels, row["way"], path.stem))
    return found


def made_from() -> str:
    """A hash of the examples and of the code and words that turn them into weights.

    Of code it takes what runs: comments, docstrings, line breaks and where something is imported from change no weight.
    """
    digest = hashlib.sha256()
    for path in (*sorted(EXAMPLES.glob("*.jsonl")), *SOURCES):
        content = _code(path) if path.suffix == ".py" else path.read_bytes()
        digest.update(path.name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def _code(path: Path) -> bytes:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one) and not isinstance(one, ast.Import | ast.ImportFrom)]  # type: ignore[attr-defined]
    return ast.unparse(tree).encode()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def without_marks(text: str) -> str:
    """The text as somebody types it who leaves all marks out."""
    parts = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in parts if not unicodedata.combining(char))


def in_teencode(text: str, dice: random.Random) -> str:
    """The text with three of four words that have short forms in one of them, and at times without marks."""
    forms, pattern = _short_forms()
    said = unicodedata.normalize("NFC", text).lower()
    said = pattern.sub(lambda hit: dice.choice(forms[hit.group()]) if dice.random() < 0.75 else hit.group(), said)
    return without_marks(said) if dice.random() < 0.4 else said


@cache
def _short_forms() -> tuple[dict[str, list[str]], re.Pattern[str]]:
    forms = {full: forms.split() for full, forms in vocabulary().short.items()}
    longest_first = sorted(forms, key=len, reverse=True)
    return forms, re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")


def variants(example: Example, dice: random.Random) -> list[str]:
    """The message itself, and as others would have typed it."""
    others = []
    if example.way == "accented":
        others = [without_marks(example.text), in_teencode(example.text, dice)]
    elif example.way == "teencode":
        others = [without_marks(example.text)]
    return list(dict.fromkeys((example.text, *others)))


def features(lexicon: Lexicon, text: str) -> list[str]:
    """The names of all that the model may know of a text."""
    words = lexicon.speller.words(text)
    return [
        *lexicon.features(words),
        *(GRAM_MARK + gram for gram in sorted(lexicon.grams(words))),
    ]


class Fit:
    """Linear models of all heads over the features of some rows."""

    def __init__(self, rows: Sequence[Row]) -> None:
        seen: Counter[str] = Counter()
        for row in rows:
            seen.update(row.features)
        everything = {
            name: at for at, name in enumerate(sorted(name for name, times in seen.items() if times >= LEAST_SEEN))
        }
        self.vocabulary = everything
        self._fit(rows)
        if len(everything) > MOST_FEATURES:
            strength = sum(
                (coefficients**2).sum(0) / (coefficients**2).mean() for coefficients in self.weights.values()
            )
            strongest = set((-strength).argsort(kind="stable")[:MOST_FEATURES].tolist())
            kept = [name for name, at in everything.items() if at in strongest]
            self.vocabulary = {name: at for at, name in enumerate(kept)}
            self._fit(rows)

    def _fit(self, rows: Sequence[Row]) -> None:
        import numpy
        from sklearn.svm import LinearSVC

        matrix = self.matrix(rows)
        shares = numpy.array([row.share for row in rows])
        self.weights, self.biases = {}, {}
        for head, labels in HEADS.items():
            wanted = numpy.array([labels.index(row.example.labels[head]) for row in rows])
            machine = LinearSVC(
                C=SOFTNESS, class_weight=None if head == "bot" else "balanced", random_state=0, max_iter=5000
            )
            machine.fit(matrix, wanted, sample_weight=shares)
            weights, biases = machine.coef_, machine.intercept_
            if len(labels) == 2:
                weights, biases = (
                    numpy.vstack([-weights / 2, weights / 2]),
                    numpy.array([-biases[0] / 2, biases[0] / 2]),
                )
            self.weights[head], self.biases[head] = weights, biases

    def matrix(self, rows: Sequence[Row]) -> Any:
        """One line per row; a message's features share the length 1."""
        from scipy.sparse import csr_matrix

        columns: list[int] = []
        values: list[float] = []
        ends = [0]
        for row in rows:
            known = [self.vocabulary[name] for name in row.features if name in self.vocabulary]
            columns += known
            values += [len(known) ** -0.5] * len(known)
            ends.append(len(columns))
        return csr_matrix((values, columns, ends), shape=(len(rows), len(self.vocabulary)))

    def scores(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Head → an array of scores, one line per row."""
        matrix = self.matrix(rows)
        return {head: matrix @ self.weights[head].T + self.biases[head] for head in HEADS}


@dataclass(frozen=True)
class Row:
    """One way to write an example; `share` is its part of the example's weight, `first` says it is the original."""

    example: Example
    features: list[str]
    share: float
    first: bool


def rows_of(found: Iterable[Example]) -> list[Row]:
    """All variants of all examples, the same on every run."""
    lexicon = lexicon_of(vocabulary())
    dice = random.Random(20_26)  # noqa: S311
    rows = []
    for example in found:
        texts = variants(example, dice)
        rows += [Row(example, features(lexicon, text), 1 / len(texts), not at) for at, text in enumerate(texts)]
    return rows


@dataclass(frozen=True)
class Choice:
    """What is chosen among authors who were left out."""

    sharpness: dict[str, float]
    lean: float
    bot_from: float
    bot_intents: list[str]


def unseen(rows: Sequence[Row]) -> tuple[list[Row], dict[str, Any]]:
    """Every example as it was written, with the scores of a model that never saw its author."""
    import numpy

    kept: list[Row] = []
    parts: list[dict[str, Any]] = []
    for author in sorted({row.example.author for row in rows}):
        fit = Fit([row for row in rows if row.example.author != author])
        left_out = [row for row in rows if row.example.author == author and row.first]
        kept += left_out
        parts.append(fit.scores(left_out))
    return kept, {head: numpy.vstack([part[head] for part in parts]) for head in HEADS}


def choose(rows: Sequence[Row], scores: dict[str, Any]) -> Choice:
    """The sharpness that makes chances honest, the lean that finds the critical, and the bot's threshold."""
    import numpy

    truth = {
        head: numpy.array([labels.index(row.example.labels[head]) for row in rows]) for head, labels in HEADS.items()
    }
    sharpness = {head: _sharpness(scores[head], truth[head]) for head in HEADS}
    leans = numpy.arange(0, 1.01, 0.02)
    critical = truth["severity"] == 0

    def recall(lean: float) -> float:
        leaning = scores["severity"].copy()
        leaning[:, 0] += lean
        return float((leaning.argmax(1) == 0)[critical].mean())

    lean = next((round(float(lean), 2) for lean in leans if recall(lean) >= CRITICAL_RECALL), 1.0)
    leaning = scores["severity"].copy()
    leaning[:, 0] += lean
    calm = (leaning.argmax(1) == SEVERITIES.index("low")) & (
        scores["sentiment"].argmax(1) != SENTIMENTS.index("negative")
    )
    spoken = scores["intent"].argmax(1)
    chance = _surest({**scores, "severity": leaning}, sharpness)
    right = truth["bot"] == 1
    bot_intents = []
    for at, intent in enumerate(INTENTS):
        taken = calm & (spoken == at) & (chance >= 0.5)
        if taken.sum() >= 10 and right[taken].mean() >= BOT_INTENT_PRECISION:
            bot_intents.append(intent)
    allowed = calm & numpy.isin(spoken, [INTENTS.index(intent) for intent in bot_intents])
    bot_from = 0.95
    for floor in numpy.arange(0.4, 0.95, 0.01):
        taken = allowed & (chance >= floor)
        if right[taken].mean() >= BOT_PRECISION:
            bot_from = round(float(floor), 2)
            break
    return Choice(sharpness, lean, bot_from, bot_intents)


def _surest(scores: dict[str, Any], sharpness: dict[str, float]) -> Any:
    """The chance of what is least sure of the intent, of low, and of the bot."""
    import numpy

    chances = {head: _softmax(scores[head] * sharpness[head]) for head in ("intent", "severity", "bot")}
    low = chances["severity"][:, SEVERITIES.index("low")]
    return numpy.minimum(numpy.minimum(chances["intent"].max(1), low), chances["bot"][:, 1])


def _softmax(scores: Any) -> Any:
    import numpy

    powers = numpy.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _sharpness(scores: Any, truth: Any) -> float:
    """The factor under which the right labels' chances are likeliest."""
    import numpy

    def surprise(factor: float) -> float:
        chances = _softmax(scores * factor)
        return float(-numpy.log(chances[numpy.arange(len(truth)), truth] + 1e-12).mean())

    return round(float(min(numpy.arange(1.0, 12.0, 0.1), key=surprise)), 2)


def export(fit: Fit, choice: Choice) -> dict[str, Any]:
    """The model file: one byte per weight, every head in steps of its own."""
    import numpy

    heads: dict[str, Any] = {}
    columns = []
    for head, labels in HEADS.items():
        weights, bias = fit.weights[head], list(fit.biases[head])
        step = float(abs(weights).max() / 127)
        columns.append(numpy.rint(weights / step).astype(int) + ZERO)
        if head == "severity":
            bias[0] += choice.lean
        heads[head] = {
            "labels": list(labels),
            "step": round(step, 6),
            "bias": [round(float(one), 4) for one in bias],
            "sharpness": float(choice.sharpness[head]),
        }
    table = numpy.vstack(columns).T.astype(numpy.uint8)
    return {
        "made_from": made_from(),
        "bot_from": choice.bot_from,
        "bot_intents": choice.bot_intents,
        "heads": heads,
        "features": "\n".join(fit.vocabulary),
        "weights": base64.b64encode(table.tobytes()).decode(),
    }


def train() -> None:
    """Fit, choose, write the model, and say what came of it."""
    rows = rows_of(examples())
    kept, scores = unseen(rows)
    choice = choose(kept, scores)
    MODEL.write_text(json.dumps(export(Fit(rows), choice), ensure_ascii=False), encoding="utf-8")
    triager.cache_clear()
    print(f"{len(kept)} examples, {len(rows)} ways to write them; chosen: {choice}")
    print("authors who were left out, as the model without them sees them:")
    answers = _as_answers(scores, choice)
    print(table([row.example for row in kept], answers))


def _as_answers(scores: dict[str, Any], choice: Choice) -> list[Triage]:
    severity = scores["severity"].copy()
    severity[:, 0] += choice.lean
    chance = _surest({**scores, "severity": severity}, choice.sharpness)
    answers = []
    for at in range(len(chance)):
        intent = INTENTS[scores["intent"][at].argmax()]
        how = SEVERITIES[severity[at].argmax()]
        feeling = SENTIMENTS[scores["sentiment"][at].argmax()]
        able = how == "low" and feeling != "negative" and intent in choice.bot_intents and chance[at] >= choice.bot_from
        answers.append(Triage(intent, how, feeling, 0, bool(able), ()))
    return answers


def table(truth: Sequence[Example], answers: Sequence[Triage]) -> str:
    """All figures, for everything and by way of writing, as text."""
    lines = ["way          n    intent F1  severity F1  critical recall (n)  sentiment F1  bot precision  bot coverage"]
    for way in ("all", *WAYS):
        pairs = [(one, answer) for one, answer in zip(truth, answers, strict=True) if way in ("all", one.way)]
        if not pairs:
            continue
        score = scored(pairs)
        lines.append(
            f"{way:<11}{len(pairs):>4}{score['intent']:>12.3f}{score['severity']:>13.3f}"
            f"{score['critical_recall']:>15.3f} ({score['critical']:>3}){score['sentiment']:>15.3f}"
            f"{score['bot_precision']:>15.3f}{score['bot_coverage']:>14.3f}"
        )
    return "\n".join(lines)


def scored(pairs: Sequence[tuple[Example, Triage]]) -> dict[str, float]:
    """Macro-F1 of the labels, the recall of critical, and of the bot how often rightly and of how many it could."""
    figures: dict[str, float] = {
        head: macro_f1([(one.labels[head], getattr(answer, head)) for one, answer in pairs])
        for head in ("intent", "severity", "sentiment")
    }
    critical = [answer.severity == "critical" for one, answer in pairs if one.labels["severity"] == "critical"]
    taken = [one.labels["bot"] for one, answer in pairs if answer.bot]
    able = [answer.bot for one, answer in pairs if one.labels["bot"]]
    figures["critical"] = len(critical)
    figures["critical_recall"] = _share(critical)
    figures["bot_precision"] = _share(taken)
    figures["bot_coverage"] = _share(able)
    return figures


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else 1.0


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """The mean over the labels that occur of 2·right / (said + meant)."""
    meant, said = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    right = Counter(one for one, two in pairs if one == two)
    return sum(2 * right[label] / (meant[label] + said[label]) for label in meant | said) / len(meant | said)


def read_all(truth: Sequence[Example], read: Callable[[str], Triage] | None = None) -> list[Triage]:
    """The shipped model's answers."""
    read = read or triager().read
    return [read(one.text) for one in truth]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--score", type=Path, help="JSON lines with labels; only scores the shipped model")
    chosen = parser.parse_args().score
    if chosen is None:
        train()
    else:
        truth = read_examples(chosen)
        print(table(truth, read_all(truth)))


if __name__ == "__main__":
    main()
