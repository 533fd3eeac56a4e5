"""What a statement does with names: which it gives a value, which it writes into, which it computes with.

A name is what stands for one value: `z`, an attribute `self.z`, an item `cache["z"]` of a dictionary.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from gradcheck.lines.sites import item

Node = TypeVar("Node", bound=ast.AST)


def name_of(node: ast.AST) -> str | None:
    """The name that an expression is, if it is one."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, attribute):
            held = f".{attribute}"
        case ast.Subscript(value, ast.Constant(str(key))):
            held = item("", key)
        case _:
            return None
    base = name_of(value)
    return base and base + held


def key_of(name: str) -> str:
    """What is left of a name without its object or dictionary: z of self.z and of cache["z"]."""
    if name.endswith('"]'):
        return name[: -len('"]')].rpartition('["')[2]
    return name.rpartition(".")[2]


def place_of(target: ast.expr) -> tuple[str, ast.expr, ast.expr | None] | None:
    """The name that a target belongs to, its expression, and the index of the part that is written."""
    name = name_of(target)
    if name is not None:
        return name, target, None
    match target:
        case ast.Subscript(value, index) if inner := place_of(value):
            # Of a[i][j] the part a[i] is written into.
            return inner[0], inner[1], inner[2] or index
    return None


def only_statement(text: str) -> ast.stmt:
    """The statement that a text is; one that does nothing if it is none, or several."""
    try:
        (statement,) = ast.parse(text.strip()).body
    except (SyntaxError, ValueError):
        return ast.Pass()
    return statement


def given(statement: ast.stmt) -> Iterable[tuple[ast.expr, ast.expr]]:
    """What a statement assigns to, tuples taken apart, each with what it is given: of f(x) one part, f(x)[0]."""
    match statement:
        case ast.Assign(assigned, value):
            return [pair for target in assigned for pair in _pairs(target, value)]
        case ast.AugAssign(target, _, value) | ast.AnnAssign(target, _, ast.expr() as value):
            return _pairs(target, value)
    return ()


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    match target, value:
        case ast.Tuple(inner) | ast.List(inner), ast.Tuple(parts) if len(inner) == len(parts):
            pairs: Iterable[tuple[ast.expr, ast.expr]] = zip(inner, parts, strict=True)
        case ast.Tuple(inner) | ast.List(inner), _ if len(each := _one_by_one(value)) == len(inner):
            pairs = zip(inner, each, strict=True)
        case ast.Tuple(inner) | ast.List(inner), _:
            pairs = ((one, ast.Subscript(value, ast.Constant(k))) for k, one in enumerate(inner))
        case _:
            yield target, value
            return
    for pair in pairs:
        yield from _pairs(*pair)


def _one_by_one(value: ast.expr) -> list[ast.expr]:
    """What `(f(one) for one in (a, b))` is made of, f(a) and f(b): neither is computed with what the other is.

    Each in a tuple of its own, as nothing of it is code that runs.
    """
    match value:
        case ast.GeneratorExp(written, [loop]) | ast.ListComp(written, [loop]):
            pass
        case _:
            return []
    match loop:
        case ast.comprehension(ast.Name(name), ast.Tuple(parts) | ast.List(parts), []):
            each = (_Put(name, part).visit(copy.deepcopy(written)) for part in parts)
            return [ast.Tuple([one], ast.Load()) for one in each]
    return []


