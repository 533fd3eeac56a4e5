"""What can be written in a line: the names that hold something there, and the values of expressions."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import numpy as np

from gradcheck.repair.patience import patience
from gradcheck.repair.pure import only_computes

SEEN = "_seen"
"""The name under which a watched function knows what to report its names to."""

LARGEST = 100_000
"""Entries beyond which an array is not copied: watching must not cost more than running."""

Node = TypeVar("Node", bound=ast.AST)

NOTHING: Any = object()
"""The value of an expression that has none."""


@dataclass(frozen=True)
class Pool:
    """What a function is written with, each expression once: any of it could be written elsewhere in it."""

    operands: tuple[ast.expr, ...] = ()
    indices: tuple[ast.expr, ...] = ()
    ends: tuple[ast.expr, ...] = ()
    calls: tuple[ast.Call, ...] = ()

    @property
    def written(self) -> set[str]:
        """The operands as they are written."""
        return {ast.unparse(one) for one in self.operands}

    @staticmethod
    def of(tree: ast.AST) -> Pool:
        """The expressions of a tree."""
        written = list(ast.walk(tree))
        read = [n for n in written if not isinstance(getattr(n, "ctx", None), ast.Store)]
        ends = [e for s in _only(read, ast.Slice) for e in (s.lower, s.upper, s.step)]
        return Pool(
            _distinct([n for n in read if isinstance(n, COMPOUND)]),
            _distinct([n.slice for n in _only(written, ast.Subscript)]),
            _distinct([end for end in ends if end is not None]),
            _distinct(_only(read, ast.Call)),
        )


def attributes(local: Mapping[str, Any]) -> list[ast.expr]:
    """The arrays that objects at hand hold: self.x, though it is read nowhere in the function."""
    return [
        expression(f"{name}.{attribute}")
        for name, value in local.items()
        if hasattr(value, "__dict__") and not callable(value)
        for attribute, held in vars(value).items()
        if isinstance(held, np.ndarray) and attribute.isidentifier()
    ]


COMPOUND = (ast.BinOp, ast.Call, ast.Compare, ast.Subscript, ast.Attribute, ast.UnaryOp)
"""Expressions that are more than a name or a number."""


def _only(nodes: Sequence[ast.AST], kind: type[Node]) -> list[Node]:
    """The nodes of one kind."""
    return [node for node in nodes if isinstance(node, kind)]


def _distinct(nodes: Sequence[Node]) -> tuple[Node, ...]:
    return tuple({ast.unparse(node): node for node in nodes}.values())


@dataclass(frozen=True)
class Scope:
    """The names visible in one statement, as they were when it was last reached, with those of its module."""

    local: Mapping[str, Any]
    surroundings: Mapping[str, Any]
    pool: Pool = Pool()
    known: dict[int, tuple[ast.AST, Any]] = field(default_factory=dict)

    @cached_property
    def everything(self) -> dict[str, Any]:
        """All names: in one dict, so that comprehensions see them."""
        return {**self.surroundings, **self.local}

    def value(self, node: ast.expr) -> Any:
        """What an expression of the function is here; NOTHING if it raises."""
        if id(node) not in self.known:
            self.known[id(node)] = node, self.evaluated(node)
        return self.known[id(node)][1]

    def evaluated(self, node: ast.expr) -> Any:
        """What any expression is here; NOTHING if it raises."""
        try:
            code = compile(ast.fix_missing_locations(ast.Expression(node)), "<candidate>", "eval")
            with np.errstate(all="ignore"), patience():
                return eval(code, self.everything)
        except Exception:
            return NOTHING

    def shape(self, node: ast.expr) -> tuple[int, ...] | None:
        """The shape of an expression that is a number or an array of numbers, None of any other."""
        return shape_of(self.value(node))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that hold data, those of arrays first."""
        data = [n for n, v in self.local.items() if _is_data(v)]
        return tuple(sorted(data, key=lambda n: not isinstance(self.local[n], np.ndarray)))

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """The names of the module's own numbers."""
        found = self.surroundings.items()
        return tuple(n for n, v in found if type(v) in (int, float) and not n.startswith("__"))

    @cached_property
    def helpers(self) -> dict[str, int]:
        """The functions in the module that only compute, of one array or two, with how many they take."""
        own = {n: f for n, f in self.surroundings.items() if isinstance(f, FunctionType)}
        counts = {n: f.__code__.co_argcount - len(f.__defaults__ or ()) for n, f in own.items()}
        return {n: k for n, k in counts.items() if k in (1, 2) and only_computes(own[n])}

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """The names of arrays."""
        return tuple(name for name in self.names if isinstance(self.local[name], np.ndarray))

    @cached_property
    def sizes(self) -> dict[int, ast.expr]:
        """The sizes of the arrays at hand, each as the first expression for it."""
        found: dict[int, ast.expr] = {}
        for name in self.arrays:
            for axis, size in enumerate(self.local[name].shape):
                text = f"{name}.shape[{axis}]" if axis else f"len({name})"
                found.setdefault(size, expression(text))
        for name in self.arrays:
            found.setdefault(self.local[name].size, expression(f"{name}.size"))
        return {size: one for size, one in found.items() if size > 1}


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of a number or an array of numbers, None of anything else."""
    numbers = isinstance(value, (np.ndarray, np.generic, int, float))
    return np.shape(value) if numbers else None


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same number or array, or equal data of another kind."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.shape == b.shape and np.array_equal(a, b)
    try:
        return type(a) is type(b) and bool(a == b)
    except Exception:
        return False


def expression(text: str) -> ast.expr:
    """An expression, parsed."""
    return ast.parse(text, mode="eval").body


def watched(tree: ast.FunctionDef) -> ast.FunctionDef:
    """A copy of a function that reports its names before each of its statements."""
    changed = copy.deepcopy(tree)
    for node in ast.walk(changed):
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and not isinstance(node, ast.ClassDef):
                block[:] = [one for s in block for one in _reported(s)]
    return changed


def _reported(statement: ast.AST) -> Iterator[ast.AST]:
    if isinstance(statement, ast.stmt) and not isinstance(
        statement, (ast.FunctionDef, ast.Global, ast.Nonlocal)
    ):
        yield ast.parse(f"{SEEN}({statement.lineno}, {statement.col_offset}, locals())").body[0]
    yield statement


@dataclass(frozen=True)
class Watch:
    """Keeps the names of every statement as they were when it was last reached."""

    found: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)

    def __call__(self, line: int, column: int, names: Mapping[str, Any]) -> None:
        """Keep the names of the statement that begins there."""
        kept = {n: v for n, v in names.items() if not isinstance(v, ModuleType)}
        self.found[line, column] = {n: _kept(v) for n, v in kept.items()}


def _kept(value: Any) -> Any:
    """What is written into later is kept as it is now."""
    if isinstance(value, np.ndarray) and value.size <= LARGEST:
        return value.copy()
    return list(value) if isinstance(value, list) else value


def _is_data(value: Any) -> bool:
    return (
        isinstance(value, (np.ndarray, np.generic, int, float, tuple, list, dict)) or value is None
    )
