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


def beside_a_guard(context: Context, check: Callable[..., Report], seed: int) -> Report | None:
    """What is found without the guards in a forward pass, where the way back is one without; else None.

    Gradients that pass without them are called inexact. Of others the mistake is said, and its line: beside a
    guard all that a way back computes is wrong in the last digits.
    """
    rows = [one.row for one in context.compared.values()]
    if not any(row.relative_error <= SMALL for row in failing(rows)):
        # Where it changes more than the last digits, as of a loss far out, it is more than a guard.
        return None
    # Without its guard a forward pass may fail in any way.
    with suppress(Exception), np.errstate(all="ignore"):
        layer, met = without_guards(context.layer)
        layer(*copies(context.inputs))
        if met:
            found = check(layer, *copies(context.inputs), seed=seed, upstream=context.dy)
            return _together(rows, found, max(met)) if _is_without(rows, found) else None
    return None


def _is_without(rows: Sequence[Row], found: Report) -> bool:
    """Whether a way back knows no guard: something that is wrong in the last digits passes, all else as before."""
    passing = {row.name for row in found.rows if row.verdict is Verdict.PASS}
    before = {row.name for row in rows if row.verdict is Verdict.PASS}
    near = {row.name for row in rows if row.relative_error <= SMALL}
    return before < passing and passing <= near


def _together(rows: Sequence[Row], found: Report, guard: float) -> Report:
    """What was found without a guard, and which gradients are wrong by nothing else."""
    by_a_guard = {
        row.name: _named(row, guard)
        for row in failing(rows)
        if found[row.name].verdict is Verdict.PASS
    }
    return replace(found, rows=tuple(by_a_guard.get(row.name, row) for row in found.rows))


def _named(row: Row, guard: float) -> Row:
    message = (
        f"d{row.name} is right to about {row.relative_error:.0e} and no further: it is the gradient, to every "
        f"digit, of the forward pass without its ε of {guard:.0e}. Have the ε in both passes, or in neither."
    )
    finding = Finding("inexact", message, {"guard": guard, "relative_error": row.relative_error})
    return replace(row, findings=(finding,))
