"""The smallest case: a check is shrunk as long as it says the same, until it fits on a blackboard.

Axes get shorter, those of equal length together; entries become small whole numbers; the upstream
gradient becomes a single 1, or ones and zeros. Each step is checked afresh, and is taken only if the same
gradients fail with the same finding; of a layer that passes, if it passes and no gradient is trivial.
Pairs, objects and losses keep their sizes, for which they were understood: their numbers become smaller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gradcheck.layer import Layer, copies, random_upstream, run
from gradcheck.result import Array, Report, Row, Smallest, Verdict, failing

SECONDS = 10.0
"""How long is shrunk: what is smallest by then will do."""
LARGEST = 3
"""The size of entries: whole numbers to reckon with by hand."""
MANY = 17
"""So many different whole numbers are no longer small."""

Check = Callable[..., Report]
"""`check(layer, *inputs, upstream=…)`: a fresh check."""
Named = Callable[[Layer, Sequence[Array], Array], tuple[Mapping[str, Array], Mapping[str, Array]]]
"""The values by name of the forward and of the backward pass, given inputs and an upstream gradient."""


@dataclass(frozen=True, eq=False)
class _Case:
    """Inputs and an upstream gradient, None for one drawn at random."""

    inputs: tuple[Array, ...]
    upstream: Array | None = None


def smallest(
    layer: Layer,
    names: Sequence[str],
    inputs: Sequence[Array],
    check: Check,
    named: Named,
    seconds: float = SECONDS,
    least: int = 1,
) -> Smallest:
    """Shrink a check as long as it says the same, for some seconds.

    `named` gives the values by name of what is left. No axis gets shorter than `least`; with 2 a matrix
    stays a matrix.
    """
    start = _Case(tuple(x.copy() for x in inputs))
    shrink = _Shrink(
        layer, check, _Said.of(check(layer, *start.inputs)), time.monotonic() + seconds
    )
    case = shrink.by(
        shrink.by(shrink.by(start, partial(_shorter, least=least)), _rounder), _plainer
    )
    given = copies(case.inputs)
    upstream = run(layer, given)[0] * 0 + 1 if case.upstream is None else case.upstream
    report = check(layer, *case.inputs, upstream=upstream)
    if not shrink.said.stays(_Said.of(report)):
        # With the upstream gradient that was drawn it is said, with ones it is not.
        report, upstream = _drawn(check, layer, case)
    forward, backward = named(layer, case.inputs, upstream)
    known = dict(zip(names, case.inputs, strict=False))
    backward = _without(backward, {*known, *forward})
    forward = _without(forward, known.keys())
    row, index = _shown(report)
    return Smallest(known, upstream, forward, backward, report, row, index)


def _without(values: Mapping[str, Array], names: Collection[str]) -> dict[str, Array]:
    return {name: value for name, value in values.items() if name not in names}


def _shown(report: Report) -> tuple[Row, tuple[int, ...] | None]:
    """The row to look at, the first that fails if one does, and the entry where it does."""
    wrong = failing(report)
    row = (wrong or list(report.rows))[0]
    return row, row.worst if wrong and row.analytic.shape == row.shape else None


def _first_code(rows: Sequence[Row]) -> str:
    """The name of the first finding; empty where it names no mistake."""
    code = next((finding.code for row in rows for finding in row.findings[:1]), "unknown")
    return "" if code == "unknown" else code


def _drawn(check: Check, layer: Layer, case: _Case) -> tuple[Report, Array]:
    """The check of a case with an upstream gradient that is drawn."""
    value = run(layer, copies(case.inputs))[0]
    upstream = np.ones_like(value) if value.ndim == 0 else random_upstream(value, 0)
    return check(layer, *case.inputs, upstream=upstream), upstream


@dataclass(frozen=True)
class _Said:
    """What must stay: the verdict, the gradients that fail, the first finding's name; no kink may come in.

    Of a layer that passes it is that it means something: no gradient is trivial.
    """

    verdict: Verdict
    wrong: tuple[str, ...]
    code: str
    conduct: tuple[str, ...]
    kinks: bool
    trivial: bool

    @staticmethod
    def of(report: Report) -> _Said:
        """What a report says."""
        wrong = failing(report)
        conduct = tuple(finding.code for finding in report.findings if finding.fails)
        kinks = any(finding.code == "kink" for finding in report.all_findings())
        trivial = not wrong and any(not row.numeric.any() for row in report.rows)
        names = tuple(row.name for row in wrong)
        return _Said(report.verdict, names, _first_code(wrong), conduct, kinks, trivial)

    def stays(self, other: _Said) -> bool:
        """Whether another says the same; what had no name may get one."""
        return self == (other if self.code else replace(other, code=""))


@dataclass(frozen=True, eq=False)
class _Shrink:
    """Takes steps as long as the same is said."""

    layer: Layer
    check: Check
    said: _Said
    until: float

    def by(self, case: _Case, steps: Callable[[Layer, _Case], Iterator[_Case]]) -> _Case:
        """The smallest case that these steps lead to."""
        while True:
            smaller = next((one for one in steps(self.layer, case) if self._holds(one)), None)
            if smaller is None:
                return case
            case = smaller

    def _holds(self, case: _Case) -> bool:
        if time.monotonic() > self.until:
            return False
        try:
            with np.errstate(all="ignore"):
                given = {} if case.upstream is None else {"upstream": case.upstream}
                report = self.check(self.layer, *case.inputs, **given)
                return self.said.stays(_Said.of(report))
        except Exception:
            # A layer need not run in every size, nor at every point.
            return False


def _shorter(layer: Layer, case: _Case, least: int = 1) -> Iterator[_Case]:
    """Shorter axes: all of one length together, or one alone; as short as can be first."""
    for length, chosen in _groups(case.inputs):
        for shorter in sorted({1, 2, length // 2, length - 1}):
            if least <= shorter < length:
                yield _Case(tuple(_cut(case.inputs, chosen, shorter)))


def _groups(inputs: Sequence[Array]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each length, the longest first, with all of its axes, then with each of them alone."""
    lengths = {length for x in inputs for length in x.shape}
    for length in sorted(lengths - {0, 1}, reverse=True):
        together = list(_axes_of_length(inputs, length))
        yield length, together
        if len(together) > 1:
            yield from ((length, [one]) for one in together)


