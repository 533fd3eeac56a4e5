"""A layer taken apart by its source: probes on the values of the way there, and an ear on those of the way back.

The layer's own function is never changed. A copy of it is compiled in which every assignment is
followed by a call: on the way there it can move the assigned value a little, on the way back it
writes the value down. Lines keep their numbers.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from gradcheck.layer import Adapted
from gradcheck.result import Array

PROBE, STORE, SAW, INDEX = "_probe", "_store", "_saw", "_index"
PROBED = "<probed>"
"""The file name of the copies, by which they are known in a traceback."""


class Unreadable(Exception):
    """The source cannot be read, or not followed; the text says why."""


@dataclass(frozen=True)
class Site:
    """One statement that gives a value to a name.

    `reads` are the names it computes with; `whole` says whether it gives the name a new value, as
    `=` does, and does not write into one that is there, as `d[t] =` and `+=` do; `position` is that
    of the returned gradient, for what stands in the return statement itself.
    """

    name: str
    line: int
    text: str
    reads: frozenset[str]
    whole: bool = True
    position: int | None = None
    loop: int | None = None


@dataclass
class Event:
    """One passing of a site on the way back: the value that the name has from then on."""

    site: Site
    value: Any
    index: Any = None


@dataclass
class Occurrences:
    """The values that one site on the way there gave to its name, in order."""

    site: Site
    values: list[Any] = field(default_factory=list)
    indices: list[Any] = field(default_factory=list)


class Recorder:
    """What the probes report to: it records, or adds to each value what a difference asks for."""

    def __init__(self) -> None:
        self.there: list[Site] = []
        self.back: list[Site] = []
        self.start()
        self.recorded: dict[int, Occurrences] = {}

    def start(
        self,
        moves: dict[int, Array] | None = None,
        watched: frozenset[int] | None = None,
        free: frozenset[int] = frozenset(),
    ) -> None:
        """Begin a run.

        Args:
            moves: what to add to the values of a site; None to record them.
            watched: sites whose values are kept in `seen`, while every value that is assigned, theirs
                included, is replaced by what was recorded; but not those of the sites in `free`.
        """
        self.moves, self.watched, self.free = moves, watched, free
        self.passed: dict[int, int] = {}
        self.events: list[Event] = []
        self.seen: dict[int, list[Array]] = {}
        if moves is None:
            self.recorded = {}

    def probe(self, site: int, value: Any) -> Any:
        """Called with every value assigned on the way there; returns what goes on in its place."""
        k = self._count(site)
        if self.moves is None:
            self._occurrences(site).values.append(np.array(value) if _is_array(value) else value)
            return value
        if self.watched is not None and site not in self.free:
            if site in self.watched:
                self.seen.setdefault(site, []).append(np.array(value))
            value = self.recorded[site].values[k]
            value = np.array(value) if isinstance(value, np.ndarray) else value
        move = self.moves.get(site)
        if move is None or k >= len(move) or not move[k].any():
            return value
        return (value + move[k]).astype(np.asarray(value).dtype)

    def store(self, site: int, array: Any, index: Any) -> None:
        """Called after a value was written into a part of an array."""
        self._count(site)
        if self.moves is None:
            found = self._occurrences(site)
            found.values = [array]
            found.indices.append(index)
            return
        if self.watched is not None and site not in self.free:
            if site in self.watched:
                self.seen.setdefault(site, []).append(np.array(array[index]))
            array[index] = self.recorded[site].values[0][index]
        if site in self.moves:
            array[index] += self.moves[site][index]

    def saw(self, site: int, value: Any, index: Any = None) -> Any:
        """Called with every value assigned on the way back."""
        place = self.back[site]
        # What is written into piece by piece is looked at when it is complete.
        kept = np.array(value) if place.whole and _is_array(value) else value
        self.events.append(Event(place, kept, index))
        return value

    def _count(self, site: int) -> int:
        k = self.passed.get(site, 0)
        self.passed[site] = k + 1
        return k

    def _occurrences(self, site: int) -> Occurrences:
        return self.recorded.setdefault(site, Occurrences(self.there[site]))


@dataclass(frozen=True)
class Copy:
    """The instrumented copy of a layer: called like it, with what its probes report to.

    `listing` is the text of the way back with its line numbers, `offset` what to add to a line of the
    copy to have that of the file, `upstream` the name that the way back gives to its argument,
    `inner` the statements of functions within it.
    """

    layer: Callable[..., Any]
    recorder: Recorder
    listing: tuple[tuple[int, str], ...]
    offset: int
    upstream: tuple[Site, ...]
    inner: tuple[Site, ...] = ()

    @property
    def back(self) -> list[Site]:
        """The sites on the way back, in the order of the text."""
        return self.recorder.back

    def raised_at(self, error: Exception) -> list[int]:
        """The lines of the way back that an error passed on its way out, where it arose first."""
        numbers = {number for number, _ in self.listing}
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f.lineno + self.offset for f in frames if f.filename == PROBED and f.lineno]
        return [line for line in reversed(lines) if line in numbers]


def take_apart(layer: Callable[..., Any], backward: Callable[..., Any]) -> Copy:
    """The instrumented copy of a layer, or of a pair of functions as `check_pair` takes them.

    Args:
        layer: the layer, written as one or adapted to one.
        backward: a way back that the layer has returned: it may be written elsewhere.

    Raises:
        Unreadable: if there is no source, or no backward pass to be found in it.
    """
    recorder = Recorder()
    adapted = layer if isinstance(layer, Adapted) else None
    if adapted is not None and adapted.backward is None:
        raise Unreadable("a derivative is no backward pass")
    there = _Parsed.of(layer if adapted is None else adapted.forward)
    inner = _returned(there.tree) if adapted is None else None
    if inner is not None:
        back, tree = there, inner
    else:
        back = _Parsed.of((adapted and adapted.backward) or backward)
        tree = back.tree
    listing, functions, upstream = (
        back.numbered(tree),
        _functions(back, tree),
        _upstream(back, tree),
    )
    _Instrument(back, recorder.back).back(tree)
    _Instrument(there, recorder.there).there(there.tree)
    offset = back.line - 1
    forward = partial(there.compiled(recorder), *there.ahead, **there.keywords)
    if inner is not None:
        return Copy(forward, recorder, listing, offset, upstream, functions)
    heard = back.compiled(recorder)

    if adapted is not None:
        return Copy(
            adapted.assemble(forward, heard), recorder, listing, offset, upstream, functions
        )

    def joined(*inputs: Array) -> tuple[Any, Callable[[Array], Any]]:
        out, cache = forward(*inputs)
        # The same function, called with what this run has given to it.
        given = _Parsed.of(cache)
        return out, partial(heard, *given.ahead, **given.keywords)

    return Copy(joined, recorder, listing, offset, upstream, functions)


def _upstream(parsed: _Parsed, tree: ast.FunctionDef) -> tuple[Site, ...]:
    """The argument that carries the upstream gradient: the first that is not self."""
    names = [argument.arg for argument in tree.args.args if argument.arg != "self"]
    line = parsed.line + tree.lineno - 1
    return tuple(Site(name, line, parsed.text(tree), frozenset()) for name in names[:1])


def _functions(parsed: _Parsed, tree: ast.FunctionDef) -> tuple[Site, ...]:
    """What is computed in functions within a way back, each line under the function's name."""
    return tuple(
        Site(f.name, parsed.line + s.lineno - 1, parsed.text(s), frozenset(_read(s)))
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef) and f is not tree
        for s in f.body
    )


