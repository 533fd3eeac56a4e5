"""An ε that guards the forward pass alone is named: without it the gradient is right to every digit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis.margins import SMALL
from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import copies
from gradcheck.lines import without_guards
from gradcheck.result import Finding, Report, Row, Verdict, failing


def named_by_a_guard(
    context: Context, rows: Sequence[Row], check: Callable[..., Report], seed: int
) -> Sequence[Row]:
    """The rows; those that fail are called inexact where without guards in the forward pass everything passes."""
    failed = failing(rows)
    # Where it changes more than the last digits, as of a loss far out, it is more than a guard.
    if not failed or not all(row.relative_error <= SMALL for row in failed):
        return rows
    # Without its guard a forward pass may fail in any way.
    with suppress(Exception), np.errstate(all="ignore"):
        layer, met = without_guards(context.layer)
        layer(*copies(context.inputs))
        if met and check(layer, *copies(context.inputs), seed=seed, upstream=context.dy).passed:
            return [_named(row, max(met)) if row.verdict is Verdict.FAIL else row for row in rows]
    return rows


def _named(row: Row, guard: float) -> Row:
    message = (
        f"d{row.name} is right to about {row.relative_error:.0e} and no further: it is the gradient, to every "
        f"digit, of the forward pass without its ε of {guard:.0e}. Have the ε in both passes, or in neither."
    )
    finding = Finding("inexact", message, {"guard": guard, "relative_error": row.relative_error})
    return replace(row, findings=(finding,))
