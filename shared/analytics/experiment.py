"""`kq experiment`: what a randomised file says of each arm against the control group (X11, K16).

Every lift is a difference of means by assignment, with errors robust to unequal variances:

- without covariates Welch's interval, which is least squares on the arm with HC2 errors;
- with covariates Lin's regression (Winston Lin, Annals of Applied Statistics 7, 2013, 295-318): the outcome on the arm,
  the centred covariates and their products with the arm, HC2 errors (MacKinnon and White, Journal of Econometrics 29,
  1985, 305-325). It has the precision of CUPED or better and needs no model to be true. Covariates have to be known
  before the arms were drawn;
- yes-or-no outcomes with fewer than `FEW` of either answer in an arm have Newcombe's interval, for Welch's is too
  narrow there, and are not adjusted.

p-values stand alone and, as `p_holm`, corrected for all comparisons of the file (Sture Holm, Scandinavian Journal of
Statistics 6, 1979, 65-70).
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from shared.domain.experiments.intervals import Estimate, Sample, newcombe, welch

Vector = NDArray[np.float64]

FEW = 30
LEVEL = 0.95
# A share of the arms as unlikely as this says that drawing or recording went wrong.
MISMATCH = 0.001
# A level of a covariate that fewer people have than this, in some arm, is one with the other rare ones.
RARE = 10
MOST_LEVELS = 50
BAD_ROWS_SHOWN = 20
YES_NO = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0, "no": 0.0, "yes": 1.0}


class BadFile(ValueError):
    """The file or what is asked of it makes no sense; the text says what and where."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a file: its columns by role. `shares` are the weights the arms were drawn with; without them
    equal ones are assumed."""

    arm: str
    control: str
    outcomes: Sequence[str]
    covariates: Sequence[str] = ()
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass
class _Rows:
    """The rows that can be used, column by column, and those that cannot, with their line and why."""

    arms: list[str] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    drawn: Counter[str] = field(default_factory=Counter)
    bad: list[dict[str, Any]] = field(default_factory=list)
    bad_by_arm: Counter[str] = field(default_factory=Counter)

    def refuse(self, line: int, why: str, arm: str = "") -> None:
        self.bad.append({"line": line, "why": why})
        if arm:
            self.bad_by_arm[arm] += 1


def evaluate(path: Path, asked: Asked) -> dict[str, Any]:
    """The JSON of `kq experiment`; raises BadFile, and OSError where the file cannot be read."""
    try:
        rows = _read(path, asked)
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start})") from error
    except csv.Error as error:
        raise BadFile(f"{path}: is no CSV file ({error})") from error
    arms = sorted(rows.drawn)
    if asked.control not in arms:
        raise BadFile(f"{path}: column {asked.arm!r} has no {asked.control!r}, but {_listed(arms)}")
    if len(arms) < 2:
        raise BadFile(f"{path}: column {asked.arm!r} has only {asked.control!r}, so there is nothing to compare")
    arm_of = np.array(rows.arms)
    masks = {arm: arm_of == arm for arm in arms}
    for arm, mask in masks.items():
        if mask.sum() < 2:
            raise BadFile(f"{path}: arm {arm!r} has {mask.sum()} rows that can be used, at least 2 are needed")
    treated = [arm for arm in arms if arm != asked.control]
    outcomes: dict[str, Any] = {}
    for name in asked.outcomes:
        values = np.array(rows.columns[name], dtype=np.float64)
        binary = bool(np.isin(values, (0.0, 1.0)).all())
        by_arm: dict[str, Any] = {
            asked.control: {"n": int(masks[asked.control].sum()), "mean": float(values[masks[asked.control]].mean())}
        }
        for arm in treated:
            by_arm[arm] = _compared(values, masks[arm], masks[asked.control], binary, rows, asked, arm)
        outcomes[name] = {"kind": "binary" if binary else "continuous", "arms": by_arm}
    compared = [outcomes[name]["arms"][arm] for name in asked.outcomes for arm in treated]
    for entry, p in zip(compared, _holm([entry["p"] for entry in compared]), strict=True):
        entry["p_holm"] = p
    mismatch = _mismatch(rows.drawn, asked.shares)
    return {
        "arm": asked.arm,
        "control": asked.control,
        "level": LEVEL,
        "outcomes": outcomes,
        "rows": {
            "used": len(rows.arms),
            "bad": len(rows.bad),
            "bad_by_arm": dict(sorted(rows.bad_by_arm.items())),
            "bad_lines": rows.bad[:BAD_ROWS_SHOWN],
        },
        "sample_ratio": mismatch,
        "notes": list(_notes(rows, compared, mismatch, asked)),
    }


# ---- reading ----


def _read(path: Path, asked: Asked) -> _Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        wanted = [asked.arm, *asked.outcomes, *asked.covariates]
        missing = [name for name in wanted if name not in header]
        if missing:
            raise BadFile(f"{path}: has no column {_listed(missing)}; its columns are {_listed(header)}")
        twice = [name for name, times in Counter(wanted).items() if times > 1 or header.count(name) > 1]
        if twice:
            raise BadFile(f"{path}: column {_listed(twice)} is named twice")
        places = {name: header.index(name) for name in wanted}
        raw: list[tuple[int, str, dict[str, str]]] = []
        rows = _Rows(columns={name: [] for name in wanted[1:]})
        for fields in reader:
            if not fields:  # an empty line, as at the end of many files
                continue
            if len(fields) != len(header):
                rows.refuse(reader.line_num, f"has {len(fields)} fields, the header {len(header)}")
                continue
            cells = {name: fields[place].strip() for name, place in places.items()}
            arm = cells.pop(asked.arm)
            if not arm:
                rows.refuse(reader.line_num, f"{asked.arm} is empty")
                continue
            rows.drawn[arm] += 1
            raw.append((reader.line_num, arm, cells))
    categorical = {name for name in asked.covariates if not _numeric([cells[name] for _, _, cells in raw])}
    for line, arm, cells in raw:
        values: dict[str, Any] = {}
        for name, text in cells.items():
            values[name] = text if name in categorical else _number(text)
            if values[name] is None:
                rows.refuse(line, f"{name} is {text!r}, not a number", arm)
                break
        else:
            rows.arms.append(arm)
            for name, value in values.items():
                rows.columns[name].append(value)
    return rows


def _numeric(texts: Sequence[str]) -> bool:
    """Whether a covariate is a number with a few mistakes rather than a category."""
    said = [text for text in texts if text]
    return sum(_number(text) is not None for text in said) > 0.9 * len(said)


def _number(text: str) -> float | None:
    if text.lower() in YES_NO:
        return YES_NO[text.lower()]
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


# ---- comparing ----


def _compared(
    values: Vector, one: NDArray[np.bool_], other: NDArray[np.bool_], binary: bool, rows: _Rows, asked: Asked, arm: str
) -> dict[str, Any]:
    y1, y0 = values[one], values[other]
    few = binary and min(y1.sum(), (1 - y1).sum(), y0.sum(), (1 - y0).sum()) < FEW
    estimate, method, gain = _welch(y1, y0), "welch", None
    if few:
        method = "newcombe"
        estimate = newcombe(Sample(len(y1), float(y1.sum())), Sample(len(y0), float(y0.sum())), LEVEL)
    elif asked.covariates:
        x1, x0 = _design(rows, asked.covariates, one, other)
        for name, y in ((arm, y1), (asked.control, y0)):
            if len(y) < x1.shape[1] + RARE:
                raise BadFile(f"arm {name!r} has {len(y)} rows, too few for covariates of {x1.shape[1]} columns")
        plain, method = estimate, "lin"
        estimate = _lin(y1, y0, x1, x0)
        width = plain.high - plain.low
        gain = 1 - ((estimate.high - estimate.low) / width) ** 2 if width else None
    return {
        "n": len(y1),
        "mean": float(y1.mean()),
        "lift": estimate.lift,
        "interval": [estimate.low, estimate.high],
        "relative_lift": estimate.lift / float(y0.mean()) if y0.mean() else None,
        "p": estimate.p,
        "method": method,
        **({"variance_reduction": gain} if asked.covariates else {}),
    }


def _welch(y1: Vector, y0: Vector) -> Estimate:
    return welch(
        float(y1.mean() - y0.mean()), float(y1.var(ddof=1)) / len(y1), len(y1), float(y0.var(ddof=1)) / len(y0),
        len(y0), LEVEL,
    )  # fmt: skip


def _lin(y1: Vector, y0: Vector, x1: Vector, x0: Vector) -> Estimate:
    """With all products, the regression falls apart into one per arm; the lift is the difference of their intercepts
    at the mean of both arms' covariates."""
    (one, error1), (other, error0) = _intercept(y1, x1), _intercept(y0, x0)
    lift, error = one - other, math.sqrt(error1 + error0)
    if not error:
        return Estimate(lift, lift, lift, 0.0 if lift else 1.0)
    student = stats.t(len(y1) + len(y0) - 2 * (x1.shape[1] + 1))
    half = float(student.ppf((1 + LEVEL) / 2)) * error
    return Estimate(lift, lift - half, lift + half, float(2 * student.sf(abs(lift) / error)))


