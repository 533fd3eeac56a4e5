"""Figures of a report, for slides and papers: each takes a Report and returns a Matplotlib figure.

Matplotlib is imported when a figure is drawn (`pip install 'gradcheck[course]'`). The figures touch no
global state, carry text as text in SVG with `matplotlib.rc_context({"svg.fonttype": "none"})`, and are
saved with `figure.savefig("name.svg")`, `.pdf` or `.png`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.curves import StepCurves, curves_of
from gradcheck.layout import laid_out, signed_error
from gradcheck.render import scientific
from gradcheck.result import Array, Report, Row, Verdict
from gradcheck.taylor import TaylorTest, taylor_test

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_growth", "plot_heat_map", "plot_scatter", "plot_taylor", "plot_v_curve"]

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"
"""Okabe and Ito's colours, which colour-blind eyes tell apart; shapes and words say the same."""

METHODS = {"forward": GREY, "central": BLUE, "extrapolated": ORANGE, "complex": GREEN}

DRAWN_BELOW = 1e-17
"""Where an error of exactly zero is drawn on a logarithmic axis: below every rounding of float64."""

FEW = 12
"""Labels on an axis that are legible side by side."""


def plot_heat_map(report: Report, name: str | None = None) -> Figure:
    """The signed error of a gradient, laid out like the parameter, its worst entry circled.

    Args:
        report: what `check` returned.
        name: the gradient, `W` or `dW`; by default the first that did not pass, or the first.

    Raises:
        KeyError: if no such gradient was checked.
        ValueError: if it was not seen entry by entry.
    """
    row = _row(report, name)
    error = _seen(row)
    plane = laid_out(error, row.name)
    scale = float(np.abs(error[np.isfinite(error)]).max(initial=0.0)) or 1.0
    figure, axes = _figure(f"{report.name}: d{row.name}, hand-derived − numeric")
    shown = axes.imshow(plane, cmap="cividis", vmin=-scale, vmax=scale, aspect="equal")
    figure.colorbar(shown, ax=axes, shrink=0.8, label="signed error")
    axes.set(xticks=[], yticks=[])
    if row.worst and row.verdict is Verdict.FAIL:
        up, across = _place(row)
        axes.plot(across, up, "o", ms=14, mfc="none", mec=ORANGE, mew=2)
        axes.set_xlabel(f"worst: d{row.name}[{', '.join(map(str, row.worst))}]")
    return figure


def plot_scatter(report: Report, name: str | None = None) -> Figure:
    """Hand-derived against numeric: right entries lie on the diagonal; the slope is a wrong one's factor.

    Arguments and errors as for `plot_heat_map`.
    """
    row = _row(report, name)
    _seen(row)
    numeric, hand = np.ravel(row.numeric), np.ravel(row.analytic)
    figure, axes = _figure(f"{report.name}: d{row.name}, {row.verdict}")
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
    return figure


