"""A layer taken apart by its source: an instrumented copy of it, or one with other text in its backward pass.

The layer's own functions are never changed. Copies of them are compiled and put together again as the
layer puts its own together, with everything that is bound to them.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from gradcheck.layer import Adapted, Function
from gradcheck.layer import Backward as WayBack
from gradcheck.lines.handing import at_work, bound_alike
from gradcheck.lines.instrument import Backward, Forward, Helpers, Instrument, Text
from gradcheck.lines.recorder import Recorder
from gradcheck.lines.sites import Site, item
from gradcheck.lines.source import (
    COPIED,
    Path,
    Source,
    Unreadable,
    functions_in,
    parsed_function,
    returned_function,
    statements,
)
from gradcheck.lines.statements import names_read
from gradcheck.result import Array


@dataclass(frozen=True)
class Copy:
    """The instrumented copy of a layer: called like it, with what its calls report to.

    `body` is the text of the backward pass with its line numbers, in `file`; `upstream` the names that
    it gives to its upstream gradients, `inner` the statements of functions within it, `gradients` the
    way to the gradient of each input in what it returns, `helpers` the functions that it calls;
    `elsewhere` says that it is not in the file of the forward pass, `chained` whether dz in it is the
    gradient of z, `alone` that it is the forward pass too, as in a loss.
    """

    layer: Function
    recorder: Recorder
    body: Text
    file: str
    upstream: tuple[str, ...]
    inner: tuple[Site, ...]
    gradients: tuple[Path | None, ...] | None
    helpers: Helpers
    elsewhere: bool = False
    chained: bool = True
    alone: bool = False

    @property
    def value(self) -> list[Site]:
        """What a function returns for its value that returns the gradients beside it; nothing of two passes.

        Of one that only hands on what another gives it is what those return first.
        """
        beside = self._returns.items()
        own = [site for path, site in beside if not self._leads_to_a_gradient(path)]
        return (own or self._returned_first) if self.alone else []

    @property
    def _returned_first(self) -> list[Site]:
        """What helpers that return several values return first."""
        return [site for site in self.sites if site.function and (site.path or ())[:1] == (0,)]

    def _leads_to_a_gradient(self, path: Path) -> bool:
        ways = filter(None, self.gradients or ())
        return path in [way[: len(path)] for way in ways]

    @property
    def sites(self) -> list[Site]:
        """The sites of the backward pass and of its helpers, in the order of the text."""
        return self.recorder.backward_sites

    @property
    def listing(self) -> tuple[tuple[int, str], ...]:
        """The lines of the backward pass, and of the helpers that it has called, with their numbers."""
        helpers = (text for text, _ in self.helpers.values())
        return tuple(sorted(dict(chain(self.body, *helpers)).items()))

    def returned(self, position: int) -> Site | None:
        """What is returned for an input, as the return statement has it."""
        path = (position,) if self.gradients is None else self.gradients[position]
        return None if path is None else self._returned_at(path)

    def _returned_at(self, path: Path) -> Site | None:
        if path[:1] == ("self",):
            return self._held("self", path[1:])
        whole = self._returns.get(())
        if path in self._returns or whole is None:
            return self._returns.get(path)
        return whole if path == (0,) else self._held(whole.name, path)

    @property
    def _returns(self) -> dict[Path, Site]:
        return {s.path: s for s in self.sites if s.path is not None and not s.function}

    def _held(self, name: str, path: Iterable[Any]) -> Site | None:
        """The last statement that gives a value to what an object or a dictionary holds."""
        for key in path:
            name = f"{name}.{key}" if name == "self" else item(name, str(key))
        several = self.giving(name)
        return replace(several[-1], reads=frozenset([name])) if several else None

    def giving(self, variable: str) -> list[Site]:
        """The statements that give a variable a value."""
        return [s for s in self.sites if s.variable == variable and not s.is_returned]

    def raised_at(self, error: Exception) -> list[int]:
        """The lines of the backward pass that an error passed on its way out, where it arose first."""
        own = dict(self.listing)
        return [line for line in reversed(_lines_passed(error)) if line in own]


def _lines_passed(error: Exception) -> list[int | None]:
    """The lines of compiled copies that an error passed on its way out, where it arose last."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.lineno for frame in frames if frame.filename == COPIED]


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
    """Where the backward pass that a layer has returned is written; Unreadable if that is nowhere to be found."""
    source, tree, inside = _located(_taken_apart(layer, backward))
    return BackwardText(source, inside, source.numbered(tree))


def rewritten(layer: Function, written: BackwardText, text: str | Function) -> Function:
    """The layer with another text, or a function compiled by `written.source`, that holds its backward pass.

    SyntaxError or Unreadable if the text is no function. What is bound to the old ones stays bound.
    """
    source = written.source
    changed = source.compiled(parsed_function(text), {}) if isinstance(text, str) else text
    user = _taken_apart(layer, source.function)
    if written.inside:
        return user.assemble(source.bound(changed), None)
    return _assembled(user, _ahead(user, source, changed), source, changed)


