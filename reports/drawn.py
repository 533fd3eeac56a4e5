"""What came of the targets as one figure, for a slide or a paper."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gradcheck.plots import plot_report, save_figure
from reports.errors import UserError
from reports.targets import Outcome


def draw(outcomes: Sequence[Outcome], form: str) -> None:
    """Write the figure to stdout: of each report the first gradient that did not pass, or the first.

    Raises:
        UserError: if there is nothing to draw.
    """
    reports = [one.report for one in outcomes if one.report is not None and one.report.rows]
    if not reports:
        raise UserError(f"--format {form}: there is no gradient to draw")
    try:
        figure = plot_report(*reports)
    except ValueError as error:
        raise UserError(f"--format {form}: {error}") from error
    save_figure(figure, sys.stdout.buffer, form)
