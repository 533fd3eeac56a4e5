"""A layer taken apart by its source: an instrumented copy of it, or one with other text in its backward pass.

The layer's own functions are never changed. Copies of them are compiled and put together again as the
layer puts its own together, with everything that is bound to them.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradcheck.layer import Adapted, Backward
from gradcheck.lines.instrument import instrument_backward, instrument_forward, scope_of
from gradcheck.lines.recorder import Recorder, Site
from gradcheck.lines.source import COPIED, Source, Unreadable, parsed_function, returned_function
from gradcheck.lines.statements import names_read
from gradcheck.result import Array

Function = Callable[..., Any]


@dataclass(frozen=True)
class Copy:
    """The instrumented copy of a layer: called like it, with what its calls report to.

    `listing` is the text of the backward pass with its line numbers, `offset` what to add to a line of
    the copy to have that of the file, `upstream` the name that the backward pass gives to its
    argument, `inner` the statements of functions within it.
    """

    layer: Function
    recorder: Recorder
    listing: tuple[tuple[int, str], ...]
    offset: int
    upstream: tuple[Site, ...]
    inner: tuple[Site, ...] = ()

    @property
    def sites(self) -> list[Site]:
        """The sites of the backward pass, in the order of the text."""
        return self.recorder.backward_sites

    def raised_at(self, error: Exception) -> list[int]:
        """The lines of the backward pass that an error passed on its way out, where it arose first."""
        numbers = {number for number, _ in self.listing}
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f.lineno + self.offset for f in frames if f.filename == COPIED and f.lineno]
        return [line for line in reversed(lines) if line in numbers]


@dataclass(frozen=True)
class BackwardText:
    """Where a backward pass is written: `source` is the function whose text holds it.

    `inside` says that this function is the layer itself, which returns a function within it;
    `listing` is the backward pass alone, with the line numbers of the file.
    """

    source: Source
    inside: bool
    listing: tuple[tuple[int, str], ...]

    @property
    def text(self) -> str:
        """The text of the function that holds the backward pass, its first line being `source.line`."""
        return "".join(self.source.lines)


def backward_text(layer: Function, backward: Function) -> BackwardText:
    """Where the backward pass of a layer is written.

    Args:
        layer: the layer, written as one or adapted to one.
        backward: a backward pass that the layer has returned: it may be written elsewhere.

    Raises:
        Unreadable: if there is no source, or no backward pass to be found in it.
    """
    source, tree, inside = _located(layer, backward)
    return BackwardText(source, inside, source.numbered(tree))


def rewritten(layer: Function, written: BackwardText, text: str) -> Function:
    """The layer with another text in place of that of the function which holds its backward pass.

    What is bound to the layer, and to a backward pass that is a partial or a method, stays bound.

    Raises:
        SyntaxError: if the text is no Python.
        Unreadable: if it is no function.
    """
    source = written.source
    changed = source.compiled(parsed_function(text), {})
    return source.bound(changed) if written.inside else _assembled(layer, None, source, changed)


def instrumented(layer: Function, backward: Function) -> Copy:
    """The instrumented copy of a layer, written as one or adapted to one.

    Args:
        layer: the layer.
        backward: a backward pass that it has returned: it may be written elsewhere.

    Raises:
        Unreadable: if there is no source, or no backward pass to be found in it.
    """
    recorder = Recorder()
    back, tree, inside = _located(layer, backward)
    there = back if inside else Source.of(_forward_function(layer))
    listing, inner, upstream = back.numbered(tree), _inner(back, tree), _upstream(back, tree)
    scope = scope_of(recorder)
    instrument_backward(back, tree, recorder.backward_sites)
    instrument_forward(there, there.tree, recorder.forward_sites)
    forward = there.bound(there.compiled(there.tree, scope))
    if not inside:
        forward = _assembled(layer, forward, back, back.compiled(tree, scope))
    return Copy(forward, recorder, listing, back.line - 1, upstream, inner)


def _located(layer: Function, backward: Function) -> tuple[Source, ast.FunctionDef, bool]:
    """The function that holds a backward pass, that pass in its tree, and whether it is within the layer."""
    if isinstance(layer, Adapted):
        if layer.backward is None:
            raise Unreadable("a derivative is no backward pass")
        source = Source.of(layer.backward)
        return source, source.tree, False
    source = Source.of(layer)
    inner = returned_function(source.tree)
    if inner is not None:
        return source, inner, True
    source = Source.of(backward)
    return source, source.tree, False


def _forward_function(layer: Function) -> Function:
    return layer.forward if isinstance(layer, Adapted) else layer


def _assembled(
    layer: Function, forward: Function | None, source: Source, backward: Function
) -> Function:
    """A layer of other functions, put together as the layer is; its own forward pass if none is given."""
    if isinstance(layer, Adapted):
        return layer.assemble(forward or layer.forward, source.bound(backward))

    def joined(*inputs: Array) -> tuple[Any, Backward]:
        out, returned = (forward or layer)(*inputs)
        # Another function, called with what this run has given to its own.
        return out, Source.of(returned).bound(backward)

    return joined


def _upstream(source: Source, tree: ast.FunctionDef) -> tuple[Site, ...]:
    """The argument that carries the upstream gradient: the first that is not self."""
    names = [argument.arg for argument in tree.args.args if argument.arg != "self"]
    line, text = source.line_of(tree), source.text(tree)
    return tuple(Site(name, line, text, frozenset()) for name in names[:1])


def _inner(source: Source, tree: ast.FunctionDef) -> tuple[Site, ...]:
    """What is computed in functions within a backward pass, each line under the function's name."""
    return tuple(
        Site(f.name, source.line_of(s), source.text(s), names_read(s))
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef) and f is not tree
        for s in f.body
    )
