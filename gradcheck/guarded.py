"""No conviction for an ε that guards the forward pass alone: without it the gradient is right to every digit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import copies
from gradcheck.lines import without_guards
from gradcheck.result import Finding, Report, Row, Verdict, failing


def but_for_a_guard(
    context: Context, rows: Sequence[Row], check: Callable[..., Report], seed: int
) -> Sequence[Row]:
    """The rows; those that fail pass where without guards in the forward pass everything does."""
    failed = failing(rows)
    if not failed or not all(np.isfinite(row.relative_error) for row in failed):
        return rows
    # Without its guard a forward pass may fail in any way.
    with suppress(Exception), np.errstate(all="ignore"):
        layer, met = without_guards(context.layer)
        layer(*copies(context.inputs))
        if met and check(layer, *copies(context.inputs), seed=seed, upstream=context.dy).passed:
            return [_excused(row, max(met)) if row.verdict is Verdict.FAIL else row for row in rows]
    return rows


def _excused(row: Row, guard: float) -> Row:
    message = (
        f"d{row.name} is the gradient without an ε of {guard:.0e} that only guards the forward pass: right to "
        f"every digit but for that, which is {row.relative_error:.0e} of it."
    )
    finding = Finding("inexact", message, {"guard": guard, "relative_error": row.relative_error})
    return replace(row, verdict=Verdict.PASS, findings=(finding,))