def _ahead(user: Adapted, source: Source, changed: Function) -> Function:
    """The forward pass; where it is the same function, as of a loss that returns its gradients, changed too."""
    with suppress(Unreadable):
        ahead = _there(user)
        if ahead.function is source.function:
            return ahead.bound(changed)
    return user.forward


def instrumented(layer: Function, backward: Function, *, follow: bool) -> Copy:
    """The instrumented copy of a layer and of the backward pass that it has returned, wherever that is written.

    With `follow` functions of the same file are instrumented too, where they are called. Unreadable if there
    is no source, or no backward pass to be found in it.
    """
    user = _taken_apart(layer, backward)
    recorder = Recorder(user.dialect)
    back, tree, inside = _located(user)
    there = back if inside else _forward_source(user)
    files = frozenset(source.file for source in (back, there) if source is not None)
    behind = Instrument(
        recorder, recorder.backward_sites, Backward, files if follow else frozenset()
    )
    ahead = Instrument(recorder, recorder.forward_sites, Forward, behind.files, scope=behind.scope)
    inner, upstream = _inner(back, tree), _upstream(user, back, tree)
    body = back.numbered(tree) if back.in_doubt else ()
    behind.change(back, tree)
    Backward(back, recorder.backward_sites, "", frozenset()).upstream(tree, upstream)
    forward = _forward(user, there, ahead)
    if inside:
        whole = user.assemble(forward, None)
    else:
        whole = _assembled(user, forward, back, behind.compiled(back, tree))
    return Copy(
        *(whole, recorder, body, back.file, upstream, inner),
        gradients=user.gradients,
        helpers=behind.helpers,
        elsewhere=len(files) > 1,
        chained=user.chained,
        alone=_is_forward_too(back, there),
    )


def _is_forward_too(back: Source, there: Source | None) -> bool:
    """Whether a backward pass is the forward pass too, as in a loss, and not only written within it."""
    return there is not None and there is not back and there.function is back.function


def _forward(user: Adapted, source: Source | None, instrument: Instrument) -> Function:
    """The forward pass, instrumented where it can be read, called with what is bound to it."""
    if source is None:
        return user.forward
    instrument.change(source, source.tree)
    return source.bound(instrument.compiled(source, source.tree))


def _taken_apart(layer: Function, returned: Function) -> Adapted:
    """The functions that a layer is made of; a plain one holds its backward pass, or has returned another's."""
    if isinstance(layer, Adapted):
        return layer
    return Adapted("", (), layer, returned, lambda forward, _: forward, inside=True)


def _located(user: Adapted) -> tuple[Source, ast.FunctionDef, bool]:
    """The function that holds a backward pass, that pass in its tree, and whether it is within the layer."""
    if user.inside:
        source = _there(user)
        inner = returned_function(source.tree)
        if inner is not None:
            return source, inner, True
    if user.backward is None:
        raise Unreadable("a derivative is compared by its lines only where every entry of it is")
    source = at_work(user.backward)
    return source, source.tree, False


def _there(user: Adapted) -> Source:
    """The source of a forward pass."""
    return at_work(user.forward)


def _assembled(user: Adapted, forward: Function, source: Source, backward: Function) -> Function:
    """A layer of other functions, put together as the layer is."""
    if not user.inside:
        return user.assemble(forward, source.bound(backward))

    def joined(*inputs: Array) -> tuple[Any, WayBack]:
        out, returned = forward(*inputs)
        # Another function, called with what this run has given to its own.
        return out, bound_alike(returned, backward)

    return user.assemble(joined, None)


def _forward_source(user: Adapted) -> Source | None:
    """The source of a forward pass; None where it cannot be read and a derivative does without."""
    try:
        return _there(user)
    except Unreadable:
        if user.chained:
            raise
        return None


def _upstream(user: Adapted, source: Source, tree: ast.FunctionDef) -> tuple[str, ...]:
    """The arguments that carry upstream gradients: as the layer says, or the first that is not self."""
    if user.upstream is not None:
        return tuple(source.called.get(name, name) for name in user.upstream)
    arguments = [*tree.args.posonlyargs, *tree.args.args]
    return tuple(a.arg for a in arguments if a.arg != "self")[:1]


def _inner(source: Source, tree: ast.FunctionDef) -> tuple[Site, ...]:
    """What is computed in functions within a backward pass, each line under the function's name."""
    return tuple(
        Site(f.name, source.line_of(s), source.text(s), names_read(s))
        for f in functions_in(tree)
        for _, s in statements(f)
    )
