"""Error against step as a small drawing, a V for a right gradient and a plateau for a wrong one."""

from __future__ import annotations

from html import escape

import numpy as np

from gradcheck.curves import StepCurves
from gradcheck.render import scientific
from gradcheck.result import Array, Row, Verdict

LEFT, TOP, DECADE, RISE = 40, 24, 20, 10
"""Pixels: of the margins, of a decade of the step across, and of a decade of the error upwards."""

SHORTEST, SMALLEST = -15, -17
"""Powers of ten where the axes begin: below both, float64 has nothing to show."""

WIDTH, HEIGHT = LEFT + DECADE * -SHORTEST, TOP + RISE * -SMALLEST
"""Pixels to the ends of the axes, step 1 and error 1."""


def frame() -> str:
    """What all these drawings share, to stand once on a page: axes, their names, and a few ticks."""
    across = "".join(
        f'<text x="{_across(10.0**k)}" y="{HEIGHT + 18}" text-anchor="middle">{_power(k)}</text>'
        for k in range(SHORTEST, 1, 5)
    )
    up = "".join(
        f'<text x="{LEFT - 6}" y="{_up(10.0**k) + 5}" text-anchor="end">{_power(k)}</text>'
        for k in range(-15, 1, 5)
    )
    return (
        '<svg width="0" height="0" aria-hidden="true"><symbol id="steps-frame" class="frame" '
        f'overflow="visible"><path class="axis" d="M{LEFT} {TOP}V{HEIGHT}H{WIDTH}"/>{across}{up}'
        f'<text x="{WIDTH}" y="{HEIGHT + 36}" text-anchor="end">step, relative →</text>'
        f'<text x="{LEFT + 6}" y="{TOP - 10}">↑ relative error</text></symbol></svg>'
    )


def steps(row: Row, curves: StepCurves | None) -> str:
    """The error of a gradient's differences against their step; nothing where there is none."""
    if curves is None:
        return ""
    lines = "".join(
        f'<path class="{method}" d="{_path(curves.steps, errors)}"/>'
        for method, errors in curves.errors.items()
    )
    if row.step:
        lines += f'<path class="taken" d="M{_across(row.step)} {TOP}V{HEIGHT}"/>'
    if 0 < row.resolution < 1:
        lines += f'<path class="seen" d="M{LEFT} {_up(row.resolution)}H{WIDTH}"/>'
    taken = f"The check took {scientific(row.step)}." if row.step else "Error against step."
    shape = " A plateau: no step brings them closer." if row.verdict is Verdict.FAIL else ""
    return (
        f'<figure><svg class="steps" viewBox="0 0 {WIDTH + 8} {HEIGHT + 40}" role="img" '
        f'aria-label="Error of d{escape(row.name)} against the step"><use href="#steps-frame"/>'
        f"{lines}</svg><figcaption>{taken}{shape}</figcaption></figure>"
    )


def _path(steps: Array, errors: Array) -> str:
    points = (
        f"{_across(step)} {_up(error)}"
        for step, error in zip(steps, errors, strict=True)
        if not np.isnan(error)
    )
    return "M" + "L".join(points)


def _across(step: float) -> int:
    return LEFT + round(DECADE * (max(float(np.log10(step)), SHORTEST) - SHORTEST))


def _up(error: float) -> int:
    # Zero and infinity are drawn at the ends.
    power = float(np.log10(np.clip(error, 10.0**SMALLEST, 1.0)))
    return TOP - round(RISE * power)


def _power(k: int) -> str:
    return "10" + str(k).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")) if k else "1"