@dataclass
class _Parsed:
    """A Python function with its syntax tree, and what it is called with besides the inputs."""

    function: FunctionType
    tree: ast.FunctionDef
    line: int
    lines: list[str]
    ahead: tuple[Any, ...]
    keywords: dict[str, Any]

    @staticmethod
    def of(layer: Callable[..., Any]) -> _Parsed:
        ahead: tuple[Any, ...] = ()
        keywords: dict[str, Any] = {}
        inner: Any = layer
        while not isinstance(inner, FunctionType):
            if isinstance(inner, partial):
                ahead, keywords, inner = (
                    inner.args + ahead,
                    {**inner.keywords, **keywords},
                    inner.func,
                )
            elif isinstance(inner, MethodType):
                ahead, inner = (inner.__self__, *ahead), inner.__func__
            elif callable(inner) and isinstance(type(inner).__call__, FunctionType):
                ahead, inner = (inner, *ahead), type(inner).__call__
            else:
                raise Unreadable("it is no Python function")
        inner = inspect.unwrap(inner)
        try:
            lines, line = inspect.getsourcelines(inner)
        except (OSError, TypeError) as error:
            raise Unreadable("its source is not at hand") from error
        try:
            tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
        except SyntaxError as error:
            raise Unreadable("its source is part of a larger line") from error
        if not isinstance(tree, ast.FunctionDef):
            raise Unreadable("it is not written with def")
        return _Parsed(inner, tree, line, lines, ahead, keywords)

    def text(self, node: ast.stmt | ast.expr) -> str:
        """The lines of a node, joined and without their indentation."""
        assert node.end_lineno is not None
        return " ".join(s.strip() for s in self.lines[node.lineno - 1 : node.end_lineno])

    def numbered(self, node: ast.stmt | ast.expr) -> tuple[tuple[int, str], ...]:
        """The lines of a node with their numbers in the file."""
        assert node.end_lineno is not None
        chosen = range(node.lineno - 1, node.end_lineno)
        text = textwrap.dedent("".join(self.lines[k] for k in chosen)).rstrip("\n").split("\n")
        return tuple((self.line + k, row) for k, row in zip(chosen, text, strict=True))

    def compiled(self, recorder: Recorder) -> Callable[..., Any]:
        """The changed tree as a function, with the globals, closure and defaults of the original."""
        function, tree = self.function, self.tree
        tree.decorator_list = []
        free = function.__code__.co_freevars
        around = ast.parse(f"def _around({', '.join(free)}):\n    pass").body[0]
        assert isinstance(around, ast.FunctionDef)
        around.body = [tree]
        module = ast.fix_missing_locations(ast.Module([around], []))
        scope = {
            **function.__globals__,
            PROBE: recorder.probe,
            STORE: recorder.store,
            SAW: recorder.saw,
            INDEX: np.s_,
        }
        code = compile(module, PROBED, "exec")
        inner = next(c for c in _codes(code) if c.co_name == tree.name)
        cells = dict(zip(free, function.__closure__ or (), strict=True))
        closure = tuple(cells[name] for name in inner.co_freevars)
        copy = FunctionType(inner, scope, function.__name__, function.__defaults__, closure)
        copy.__kwdefaults__ = function.__kwdefaults__
        return copy


