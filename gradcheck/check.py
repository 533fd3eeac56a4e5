"""The story of one check, top to bottom: run, ask the numerical witness, ask the tape, compare, explain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np

from gradcheck.binding import bind, left_at_defaults, positions
from gradcheck.budget import announced, covered, efforts_for
from gradcheck.compare import not_finite
from gradcheck.conduct import Conduct, observe
from gradcheck.cut import cuts_of, in_all_pieces, in_pieces, maker, remarks
from gradcheck.diagnosis.explain import explain_row, forward_disagrees, of_one_draw
from gradcheck.diagnosis.wrong import Context
from gradcheck.exits import staying
from gradcheck.guarded import beside_a_guard
from gradcheck.judging import judged
from gradcheck.layer import Function, Layer, name_of
from gradcheck.lines import check_lines
from gradcheck.meant import must_be_a_layer
from gradcheck.numeric import Forward, NumericalWitness, Progress
from gradcheck.options import BUDGET, refuse, upstream_for
from gradcheck.outputs import gathering
from gradcheck.repair import Again
from gradcheck.result import Array, Finding, Lines, Report, Row, failing
from gradcheck.returned import assign, missing_row
from gradcheck.slices import SlicedWitness, foresee
from gradcheck.tape import tape_gradients


@staying
@gathering
def check(
    layer: Layer,
    *inputs: Any,
    twin: Function | None = None,
    wrt: str | int | Iterable[str | int] | None = None,
    seed: int = 0,
    method: str = "extrapolated",
    effort: str = "complete",
    budget: float = BUDGET,
    lines: bool | None = None,
    name: str | None = None,
    upstream: Array | None = None,
    progress: Progress | None = None,
    **named_inputs: Any,
) -> Report:
    """Check the hand-derived backward pass of a layer, entry by entry.

    >>> import numpy as np
    >>> def square(x):
    ...     return x * x, lambda dy: dy * x  # a slip: it should be 2 x
    >>> report = check(square, np.array([0.5, -1.5, 2.0]))
    >>> report.passed
    False
    >>> report["x"].findings[0].message
    'dx is exactly 0.5 times the true gradient: look for a factor that is missing, doubled or upside down.'

    Args:
        layer: `layer(*inputs)` returns `(y, backward)`; `backward(dy)` returns one gradient for each
            input, in order, None for one without a gradient. Of several outputs, `(y1, y2), backward`, it
            takes `(dy1, dy2)`, or one by one.
        *inputs: float32 or float64 arrays of any shapes, integer arrays for labels and indices. Half and
            long double precision are judged too, half as a formula in a wider one.
        twin: the same forward pass in TensorFlow, `twin(*inputs)`, as a second witness.
        wrt: names or positions of the inputs to check; all of floating dtype by default.
        seed: for the upstream gradient and everything else that is drawn.
        method: `extrapolated`, `central`, `forward` or `complex`.
        effort: `complete` checks every entry; `directional` checks random directions through each
            gradient, which is quick at any size, and searches the wrong entries if one disagrees;
            `verdict` leaves that search out; `auto` is complete where that fits into the budget, and
            directional where it does not.
        budget: seconds for `auto`; what each row was judged by is said in its findings.
        lines: compare the lines of the backward pass too, which takes its source: `True`, `False`, or
            by default where a gradient fails a complete check.
        name: what the report calls the layer; its own name by default.
        upstream: the upstream gradient, of y's shape; random with random signs by default.
        progress: called now and then with evaluations done and to do.
        **named_inputs: inputs by name. An input that is called like one of the options above (`seed`,
            `name`, …) is given by position.

    Raises:
        TypeError, ValueError: for inputs that cannot be checked, and for options that do not go
            together; the message names the argument.
    """
    must_be_a_layer(layer, inputs)
    refuse(
        layer=layer,
        twin=twin,
        wrt=wrt,
        seed=seed,
        method=method,
        effort=effort,
        budget=budget,
        lines=lines,
        name=name,
        progress=progress,
    )
    names, arrays = bind(layer, inputs, named_inputs)
    wanted = positions(names, arrays, wrt)
    name = name or name_of(layer)

    # Run forward and backward, and watch the conduct.
    seen = observe(layer, arrays, names, upstream_for(upstream, seed))
    returned = assign(
        seen, names, arrays, wanted, asked=wrt is not None, defaults=left_at_defaults(layer, names)
    )
    findings = [*seen.findings, *returned.findings]
    if not np.isfinite(seen.value).all():
        findings.append(not_finite("The forward pass's value", seen.value))
        return Report(name, (), tuple(findings), seed, method)

    # Ask the numerical witness.
    forward = Forward(layer, arrays, careful=seen.has("mutates-input"), movable=returned.compared)
    witness: NumericalWitness = SlicedWitness(forward, seen.dy, method, seed, progress=progress)
    if effort in ("complete", "auto"):
        witness = in_pieces(witness, layer, names)
    efforts = efforts_for(witness, returned.compared, effort, budget)
    foresee(witness, efforts)
    witness.progress = announced(witness, efforts, name)

    # Ask the tape.
    tape = _taped(twin, arrays, seen, returned.compared)

    # Compare.
    apart = cache(partial(in_all_pieces, layer=layer, names=names))
    compared = judged(witness, names, returned.gradients, tape.gradients, efforts, apart)
    findings += [*tape.findings, *remarks(witness, names)]
    findings += covered(witness, names, efforts, budget)

    # Explain.
    cuts = cuts_of(witness)
    context = Context(layer, names, forward, seen.dy, compared, maker(layer, names), cuts)
    # An edited text is no file whose source could be read, and so cannot be taken apart; and it may call
    # its inputs otherwise.
    by, which = "complete" if cuts is None else "directional", None if wrt is None else wanted
    afresh = partial(check, wrt=which, method=method, effort=by, lines=False)
    asked = partial(afresh, effort=effort, lines=lines, name=name)
    guarded = beside_a_guard(context, asked, seed) if twin is None else None
    if guarded is not None:
        return guarded
    rows, by_line = _explain(context, seen, lines, effort, seed)
    again = Again(context, rows, by_line, afresh, seed)
    by_line = again.told_apart()
    findings += filter(None, [by_line.first_wrong])
    rows = [*again.named(), *(missing_row(p, names, arrays) for p in returned.unchecked)]
    return Report(
        name, tuple(rows), tuple(findings), seed, method, forward.evaluations, by_line, _again=again
    )


def assert_gradients(layer: Layer, *inputs: Any, **options: Any) -> Report:
    """As `check`, but raise AssertionError, whose text is the table and the findings, unless passed."""
    __tracebackhide__ = True
    report = check(layer, *inputs, **options)
    if not report.passed:
        raise AssertionError(str(report))
    return report


@np.errstate(all="ignore")
def _explain(
    context: Context,
    seen: Conduct,
    lines: bool | None,
    effort: str,
    seed: int,
) -> tuple[list[Row], Lines]:
    """The rows with their findings, and the lines, where they are asked for or something failed."""
    rows, by_line = _explained(context, seen.raised), Lines()
    unasked = lines is None and bool(failing(rows))
    if lines or (unasked and effort == "complete"):
        rows, by_line = check_lines(context, rows, seed, raised=seen.raised)
    elif unasked and not seen.raised:
        by_line = Lines(notes=(NOT_ASKED,))
    return [of_one_draw(row, seen.findings) for row in rows], by_line


def _explained(context: Context, raised: bool) -> list[Row]:
    """The rows with their findings; of gradients that never were there is nothing to say."""
    if raised:
        return [one.row for one in context.compared.values()]
    return [explain_row(context, position) for position in context.compared]


NOT_ASKED = (
    "The lines of the backward pass were not compared: only effort='complete' does so unasked; "
    "lines=True (--lines) asks for it."
)
"""Why no line is named where a gradient is wrong that was not checked entry by entry."""


@dataclass(frozen=True)
class _Tape:
    """What the tape says of some gradients, and of the forward value if the twin has another."""

    gradients: dict[int, Array] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def _taped(
    twin: Function | None, inputs: Sequence[Array], seen: Conduct, wanted: Sequence[int]
) -> _Tape:
    """Ask the tape, where there is a twin to run on it."""
    if twin is None:
        return _Tape()
    value, found = tape_gradients(twin, inputs, seen.dy, wanted)
    gradients = dict(zip(wanted, found, strict=True))
    return _Tape(gradients, list(forward_disagrees(seen.value, value)))
