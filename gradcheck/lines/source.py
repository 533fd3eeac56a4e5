"""A Python function with its source: read, changed, and compiled again with its own globals and closure."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from types import CodeType, FunctionType, MethodType
from typing import Any

Function = Callable[..., Any]

Path = tuple[Any, ...]
"""Keys and positions that lead to a gradient in what a backward pass returns."""

COPIED = "<instrumented>"
"""The file name of compiled copies, by which they are known in a traceback."""


class Unreadable(Exception):
    """The source cannot be read, or not followed; the text says why."""


@dataclass(frozen=True)
class Source:
    """A function with its syntax tree, and what it is called with besides the inputs.

    `line` is that of the file where the function begins, `lines` its text from there; `ahead` and
    `keywords` are what a partial, a method or an object binds to it. Of functions that only hand on to
    it `around` are what they are with another in its place, the outermost first, `called` says what
    their arguments are called in it. What is not `in_doubt` only puts others together.
    """

    function: FunctionType
    tree: ast.FunctionDef
    line: int
    lines: tuple[str, ...]
    ahead: tuple[Any, ...]
    keywords: Mapping[str, Any]
    around: tuple[Callable[[Function], Function], ...] = ()
    called: Mapping[str, str] = field(default_factory=dict)
    in_doubt: bool = True

    @staticmethod
    def of(function: Callable[..., Any]) -> Source:
        """The source of a function, method, partial or callable object written with `def`; else Unreadable."""
        bare, ahead, keywords = unbound(function)
        kept = kept_of(bare)
        if kept is not None:
            tree = copy.deepcopy(kept.tree)
            return replace(kept, function=bare, tree=tree, ahead=ahead, keywords=keywords)
        bare = inspect.unwrap(bare)
        if bare.__name__ == "<lambda>":
            raise Unreadable("a lambda has no lines, write it with def")
        try:
            lines, line = inspect.getsourcelines(bare)
        except (OSError, TypeError) as error:
            raise Unreadable("its source is not at hand") from error
        try:
            tree = parsed_function("".join(lines))
        except SyntaxError as error:
            raise Unreadable("its source is part of a larger line") from error
        return Source(bare, tree, line, tuple(lines), ahead, keywords)

    def text(self, node: ast.stmt | ast.expr) -> str:
        """The lines of a node, joined and without their indentation."""
        return " ".join(self.lines[k].strip() for k in _rows(node))

    def numbered(self, node: ast.stmt | ast.expr) -> tuple[tuple[int, str], ...]:
        """The lines of a node with their numbers in the file."""
        rows = _rows(node)
        text = textwrap.dedent("".join(self.lines[k] for k in rows)).rstrip("\n").split("\n")
        return tuple((self.line + k, row) for k, row in zip(rows, text, strict=True))

    @property
    def file(self) -> str:
        """The file it is written in."""
        return self.function.__code__.co_filename

    def line_of(self, node: ast.stmt | ast.expr) -> int:
        """The line of the file in which a node begins."""
        return self.line + node.lineno - 1

    def bound(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Another function, called with what this one is called with besides the inputs."""
        bound: Function = partial(function, *self.ahead, **self.keywords)
        for handing_on in reversed(self.around):
            bound = handing_on(bound)
        return bound

    def compiled(self, tree: ast.FunctionDef, scope: Mapping[str, Any]) -> FunctionType:
        """A changed tree as a function, with the original's globals, closure, defaults, and the names in scope."""
        function = self.function
        tree.decorator_list = []
        free = function.__code__.co_freevars
        code = _further_down(code_of(tree, free), self.line - 1)
        cells = dict(zip(free, function.__closure__ or (), strict=True))
        closure = tuple(cells[name] for name in code.co_freevars)
        seen = {**function.__globals__, **scope}
        made = FunctionType(code, seen, function.__name__, function.__defaults__, closure)
        made.__kwdefaults__ = function.__kwdefaults__
        return made

    def kept_in(self, tree: ast.FunctionDef, scope: Mapping[str, Any]) -> FunctionType:
        """A changed tree as a function that is read as this one is, in its file, and changed as it is."""
        kept = replace(self, tree=copy.deepcopy(tree), around=(), called={})
        made = self.compiled(tree, scope)
        made.__code__ = made.__code__.replace(co_filename=self.file)
        setattr(made, KEPT, kept)
        return made