def _codes(code: Any) -> list[Any]:
    inner = [c for c in code.co_consts if hasattr(c, "co_consts")]
    return [*inner, *(deeper for c in inner for deeper in _codes(c))]


def _returned(tree: ast.FunctionDef) -> ast.FunctionDef | None:
    """The way back that is written in a layer and returned; a lambda is made a function first."""
    inner = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n is not tree}
    for body in _bodies(tree):
        for k, node in enumerate(body):
            value = node.value if isinstance(node, ast.Return) else None
            if not (isinstance(value, ast.Tuple) and len(value.elts) == 2):
                continue
            back = value.elts[1]
            if isinstance(back, ast.Name) and back.id in inner:
                return inner[back.id]
            if isinstance(back, ast.Lambda):
                written = ast.parse("def _backward(): pass").body[0]
                assert isinstance(written, ast.FunctionDef)
                written.args = back.args
                written.body = [ast.copy_location(ast.Return(back.body), back.body)]
                body.insert(k, ast.copy_location(written, back))
                value.elts[1] = ast.copy_location(ast.Name("_backward", ast.Load()), back)
                return written
    return None


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements in a function, not in those within it."""
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if isinstance(body, list):
            yield body
            for statement in body:
                if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                    yield from _bodies(statement)
    for handler in getattr(node, "handlers", []):
        yield from _bodies(handler)


@dataclass
class _Instrument:
    """Adds a call after each assignment of a function; `parsed` knows its lines."""

    parsed: _Parsed
    sites: list[Site]

    def there(self, tree: ast.FunctionDef) -> None:
        """Probes on the way there."""
        self._through(tree, self._probed, loop=None)

    def back(self, tree: ast.FunctionDef) -> None:
        """An ear on the way back."""
        self._through(tree, self._heard, loop=None)

    def _through(
        self,
        node: ast.AST,
        handle: Callable[[ast.stmt, int | None], list[ast.stmt]],
        *,
        loop: int | None,
    ) -> None:
        for body in [getattr(node, n, None) for n in ("body", "orelse", "finalbody")]:
            if not isinstance(body, list):
                continue
            changed: list[ast.stmt] = []
            for statement in body:
                if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                    loops = isinstance(statement, (ast.For, ast.While))
                    within = self.parsed.line + statement.lineno - 1 if loops else loop
                    self._through(statement, handle, loop=within)
                changed += handle(statement, loop)
            body[:] = changed
        for handler in getattr(node, "handlers", []):
            self._through(handler, handle, loop=loop)

    def _probed(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        before: list[ast.stmt] = []
        after: list[ast.stmt] = []
        for target in _targets(statement):
            match target:
                case ast.Name(name):
                    after += _lines(f"{name} = {PROBE}({self._site(name, statement)}, {name})")
                case ast.Subscript(ast.Name(name), index) if loop is not None:
                    if isinstance(statement, ast.AugAssign):
                        continue
                    site = self._site(name, statement, whole=False)
                    after += _lines(f"{STORE}({site}, {name}, {_index(index)})")
                case ast.Subscript(ast.Name(name)):
                    after += _lines(f"{name} = {PROBE}({self._site(name, statement)}, {name})")
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append"), [ast.Name(value)])):
                # What is put into the list is the same as what is used from here on.
                before += _lines(f"{value} = {PROBE}({self._site(name, statement)}, {value})")
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append"), [value]) as call):
                site = self._site(name, statement)
                call.args = [_expression(f"{PROBE}({site}, {ast.unparse(value)})")]
        return [*before, statement, *after]

    def _heard(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        if isinstance(statement, ast.Return) and statement.value is not None:
            several = isinstance(statement.value, (ast.Tuple, ast.List))
            parts = statement.value.elts if several else [statement.value]  # type: ignore[attr-defined]
            if not any(isinstance(part, ast.Starred) for part in parts):
                wrapped = [self._returns(part, k) for k, part in enumerate(parts)]
                value = ast.Tuple(wrapped, ast.Load()) if several else wrapped[0]
                return [ast.copy_location(ast.Return(value), statement)]
            return [statement]
        after: list[ast.stmt] = []
        for target in _targets(statement):
            match target:
                case ast.Name(name):
                    after += _lines(f"{SAW}({self._site(name, statement, loop=loop)}, {name})")
                case ast.Subscript(ast.Name(name), index):
                    piece = loop is not None and isinstance(statement, ast.Assign)
                    site = self._site(name, statement, whole=False, onto=not piece, loop=loop)
                    after += _lines(f"{SAW}({site}, {name}, {_index(index)})")
        for name in _written_into(statement):
            site = self._site(name, statement, whole=False, loop=loop)
            after += _lines(f"{SAW}({site}, {name})")
        return [statement, *after]

    def _returns(self, part: ast.expr, position: int) -> ast.expr:
        name = part.id if isinstance(part, ast.Name) else ""
        reads = frozenset(_read(part))
        line = self.parsed.line + part.lineno - 1
        self.sites.append(Site(name, line, self.parsed.text(part), reads, position=position))
        call = _expression(f"{SAW}({len(self.sites) - 1}, None)")
        assert isinstance(call, ast.Call)
        call.args[1] = part
        return ast.copy_location(call, part)

    def _site(
        self,
        name: str,
        statement: ast.stmt,
        *,
        whole: bool = True,
        onto: bool = True,
        loop: int | None = None,
    ) -> int:
        reads = set(_read(statement))
        if not whole and onto:
            reads.add(name)
        elif not whole:
            reads.discard(name)
        line = self.parsed.line + statement.lineno - 1
        text = self.parsed.text(statement)
        self.sites.append(Site(name, line, text, frozenset(reads), whole, loop=loop))
        return len(self.sites) - 1


def _targets(statement: ast.stmt) -> list[ast.expr]:
    """What a statement assigns to, tuples taken apart."""
    match statement:
        case ast.Assign(targets):
            found = list(targets)
        case ast.AugAssign(target) | ast.AnnAssign(target, _, ast.expr()):
            found = [target]
        case _:
            return []
    while any(isinstance(target, (ast.Tuple, ast.List)) for target in found):
        found = [
            part
            for target in found
            for part in (target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target])
        ]
    return found


def _written_into(statement: ast.stmt) -> list[str]:
    """The names of arrays and lists that a call, standing alone, writes into: np.add.at(d, …), ds.append(…)."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return []
    call = statement.value
    places = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "out")]
    if isinstance(call.func, ast.Attribute):
        places.append(call.func.value)
    return [place.id for place in places if isinstance(place, ast.Name) and place.id != "np"]


def _read(node: ast.AST) -> Iterator[str]:
    """The names that a statement or expression computes with."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            yield inner.id
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _index(index: ast.expr) -> str:
    return ast.unparse(ast.Subscript(ast.Name(INDEX, ast.Load()), index, ast.Load()))


def _lines(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, float))
