"""Figures of a report, for slides and papers: each takes a Report and returns a Matplotlib figure.

Matplotlib is imported when a figure is drawn (`pip install 'gradcheck[course]'`). The figures touch no
global state; `save_figure(figure, "name.svg")`, `.pdf` or `.png` writes one, the same bytes each time and
with its text as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gradcheck.curves import curves_of
from gradcheck.panels import (
    draw_growth,
    draw_map,
    draw_remainders,
    draw_scatter,
    draw_slopes,
    draw_steps,
    draw_taken,
)
from gradcheck.result import Report, Row, Verdict
from gradcheck.taylor import taylor_test

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "drawn_row",
    "plot_growth",
    "plot_heat_map",
    "plot_report",
    "plot_scatter",
    "plot_taylor",
    "plot_v_curve",
    "save_figure",
]

PANEL = (4.2, 3.4)
"""Inches of one of the panels that stand side by side."""

STILL: Any = {"svg.fonttype": "none", "svg.hashsalt": "gradcheck", "pdf.fonttype": 42}
"""Text as text; and the names of an SVG's parts, which are drawn at random otherwise."""

FORMS: dict[str, dict[str, None]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {},
}
"""What a figure can be written as, and what in it would make it another file tomorrow."""


def plot_heat_map(report: Report, name: str | None = None) -> Figure:
    """The signed error of a gradient, laid out like the parameter, its worst entry circled.

    Args:
        report: what `check` returned.
        name: the gradient, `W` or `dW`; by default the first that did not pass, or the first.

    Raises:
        KeyError: if no such gradient was checked.
        ValueError: if it was not seen entry by entry.
    """
    row = drawn_row(report, name)
    figure, axes = _figure(f"{report.name}: d{row.name}, hand-derived − numeric")
    draw_map(axes, row)
    return figure


def plot_scatter(report: Report, name: str | None = None) -> Figure:
    """Hand-derived against numeric: right entries lie on the diagonal; the slope is a wrong one's factor.

    Arguments and errors as for `plot_heat_map`.
    """
    row = drawn_row(report, name)
    figure, axes = _figure(f"{report.name}: d{row.name}, {row.verdict}")
    draw_scatter(axes, row)
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
    draw_growth(axes, report.lines)
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
    row = drawn_row(report, name)
    figure, axes = _figure(f"{report.name}: slopes along a random direction of {row.name}")
    draw_steps(axes, curves_of(report, row.name))
    draw_taken(axes, row)
    return figure


def plot_taylor(report: Report, name: str | None = None) -> Figure:
    """Taylor's remainder with the hand-derived gradient: slope 2 if it is right, 1 if it is wrong.

    Arguments and errors as for `plot_v_curve`.
    """
    row = drawn_row(report, name)
    test = taylor_test(*report.along(row.name), seed=report.seed)
    figure, axes = _figure(f"{report.name}: d{row.name}. {test}")
    draw_remainders(axes, {"remainder": test})
    draw_slopes(axes, test)
    axes.legend()
    return figure


def plot_report(*reports: Report, name: str | None = None) -> Figure:
    """A gradient at a glance: its error map, hand-derived against numeric, and where the error is from.

    That is the error line by line where lines were compared, as they are where a gradient fails, and
    else the error of the differences against their step.

    Args:
        *reports: what `check` returned; one row of panels for each.
        name: as for `plot_heat_map`.

    Raises:
        KeyError: if no such gradient was checked.
        ValueError: if it was not seen entry by entry, or the report comes from another process.
    """
    from matplotlib.figure import Figure

    across, up = PANEL
    figure = Figure(figsize=(3 * across, up * len(reports)), layout="constrained")
    grid = figure.subplots(len(reports), 3, squeeze=False)
    for report, (left, middle, right) in zip(reports, grid, strict=True):
        row = drawn_row(report, name)
        _titled(left, f"{report.name}: d{row.name} {row.verdict}")
        draw_map(left, row)
        _titled(middle, f"d{row.name}, entry by entry")
        draw_scatter(middle, row)
        if report.lines:
            _titled(right, "error along the way back")
            draw_growth(right, report.lines)
            continue
        _titled(right, "error of the differences")
        draw_steps(right, curves_of(report, row.name))
        draw_taken(right, row)
        right.legend(fontsize=7)
    return figure


def save_figure(figure: Figure, file: str | Path | BinaryIO, form: str | None = None) -> None:
    """Write a figure, the same bytes each time, to a path or a file that is open for bytes.

    The form is svg, pdf or png, by default what the path ends in.

    Raises:
        ValueError: for another form.
    """
    import matplotlib

    form = form or Path(str(file)).suffix[1:]
    if form not in FORMS:
        raise ValueError(f"a figure is written as one of {', '.join(FORMS)}, not as {form!r}")
    with matplotlib.rc_context(STILL):
        figure.savefig(file, format=form, dpi=200, metadata=FORMS[form])


def drawn_row(report: Report, name: str | None = None) -> Row:
    """The gradient that is drawn: the one named, or the first that did not pass, or the first.

    Raises:
        KeyError: if no such gradient was checked.
    """
    if name is not None:
        return report[name]
    if not report.rows:
        raise KeyError(f"the report on {report.name} has no gradient")
    return next((row for row in report.rows if row.verdict is not Verdict.PASS), report.rows[0])


def _figure(title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    _titled(axes, title)
    return figure, axes


def _titled(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
