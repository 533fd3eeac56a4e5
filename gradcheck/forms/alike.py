"""A second look beside gains of ones and biases of zeros, which hide a factor or a term that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from gradcheck.check import check
from gradcheck.forms.saying import said
from gradcheck.layer import Adapted
from gradcheck.result import Array, Finding, Report, Row, Verdict

HIDING = ([0.0], [1.0])
"""What parameters begin as; a term or a factor that is one of these is as good as none."""


def seen_elsewhere(
    layer: Adapted, inputs: Sequence[Any], report: Report, options: Mapping[str, Any]
) -> tuple[Report, list[Finding]]:
    """A report that passes, and nothing; or what is seen where those entries differ, and that it is seen there.

    Whether something is multiplied by a gain of ones once, twice or not at all comes to the same, and whether
    a bias of zeros is added.
    """
    given = dict(zip(layer.input_names, inputs, strict=True))
    names = _hiding(given, report.rows)
    several = map(partial(_moved, given, names), (_above, _around) if names else ())
    wrong = filter(lambda one: _is_wrong(layer, one.values(), options), several)
    moved = next(wrong, None)
    if moved is None:
        return report, []
    remark = said(
        f"With {', '.join(names)} as given, all entries zero or one, every gradient passes: that hides a factor "
        "or a term. What follows was seen at other values."
    )
    return check(layer, *moved.values(), **options), [remark]


def _moved(
    given: Mapping[str, Any], names: Iterable[str], way: Callable[[Array], Array]
) -> dict[str, Any]:
    """The inputs with some of them moved."""
    return {**given, **{name: way(given[name]) for name in names}}


def _hiding(given: Mapping[str, Any], rows: Sequence[Row]) -> list[str]:
    return [row.name for row in rows if _hides(given[row.name])]


def _hides(x: Array) -> bool:
    """Whether all entries of an input are zero, or all one."""
    return np.unique(x).tolist() in HIDING


def _above(x: Array) -> Array:
    """The same with no two entries alike, all above what they were: a root may be taken of them."""
    dice = np.random.default_rng(0)
    return np.asarray(x + dice.uniform(0.25, 0.75, x.shape), dtype=x.dtype)


def _around(x: Array) -> Array:
    """Zeros moved to either side, so far that what they are added to changes its sign: a mask is another then."""
    dice = np.random.default_rng(1)
    far = dice.choice([-1.0, 1.0], x.shape) * dice.uniform(1, 2, x.shape)
    return _above(x) if x.any() else np.asarray(far, dtype=x.dtype)


def _is_wrong(layer: Adapted, inputs: Iterable[Any], options: Mapping[str, Any]) -> bool:
    """Whether a gradient is convicted along directions; what cannot be run there is as good as before."""
    quickly = {**options, "effort": "verdict", "lines": False, "progress": None, "twin": None}
    with suppress(Exception), np.errstate(all="ignore"):
        report = check(layer, *inputs, **quickly)
        raised = [finding for finding in report.findings if finding.fails]
        return report.verdict is Verdict.FAIL and not raised
    return False