def _intercept(y: Vector, x: Vector) -> tuple[float, float]:
    """Intercept of y on x and its HC2 variance; x is (people, covariates), centred, with independent columns."""
    design = np.column_stack([np.ones(len(y)), x])
    q, r = np.linalg.qr(design)
    residual = y - q @ (q.T @ y)
    weight = np.linalg.solve(r, q.T)  # a row per coefficient, linear in y
    leverage = np.minimum((q**2).sum(axis=1), 1 - 1e-9)
    return float(weight[0] @ y), float((weight[0] ** 2) @ (residual**2 / (1 - leverage)))


def _design(
    rows: _Rows, covariates: Sequence[str], one: NDArray[np.bool_], other: NDArray[np.bool_]
) -> tuple[Vector, Vector]:
    """The covariates of two arms, centred at the mean of both, categories as 0 and 1 per level but one. A column that
    the others make up in some arm is left out."""
    kept: list[Vector] = []
    bases: dict[bool, list[Vector]] = {True: [np.ones(int(one.sum()))], False: [np.ones(int(other.sum()))]}
    bases = {which: [basis[0] / np.linalg.norm(basis[0])] for which, basis in bases.items()}
    both = one | other
    for name in covariates:
        for column in _columns(name, np.array(rows.columns[name]), one, other):
            centred = column - column[both].mean()
            scale = np.linalg.norm(centred[both]) or 1.0
            rest = {which: _orthogonal(centred[mask], bases[which]) for which, mask in ((True, one), (False, other))}
            if min(float(np.linalg.norm(vector)) for vector in rest.values()) < 1e-7 * scale:
                continue
            for which, vector in rest.items():
                bases[which].append(vector / np.linalg.norm(vector))
            kept.append(centred / scale)
    table = np.column_stack(kept) if kept else np.empty((len(both), 0))
    return table[one], table[other]


