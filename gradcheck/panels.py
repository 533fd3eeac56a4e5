"""What stands on the axes of a figure: an error map, a scatter, a V, Taylor's remainders, errors line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.curves import StepCurves
from gradcheck.layout import laid_out, signed_error
from gradcheck.render import scientific
from gradcheck.result import Array, Line, Row, Verdict
from gradcheck.taylor import TaylorTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"
"""Okabe and Ito's colours, which colour-blind eyes tell apart; shapes and words say the same."""

METHODS = {"forward": GREY, "central": BLUE, "extrapolated": ORANGE, "complex": GREEN}

VERDICTS = (
    (Verdict.PASS, "o", BLUE),
    (Verdict.INCONCLUSIVE, "s", GREY),
    (Verdict.FAIL, "X", ORANGE),
)
"""The mark and the colour of each."""

DRAWN_BELOW = 1e-17
"""Where an error of exactly zero is drawn on a logarithmic axis: below every rounding of float64."""

FEW = 12
"""Labels on an axis that are legible side by side."""

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def seen(row: Row) -> Array:
    """The signed error of a gradient, entry by entry.

    Raises:
        ValueError: if it was not seen so.
    """
    error = signed_error(row)
    if error is None:
        raise ValueError(f"d{row.name} was not seen entry by entry (effort='complete' sees it so)")
    return error


def draw_map(axes: Axes, row: Row) -> None:
    """The signed error laid out like the parameter, the worst entry of a wrong gradient circled."""
    error = seen(row)
    scale = float(np.abs(error[np.isfinite(error)]).max(initial=0.0)) or 1.0
    plane = laid_out(error, row.name)
    shown = axes.imshow(plane, cmap="cividis", vmin=-scale, vmax=scale, aspect="equal")
    axes.figure.colorbar(shown, ax=axes, shrink=0.8, label="signed error")
    axes.set(xticks=[], yticks=[])
    if row.worst and row.verdict is Verdict.FAIL:
        up, across = _place(row)
        axes.plot(across, up, "o", ms=14, mfc="none", mec=ORANGE, mew=2)
        axes.set_xlabel(f"worst: d{row.name}[{', '.join(map(str, row.worst))}]")


def draw_scatter(axes: Axes, row: Row) -> None:
    """Hand-derived against numeric with its bound, and the line on which they are equal."""
    seen(row)
    numeric, hand = np.ravel(row.numeric), np.ravel(row.analytic)
    finite = numeric[np.isfinite(numeric)]
    ends = [finite.min(initial=0.0), finite.max(initial=0.0)]
    axes.plot(ends, ends, "--", color=GREY, lw=1, label="equal")
    # A numeric entry without a finite bound says nothing; its bar would hide the others.
    bars = np.where(np.isfinite(row.bound), row.bound, 0.0).ravel()
    axes.errorbar(
        numeric, hand, xerr=bars, fmt="o", ms=4, color=BLUE, ecolor=GREY, label="an entry"
    )
    axes.set(xlabel="numeric", ylabel="hand-derived")
    axes.legend()


def draw_steps(axes: Axes, curves: StepCurves) -> None:
    """Error against step, a line for each method."""
    for method, errors in curves.errors.items():
        shown = np.maximum(errors, DRAWN_BELOW)
        axes.loglog(curves.steps, shown, color=METHODS[method], label=method, lw=1.5)
    in_powers(axes.xaxis, axes.yaxis)
    axes.set(xlabel="step, relative to |x|", ylabel="relative error", ylim=(DRAWN_BELOW, 10))


def draw_taken(axes: Axes, row: Row) -> None:
    """On a V: the step that the check took, upright, and what it could resolve, level."""
    if row.step:
        label = f"step of the check: {scientific(row.step)}"
        axes.axvline(row.step, color="black", lw=1, ls="--", label=label)
    if 0 < row.resolution < np.inf:
        label = f"resolution of the check: {scientific(row.resolution)}"
        axes.axhline(row.resolution, color="black", lw=1, ls=":", label=label)
    axes.legend()


def draw_remainders(axes: Axes, tests: Mapping[str, TaylorTest]) -> None:
    """Taylor's remainders where they stand clear of rounding, a line under each name."""
    for (label, test), colour in zip(tests.items(), (BLUE, ORANGE), strict=False):
        clear = test.remainders > test.floor
        axes.loglog(test.steps[clear], test.remainders[clear], ".-", color=colour, label=label)
    in_powers(axes.xaxis, axes.yaxis)
    axes.set(xlabel="t", ylabel="|φ(t) − φ(0) − t·φ′(0)|")


def draw_slopes(axes: Axes, test: TaylorTest) -> None:
    """Beside the remainders of a test: slope 1, that of a wrong gradient, and 2, that of a right one."""
    clear = np.flatnonzero(test.remainders > test.floor)
    if not clear.size:
        return
    first = clear[0]
    for slope, dashes in ((1, ":"), (2, "--")):
        guide = test.remainders[first] * (test.steps[clear] / test.steps[first]) ** slope
        axes.loglog(test.steps[clear], guide, dashes, color=GREY, lw=1, label=f"slope {slope}")


def draw_growth(axes: Axes, lines: Sequence[Line]) -> None:
    """The error of each value on the way back, in the order in which it is computed."""
    for verdict, mark, colour in VERDICTS:
        here = [k for k, line in enumerate(lines) if line.verdict is verdict]
        if here:
            errors = [drawn(lines[k].relative_error) for k in here]
            axes.semilogy(here, errors, mark, color=colour, ms=8, label=str(verdict))
    names = [f"{line.name}\nline {line.line}" for line in lines]
    every = -(-len(names) // FEW)
    axes.set_xticks(range(0, len(names), every), names[::every])
    in_powers(axes.yaxis)
    axes.set(ylabel="relative error", ylim=(DRAWN_BELOW, 10))
    axes.legend()


def in_powers(*axes: Axis) -> None:
    """Powers of ten as text; as formulas, which is the default, they take half of all the time of a figure."""
    for axis in axes:
        axis.set_major_formatter(lambda value, _: "10" + f"{np.log10(value):.0f}".translate(RAISED))


def _place(row: Row) -> tuple[int, int]:
    """Where the worst entry lies on the plane."""
    marked = np.zeros(row.shape)
    marked[row.worst] = 1.0
    up, across = np.argwhere(laid_out(marked, row.name) == 1.0)[0]
    return int(up), int(across)


def drawn(error: float) -> float:
    """An error as a logarithmic axis can show it; what is not finite at its upper end."""
    return float(np.clip(error, DRAWN_BELOW, 10.0)) if np.isfinite(error) else 10.0
