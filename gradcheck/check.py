"""The story of one check, top to bottom: run, ask the numerical witness, ask the tape, compare, explain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gradcheck.compare import compare
from gradcheck.conduct import observe
from gradcheck.diagnosis.explain import explain_row, forward_disagrees
from gradcheck.diagnosis.wrong import Comparison, Context
from gradcheck.directional import Directions, compare_directions
from gradcheck.layer import Layer, bind, must_be_float, name_of, positions, random_upstream
from gradcheck.lines.story import check_lines
from gradcheck.numeric.forward import Forward
from gradcheck.numeric.witness import NumericalWitness, Progress
from gradcheck.result import Array, Finding, Lines, Report, Verdict
from gradcheck.tape import tape_gradients


def check(
    layer: Layer,
    *inputs: Any,
    twin: Callable[..., Any] | None = None,
    wrt: str | int | Iterable[str | int] | None = None,
    seed: int = 0,
    method: str = "extrapolated",
    effort: str = "complete",
    lines: bool | None = None,
    name: str | None = None,
    upstream: Array | None = None,
    progress: Progress | None = None,
    **named_inputs: Any,
) -> Report:
    """Check the hand-derived backward pass of a layer, entry by entry.

    Args:
        layer: `layer(*inputs)` returns `(y, backward)`; `backward(dy)` returns one gradient for each
            input, in order, None for one without a gradient.
        *inputs: float32 or float64 arrays of any shapes, integer arrays for labels and indices.
        twin: the same forward pass in TensorFlow, `twin(*inputs)`, as a second witness.
        wrt: names or positions of the inputs to check; all of floating dtype by default.
        seed: for the upstream gradient and everything else that is drawn.
        method: `extrapolated`, `central`, `forward` or `complex`.
        effort: `complete` checks every entry; `directional` checks random directions through each
            gradient, which is quick at any size, and searches the wrong entries if one disagrees.
        lines: compare the lines of the backward pass too, which takes its source: `True`, `False`, or
            by default where a gradient fails a complete check.
        name: what the report calls the layer; its own name by default.
        upstream: the upstream gradient, of y's shape; random with random signs by default.
        progress: called now and then with evaluations done and to do.
        **named_inputs: inputs by name.

    Raises:
        TypeError, ValueError: for inputs that cannot be checked; the message names the argument.
    """
    names, arrays = bind(layer, inputs, named_inputs)
    wanted = positions(names, arrays, wrt)
    if effort not in ("complete", "directional"):
        raise ValueError(f"effort is {effort!r}, expected 'complete' or 'directional'")

    # Run forward and backward, and watch the conduct.
    conduct, dy = observe(layer, arrays, names, lambda y: _upstream(y, upstream, seed))
    findings = list(conduct.findings)
    if not any(finding.code == "raises" for finding in findings):
        findings += _counted(conduct.gradients, names)
    gradients = dict(enumerate(conduct.gradients[: len(names)]))
    findings += _out_of_order(names, arrays, gradients)
    for position, gradient in gradients.items():
        if gradient is not None and not findings:
            must_be_float(names[position], arrays[position])
    wanted = [p for p in wanted if wrt is not None or not _constant(arrays[p], p, gradients)]
    if not np.isfinite(conduct.value).all():
        findings.append(_not_finite("The forward pass returns", conduct.value))
        return Report(name or name_of(layer), (), tuple(findings), seed, method)

    # Ask the numerical witness.
    forward = Forward(layer, arrays, careful=conduct.mutates_inputs)
    witness = NumericalWitness(forward, dy, method=method, seed=seed, progress=progress)

    # Ask the tape.
    taped: dict[int, Array] = {}
    if twin is not None:
        value, found = tape_gradients(twin, arrays, dy, wanted)
        taped = dict(zip(wanted, found, strict=True))
        findings += forward_disagrees(conduct.value, value)

    # Compare.
    compared: dict[int, Comparison] = {}
    for position in wanted:
        hand, tape = gradients.get(position), taped.get(position)
        if effort == "directional" and hand is not None and hand.shape == arrays[position].shape:
            directions = Directions(witness, position, seed)
            row = compare_directions(names[position], hand, directions, tape)
            compared[position] = Comparison(row)
        else:
            numeric = witness.beside(position, hand)
            row, ties_broken = compare(names[position], hand, numeric, tape)
            compared[position] = Comparison(row, numeric, ties_broken)

    # Explain.
    context = Context(layer, names, forward, dy, compared)
    rows = [explain_row(context, position) for position in wanted]
    by_line = Lines()
    failed = any(row.verdict is Verdict.FAIL for row in rows)
    if lines or (lines is None and failed and effort == "complete"):
        raised = any(finding.code == "raises" for finding in findings)
        rows, by_line = check_lines(context, rows, seed, raised=raised)
    if by_line.first_wrong is not None:
        findings.append(by_line.first_wrong)
    return Report(
        name or name_of(layer),
        tuple(rows),
        tuple(findings),
        seed,
        method,
        forward.evaluations,
        by_line,
    )


def assert_gradients(layer: Layer, *inputs: Any, **options: Any) -> Report:
    """As `check`, but raise AssertionError, whose text is the table and the findings, unless passed."""
    report = check(layer, *inputs, **options)
    if not report.passed:
        raise AssertionError(str(report))
    return report


def _upstream(value: Array, given: Array | None, seed: int) -> Array:
    if value.dtype.kind != "f":
        raise TypeError(f"the forward pass returns dtype {value.dtype}, expected a float array")
    if given is None:
        return random_upstream(value, seed)
    dy = np.array(given, dtype=value.dtype)
    if dy.shape != value.shape:
        raise ValueError(f"upstream has shape {dy.shape}, the layer returns {value.shape}")
    return dy


def _counted(gradients: Sequence[Array | None], names: Sequence[str]) -> list[Finding]:
    if len(gradients) == len(names):
        return []
    return [
        Finding(
            "wrong-count",
            f"backward returned {len(gradients)} gradients for {len(names)} inputs: expected one "
            f"for each of {', '.join(names)}, None where there is none.",
            {"expected": len(names), "returned": len(gradients)},
            fails=True,
        )
    ]


def _out_of_order(
    names: Sequence[str], arrays: Sequence[Array], gradients: dict[int, Array | None]
) -> list[Finding]:
    """A gradient for integers and none for floats: the order of the inputs was not kept."""
    integers = [p for p, g in gradients.items() if g is not None and arrays[p].dtype.kind != "f"]
    floats = [p for p, g in gradients.items() if g is None and arrays[p].dtype.kind == "f"]
    if not (integers and floats):
        return []
    return [
        Finding(
            "wrong-count",
            f"backward returned a gradient for {names[integers[0]]}, which holds integers, and None "
            f"for {names[floats[0]]}: one gradient for each input, in the order of the inputs.",
            {"integers": names[integers[0]], "none": names[floats[0]]},
            fails=True,
        )
    ]


def _constant(x: Array, position: int, gradients: dict[int, Array | None]) -> bool:
    """Whether an input whose gradient is None looks like a mask, which is right to have none."""
    none = position in gradients and gradients[position] is None
    return none and bool(np.isin(x, (0, 1)).all())


def _not_finite(what: str, value: Array) -> Finding:
    place = [int(k) for k in np.argwhere(~np.isfinite(value))[0]]
    return Finding(
        "not-finite", f"{what} {value[tuple(place)]} at {place}.", {"index": place}, fails=True
    )