def plot_growth(report: Report) -> Figure:
    """The relative error of each value on the way back, in the order in which it is computed.

    Rounding grows a little from line to line; at a wrong line the error jumps to the size of the mistake,
    and stays there in everything computed from it.

    Raises:
        ValueError: if no lines were compared: `check(…, lines=True)` compares them.
    """
    if not report.lines:
        raise ValueError("no lines were compared: check(…, lines=True) compares them")
    figure, axes = _figure(f"{report.name}: error along the way back")
    for verdict, mark, colour in (
        (Verdict.PASS, "o", BLUE),
        (Verdict.INCONCLUSIVE, "s", GREY),
        (Verdict.FAIL, "X", ORANGE),
    ):
        here = [k for k, line in enumerate(report.lines) if line.verdict is verdict]
        if here:
            errors = [_drawn(report.lines[k].relative_error) for k in here]
            axes.semilogy(here, errors, mark, color=colour, ms=8, label=str(verdict))
    names = [f"{line.name}\nline {line.line}" for line in report.lines]
    every = -(-len(names) // FEW)
    axes.set_xticks(range(0, len(names), every), names[::every])
    axes.set(ylabel="relative error", ylim=(DRAWN_BELOW, 10))
    axes.legend()
    return figure


def plot_v_curve(report: Report, name: str | None = None) -> Figure:
    """Error of each difference quotient against its step, beside what the check did and could resolve.

    Truncation falls with the step and round-off grows as it shrinks: a V. The hand-derived gradient
    is taken as the truth, so that a wrong one makes a plateau at its error.

    Arguments as for `plot_heat_map`.

    Raises:
        KeyError: if no such gradient was checked.
        ValueError: if the report comes from another process, where the layer has stayed.
    """
    row = _row(report, name)
    figure, axes = _figure(f"{report.name}: slopes along a random direction of {row.name}")
    draw_steps(axes, curves_of(report, row.name))
    if row.step:
        label = f"step of the check: {scientific(row.step)}"
        axes.axvline(row.step, color="black", lw=1, ls="--", label=label)
    if 0 < row.resolution < np.inf:
        label = f"resolution of the check: {scientific(row.resolution)}"
        axes.axhline(row.resolution, color="black", lw=1, ls=":", label=label)
    axes.legend()
    return figure


def plot_taylor(report: Report, name: str | None = None) -> Figure:
    """Taylor's remainder with the hand-derived gradient: slope 2 if it is right, 1 if it is wrong.

    Arguments and errors as for `plot_v_curve`.
    """
    row = _row(report, name)
    test = taylor_test(*report.along(row.name), seed=report.seed)
    figure, axes = _figure(f"{report.name}: d{row.name}. {test}")
    draw_remainders(axes, {"remainder": test})
    clear = test.remainders > test.floor
    if clear.any():
        first = int(np.flatnonzero(clear)[0])
        for slope, dashes in ((1, ":"), (2, "--")):
            guide = test.remainders[first] * (test.steps[clear] / test.steps[first]) ** slope
            axes.loglog(test.steps[clear], guide, dashes, color=GREY, lw=1, label=f"slope {slope}")
    axes.legend()
    return figure


def draw_steps(axes: Axes, curves: StepCurves) -> None:
    """Error against step, a line for each method."""
    for method, errors in curves.errors.items():
        shown = np.maximum(errors, DRAWN_BELOW)
        axes.loglog(curves.steps, shown, color=METHODS[method], label=method, lw=1.5)
    axes.set(xlabel="step, relative to |x|", ylabel="relative error", ylim=(DRAWN_BELOW, 10))


def draw_remainders(axes: Axes, tests: Mapping[str, TaylorTest]) -> None:
    """Taylor's remainders where they stand clear of rounding, a line under each name."""
    for (label, test), colour in zip(tests.items(), (BLUE, ORANGE), strict=False):
        clear = test.remainders > test.floor
        axes.loglog(test.steps[clear], test.remainders[clear], ".-", color=colour, label=label)
    axes.set(xlabel="t", ylabel="|φ(t) − φ(0) − t·φ′(0)|")


def _figure(title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _row(report: Report, name: str | None) -> Row:
    if name is not None:
        return report[name]
    if not report.rows:
        raise KeyError(f"the report on {report.name} has no gradient")
    return next((row for row in report.rows if row.verdict is not Verdict.PASS), report.rows[0])


def _seen(row: Row) -> Array:
    error = signed_error(row)
    if error is None:
        raise ValueError(f"d{row.name} was not seen entry by entry (effort='complete' sees it so)")
    return error


def _place(row: Row) -> tuple[int, int]:
    """Where the worst entry lies on the plane."""
    marked = np.zeros(row.shape)
    marked[row.worst] = 1.0
    plane = laid_out(marked, row.name)
    up, across = np.argwhere(plane == 1.0)[0]
    return int(up), int(across)


def _drawn(error: float) -> float:
    """An error as a logarithmic axis can show it; what is not finite at its upper end."""
    return float(np.clip(error, DRAWN_BELOW, 10.0)) if np.isfinite(error) else 10.0