def _axes_of_length(inputs: Sequence[Array], length: int) -> Iterator[tuple[int, int]]:
    """The axes of a length, each with the position of its input."""
    for position, x in enumerate(inputs):
        yield from ((position, axis) for axis in range(x.ndim) if x.shape[axis] == length)


def _cut(inputs: Sequence[Array], places: Sequence[tuple[int, int]], size: int) -> Iterator[Array]:
    """Inputs with the first entries only along some axes; labels beyond a size begin anew."""
    for k, x in enumerate(inputs):
        for axis in (axis for other, axis in places if other == k):
            x = x.take(range(size), axis)
        yield x


def _rounder(layer: Layer, case: _Case) -> Iterator[_Case]:
    """One input with small whole numbers for its entries, different ones, halves, or few decimals."""
    for k, x in enumerate(case.inputs):
        for plain in _rounded(x):
            others = list(case.inputs)
            others[k] = np.asarray(plain, dtype=x.dtype)
            if not np.array_equal(others[k], x):
                yield _Case(tuple(others))


def _rounded(x: Array) -> list[Array]:
    """What an input may be instead, the plainest first; nothing for what is plain."""
    if x.dtype.kind != "f" or _is_whole(2 * x):
        return []
    ranked = [_ranked(x)] if x.size < MANY else []
    return [_whole(x), *ranked, _whole(2 * x) / 2, x.round(1), x.round(2)]


def _whole(x: Array) -> Array:
    """The nearest small whole numbers, none of them zero where there was none."""
    near = np.clip(np.rint(x), -LARGEST, LARGEST)
    return np.where((near == 0) & (x != 0), np.where(x < 0, -1.0, 1.0), near)


def _ranked(x: Array) -> Array:
    """Whole numbers in the order of size, all different, of the same signs."""
    ranks = np.abs(x).ravel().argsort().argsort().reshape(x.shape) + 1
    return np.asarray(np.sign(x) * ranks)


def _is_whole(x: Array) -> bool:
    return bool((x == np.rint(x)).all())


def _plainer(layer: Layer, case: _Case) -> Iterator[_Case]:
    """An upstream gradient of a single 1, or of ones."""
    if case.upstream is not None:
        return
    value = run(layer, copies(case.inputs))[0]
    for k in range(value.size):
        single = np.zeros_like(value)
        single.flat[k] = 1
        yield _Case(case.inputs, single)
    yield _Case(case.inputs, np.ones_like(value))