KEPT = "_gradcheck_source"
"""The attribute in which a changed function keeps the source that it is read by."""


def kept_of(function: Any) -> Source | None:
    """The source that a changed function keeps; None of any other."""
    return getattr(function, KEPT, None)


def unbound(function: Any) -> tuple[FunctionType, tuple[Any, ...], dict[str, Any]]:
    """The Python function behind partials, methods and callable objects, and what they bind to it."""
    ahead: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    while not isinstance(function, FunctionType):
        if isinstance(function, partial):
            ahead, keywords = function.args + ahead, {**function.keywords, **keywords}
            function = function.func
        elif isinstance(function, MethodType):
            ahead, function = (function.__self__, *ahead), function.__func__
        elif isinstance(type(function).__call__, FunctionType):
            ahead, function = (function, *ahead), type(function).__call__
        else:
            raise Unreadable("it is no Python function")
    return function, ahead, keywords


def seen_by(bare: FunctionType) -> dict[str, Any]:
    """What a function sees of the names that are not its own."""
    scope = dict(bare.__globals__)
    for name, cell in zip(bare.__code__.co_freevars, bare.__closure__ or (), strict=True):
        with suppress(ValueError):
            scope[name] = cell.cell_contents
    return scope


def parsed_function(text: str) -> ast.FunctionDef:
    """The syntax tree of a function's text; SyntaxError if it is no Python, Unreadable if it is no `def`."""
    tree = ast.parse(textwrap.dedent(text)).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise Unreadable("it is not written with def")
    return tree


def returned_function(tree: ast.FunctionDef) -> ast.FunctionDef | None:
    """The backward pass that is written in a layer and returned; a lambda is made a function first."""
    inner = {function.name: function for function in functions_in(tree)}
    for body, node in statements(tree):
        match node:
            case ast.Return(ast.Tuple([_, ast.Name(name)])) if name in inner:
                return inner[name]
            case ast.Return(ast.Tuple([_, ast.Lambda() as written] as parts)):
                function = from_lambda(written, "_backward")
                body.insert(body.index(node), function)
                parts[1] = ast.copy_location(ast.Name("_backward", ast.Load()), written)
                return function
    return None


def functions_in(tree: ast.FunctionDef) -> list[ast.FunctionDef]:
    """The functions written within another, at any depth."""
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n is not tree]


def from_lambda(written: ast.Lambda, name: str) -> ast.FunctionDef:
    """A lambda as a function of that name."""
    function = parsed_function(f"def {name}(): pass")
    function.args = written.args
    function.body = [ast.copy_location(ast.Return(written.body), written.body)]
    return ast.copy_location(function, written)


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements directly within a statement: its body, its else, those of its handlers or cases."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield from blocks(part)


def statements(node: ast.AST) -> Iterator[tuple[list[ast.stmt], ast.stmt]]:
    """The statements of a function in their lists, at any depth, not in functions within it."""
    for block in blocks(node):
        for statement in block:
            yield block, statement
            if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                yield from statements(statement)


def _rows(node: ast.stmt | ast.expr) -> range:
    assert node.end_lineno is not None
    return range(node.lineno - 1, node.end_lineno)


def code_of(tree: ast.FunctionDef, free: Sequence[str]) -> CodeType:
    """The code of a function in which some names are free."""
    # Inside a function that has them as arguments they are compiled as such.
    around = parsed_function(f"def _around({', '.join(free)}):\n    pass")
    around.body = [tree]
    module = ast.fix_missing_locations(ast.Module([around], []))
    codes = _codes(compile(module, COPIED, "exec"))
    return next(code for code in codes if code.co_name == tree.name)


def _codes(code: CodeType) -> list[CodeType]:
    """The code objects inside another, those at the surface first."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [*inner, *chain(*map(_codes, inner))]


def _further_down(code: CodeType, lines: int) -> CodeType:
    """Code whose lines have the numbers of a file; the tree that it was compiled from is left as it is."""
    inside = (_further_down(c, lines) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_firstlineno=code.co_firstlineno + lines, co_consts=tuple(inside))