def _orthogonal(vector: Vector, basis: Sequence[Vector]) -> Vector:
    for direction in basis:
        vector = vector - (direction @ vector) * direction
    return vector


def _columns(name: str, values: NDArray[Any], one: NDArray[np.bool_], other: NDArray[np.bool_]) -> Iterator[Vector]:
    if values.dtype.kind == "f":
        yield values.astype(np.float64)
        return
    levels = sorted(set(values.tolist()))
    if len(levels) > MOST_LEVELS:
        raise BadFile(f"covariate {name!r} has {len(levels)} different texts, at most {MOST_LEVELS} can be compared")
    for level in levels[1:]:
        has = values == level
        if min((has & one).sum(), (has & other).sum()) >= RARE:
            yield has.astype(np.float64)


# ---- all together ----


def _holm(ps: Sequence[float]) -> list[float]:
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = highest
    return adjusted


def _mismatch(drawn: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, Any]:
    """Whether the arms have the people that their shares promise, among all rows with an arm (chi-squared test)."""
    if shares and set(shares) != set(drawn):
        raise BadFile(f"the shares name {_listed(sorted(shares))}, the file has the arms {_listed(sorted(drawn))}")
    if any(not (math.isfinite(share) and share > 0) for share in shares.values()):
        raise BadFile("every share must be greater than zero")
    arms = sorted(drawn)
    weights = [shares.get(arm, 1.0) for arm in arms]
    people = sum(drawn.values())
    expected = [people * weight / sum(weights) for weight in weights]
    p = float(stats.chisquare([drawn[arm] for arm in arms], expected).pvalue)
    return {
        "assumed": not shares,
        "drawn": {arm: drawn[arm] for arm in arms},
        "expected": dict(zip(arms, expected, strict=True)),
        "p": p,
        "mismatch": p < MISMATCH,
    }


def _notes(
    rows: _Rows, compared: Sequence[Mapping[str, Any]], mismatch: Mapping[str, Any], asked: Asked
) -> Iterator[str]:
    if mismatch["mismatch"]:
        shares = "equal shares, which are assumed without --shares" if mismatch["assumed"] else "their shares"
        yield f"sample ratio mismatch: the arms do not have {shares}; do not trust the lifts before the reason is known"
    if rows.bad:
        yield f"{len(rows.bad)} rows were left out; if an arm lost more of them than another, the lifts are biased"
    if len(compared) > 1:
        yield f"{len(compared)} comparisons: one p below 0.05 may well be chance; p_holm corrects for that"
    if any(entry["method"] == "newcombe" for entry in compared):
        reason = ", which is not adjusted by covariates" if asked.covariates else ""
        yield f"fewer than {FEW} of one answer in an arm: Newcombe's interval{reason}"
    if asked.covariates:
        yield "covariates adjust only what was known before the arms were drawn"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none at all"
