"""A second look beside gains of ones and biases of zeros, which hide a factor or a term that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
    moved = {**given, **{name: _apart(given[name]) for name in names}}
    if not names or not _is_wrong(layer, moved.values(), options):
        return report, []
    remark = said(
        f"With {', '.join(names)} as given, all entries zero or one, every gradient passes: that hides a factor "
        "or a term. What follows was seen at other values."
    )
    return check(layer, *moved.values(), **options), [remark]


def _hiding(given: Mapping[str, Any], rows: Sequence[Row]) -> list[str]:
    return [row.name for row in rows if _hides(given[row.name])]


def _hides(x: Array) -> bool:
    """Whether all entries of an input are zero, or all one."""
    return np.unique(x).tolist() in HIDING


def _apart(x: Array) -> Array:
    """The same with no two entries alike, all above what they were: a root may be taken of them."""
    dice = np.random.default_rng(0)
    return np.asarray(x + dice.uniform(0.25, 0.75, x.shape), dtype=x.dtype)


def _is_wrong(layer: Adapted, inputs: Iterable[Any], options: Mapping[str, Any]) -> bool:
    """Whether a gradient is convicted along directions; what cannot be run there is as good as before."""
    quickly = {**options, "effort": "verdict", "lines": False, "progress": None, "twin": None}
    with suppress(Exception), np.errstate(all="ignore"):
        return check(layer, *inputs, **quickly).verdict is Verdict.FAIL
    return False
