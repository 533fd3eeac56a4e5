"""What a handout shows of somebody's own code, gathered where that code runs: in a process of its own."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gradcheck.layer import Adapted, Function, Layer
from gradcheck.lines import Unreadable, trace
from gradcheck.repair import Again
from gradcheck.result import Report, Traced, failing
from reports.lecture.blackboard import worked
from reports.lecture.curves import measured_curves, measured_taylor
from reports.lecture.example import Example, of, plain_upstream, shrunk
from reports.targets import found
from reports.targets.asking import asked
from reports.targets.classes import ways
from reports.targets.inputs import inputs_of
from reports.targets.options import Options
from reports.targets.user import answered

Send = Callable[[Any], None]
Lines = list[tuple[int, str]]


def look(send: Send, aside: Send, place: str, name: str, options: Options) -> None:
    """Load a module, check one thing in it, and work its example out, for `answer`."""
    answered(send, place, name, partial(_seen, place=place, options=options))


def _seen(subject: found.Subject, place: str, options: Options) -> dict[str, Any]:
    inputs, notes = inputs_of(subject, place, options.seed, options.inputs)
    report = replace(asked(subject, inputs, options.seed, dict(options.check)), file=place)
    # Searched here: where the report goes, the check cannot be run again.
    _ = report.repair
    if options.smallest and report.rows:
        report.smallest()
    code = [lines for function in _own(subject) if (lines := _lines(function))]
    seen = {"report": report, "notes": notes, "code": code, "doc": _doc(subject), "signs": {}}
    if isinstance(report.again, Again) and report.rows:
        seen |= _worked(report, report.again) | _curves(report, report.again)
    return seen


def _own(subject: found.Subject) -> list[Function]:
    """The functions that are theirs; of a class its two ways."""
    names = ways(subject.made) if subject.made is not None else None
    return [getattr(subject.made, name) for name in names] if names else list(subject.parts)


def _doc(subject: found.Subject) -> str:
    """What they say of it: the first docstring of the class or the functions."""
    told = [subject.parts[0], *_own(subject)]
    return next((doc for one in told if (doc := one.__doc__ and inspect.cleandoc(one.__doc__))), "")


def _lines(function: Function) -> Lines:
    """A function's text without its docstring, with the line numbers of its file."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (OSError, TypeError, SyntaxError):
        return []
    told = range(0)
    if isinstance(tree, ast.FunctionDef) and ast.get_docstring(tree) is not None:
        told = range(tree.body[0].lineno - 1, tree.body[0].end_lineno or 0)
    text = textwrap.dedent("".join(lines)).rstrip("\n").split("\n")
    return [(first + k, line) for k, line in enumerate(text) if k not in told]


def _worked(report: Report, again: Again) -> dict[str, Any]:
    """The worked example, drawn and as a table, and which lines belong together."""
    context = again.context
    try:
        lines = trace(context.layer, context.inputs, context.dy)
        example = _example(report, again)
    except Unreadable:
        return {"small": str(report.smallest())}
    signs = _signs(lines)
    if example is None:
        return {"small": str(report.smallest()), "signs": signs}
    upstream = _upstream_name(context.layer)
    wrong = [row.name for row in failing(example.report)]
    drawn = worked(report.name, example.values, example.sums, upstream, wrong)
    return {"worked": drawn, "signs": signs, "small": _parting(report, example)}


def _example(report: Report, again: Again) -> Example | None:
    """Of what passes the smallest that shows something, of what fails the smallest that fails likewise."""
    context = again.context
    if report.passed:
        drawn = dict(zip(context.names, context.inputs, strict=True))
        return shrunk(context.layer, drawn, again.check)
    small = report.smallest()
    upstream = plain_upstream(context.layer, small.inputs)
    fails = [row.name for row in failing(report)]
    there = again.check(context.layer, *small.inputs.values(), upstream=upstream)
    if [row.name for row in failing(there)] != fails:
        upstream = small.upstream
    return of(context.layer, small.inputs, upstream, again.check)


def _parting(report: Report, example: Example) -> str:
    """Where the code and the truth part in the example; nothing where they do not."""
    wrong = failing(example.report)
    if not wrong or wrong[0].analytic.shape != wrong[0].shape:
        return ""
    row = wrong[0]
    place = f"[{', '.join(map(str, row.worst))}]" if row.worst else ""
    hand, true = row.analytic[row.worst], row.numeric[row.worst]
    return f"d{row.name}{place} is {hand:.6g} in the code, and {true:.6g} in truth."


def _signs(values: Sequence[Traced]) -> dict[int, list[tuple[str, int]]]:
    """For each line that gives a value or its gradient: which way, and the number that both bear."""
    signs: dict[int, list[tuple[str, int]]] = {}
    paired = [one for one in values if one.line and one.gradient_line]
    for k, one in enumerate(paired, start=1):
        signs.setdefault(one.line, []).append(("forward", k))
        signs.setdefault(one.gradient_line, []).append(("backward", k))
    return signs


def _upstream_name(layer: Layer) -> str:
    """What the upstream gradient is called where their way back takes it."""
    if not isinstance(layer, Adapted) or layer.backward is None:
        return "dy"
    if layer.upstream:
        return layer.upstream[0]
    names = [name for name in inspect.signature(layer.backward).parameters if name != "self"]
    return names[0] if names else "dy"


def _curves(report: Report, again: Again) -> dict[str, Any]:
    """The V curve and Taylor's remainder of the gradient that is wrong, or the first."""
    context = again.context
    row = next(iter(failing(report)), report.rows[0])
    position = list(context.names).index(row.name)
    try:
        taylor = measured_taylor(context.layer, context.inputs, position)
        v = measured_curves(context.layer, context.inputs, position) if report.passed else None
    except Exception:
        # Their code need not run at every point.
        return {}
    return {"taylor": taylor, "curves": v, "about": row.name}