class _Put(ast.NodeTransformer):
    """Puts an expression where a name stands."""

    def __init__(self, name: str, instead: ast.expr) -> None:
        self.name, self.instead = name, instead

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The expression, if it is that name."""
        return self.instead if node.id == self.name else node


def reads_for(statement: ast.stmt, target: ast.expr, value: ast.expr) -> frozenset[str]:
    """The names that one target of an assignment is computed with, and those in its index.

    Of `a, b = f(x)` b is computed with the second part of what f returns, which is called `f[1]`.
    """
    own = names_read(target) if isinstance(target, ast.Subscript) else frozenset()
    if isinstance(statement, ast.AugAssign):
        own |= {name_of(target) or ""}
    return own | _read_for_a_part(value)


def _read_for_a_part(value: ast.expr) -> frozenset[str]:
    match value:
        case ast.Subscript(ast.Call(called) as call, ast.Constant(int(k))) if name_of(called):
            function = str(name_of(called))
            return names_read(call) - {function, key_of(function)} | {part_of(key_of(function), k)}
    return names_read(value)


def part_of(function: str, k: int) -> str:
    """What stands for one part of what a function returns."""
    return f"{function}[{k}]"


def items_written(statement: ast.stmt) -> dict[str, ast.expr]:
    """The items that `grads = {"dW": dW}` gives a value, by name."""
    match statement:
        case ast.Assign([target], ast.Dict(keys, values)) if (base := name_of(target)) is not None:
            pairs = zip(keys, values, strict=True)
            return {item(base, text): value for key, value in pairs for text in texts_in(key)}
    return {}


def texts_in(node: ast.AST | None) -> list[str]:
    """What an expression is if it is text written down: one, or none."""
    match node:
        case ast.Constant(str(text)):
            return [text]
    return []


def activated(value: ast.expr) -> tuple[ast.Call, int] | None:
    """The call in an expression that computes with one argument alone, and which that is.

    Of 1 / (1 + np.exp(-z)) it is that of exp, of np.maximum(0, x @ W) the whole.
    """
    match value:
        case (
            ast.UnaryOp(_, inner)
            | ast.BinOp(inner, _, ast.Constant())
            | ast.BinOp(ast.Constant(), _, inner)
        ):
            return activated(inner)
        case ast.Call(_, arguments):
            alone = _varying_alone(arguments)
            return None if alone is None else (value, alone)
    return None


def _varying_alone(arguments: Sequence[ast.expr]) -> int | None:
    """The place of the only argument that is not constant."""
    varying = [(k, one) for k, one in enumerate(arguments) if not isinstance(one, ast.Constant)]
    match varying:
        case [(k, one)] if not isinstance(one, ast.Starred):
            return k
    return None


def makes_room(statement: ast.stmt) -> bool:
    """Whether a statement only makes an empty list or dictionary, which can be neither right nor wrong."""
    match statement:
        case ast.Assign(
            _, ast.List([]) | ast.Dict([]) | ast.Call(ast.Name("dict" | "list"), [], [])
        ):
            return True
    return False


def written_into(statement: ast.stmt) -> list[ast.expr]:
    """What an expression, standing alone, writes into: np.add.at(d, …), ds.append(…).

    Of one that is no call, `d + dy` for `d += dy`, that is what it should have written into.
    """
    match statement:
        case ast.Expr(ast.Call(ast.Name("print"))):
            return []
        case ast.Expr(ast.Call(function, arguments, keywords)):
            outputs = [k.value for k in keywords if k.arg == "out"]
            owner = [function.value] if isinstance(function, ast.Attribute) else []
            first = map(_first_in, arguments[:1])
            return [*filter(_may_be_written_into, (*first, *outputs, *owner))]
        case ast.Expr(value):
            return [*filter(_may_be_written_into, [_first_in(value)])]
    return []


def does_nothing(text: str) -> bool:
    """Whether a statement is an expression that calls nothing and is given to nothing."""
    statement = only_statement(text)
    alone = isinstance(statement, ast.Expr)
    return alone and not any(isinstance(inner, ast.Call) for inner in ast.walk(statement))


def _first_in(value: ast.expr) -> ast.expr:
    """What an expression begins with: d of d + 1, and of d[0] or d.ravel(), which may be a view of it."""
    match value:
        case (
            ast.BinOp(first)
            | ast.Compare(first)
            | ast.Subscript(first)
            | ast.Call(ast.Attribute(first))
        ) if name_of(value) is None:
            return _first_in(first)
    return value


def _may_be_written_into(node: ast.expr) -> bool:
    return name_of(node) not in (None, "np", "numpy", "self")


def inside(node: ast.AST, *kinds: type[Node]) -> list[Node]:
    """The nodes of some kinds in a tree, the outer ones first."""
    return [one for one in ast.walk(node) if isinstance(one, kinds)]


def names_read(node: ast.AST) -> frozenset[str]:
    """The names that a statement or expression computes with, and those of the functions it calls.

    A variable may be called as a method of an array is: the gradient of o_t is often `dot`.
    """
    return frozenset(_read(node))


def _read(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        match inner:
            case ast.Call(ast.Attribute(_, method)) if not hasattr(np.ndarray, method):
                yield method
            case ast.AugAssign(target) if name_of(target) is not None:
                yield str(name_of(target))
        if isinstance(getattr(inner, "ctx", None), ast.Load):
            yield from filter(None, [name_of(inner)])


def locals_of(function: ast.FunctionDef) -> frozenset[str]:
    """The names that belong to a function: its arguments, and what it assigns."""
    return frozenset(filter(None, map(_local, ast.walk(function))))


def _local(node: ast.AST) -> str | None:
    match node:
        case ast.Name(name, ast.Store()) | ast.arg(name):
            return name
    return None


def base_of(name: str) -> str:
    """The plain name that a name begins with: cache of cache["z"]."""
    return name.split("[", 1)[0].split(".", 1)[0]
