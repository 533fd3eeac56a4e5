"""Moves a function that only puts another module's functions together into that module, where they are read.

def loss(W):
    out, cache = net.forward(X, W)
    return net.cost(out, y), net.backward(cache, y)
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import lru_cache
from itertools import chain
from types import CellType, FunctionType
from typing import Any

from gradcheck.lines.carried import written_by
from gradcheck.lines.source import Function, Source, code_of, parsed_function, seen_by, unbound
from gradcheck.lines.statements import inside, key_of, locals_of, name_of, names_read, texts_in

Called = Callable[[ast.Call], Function | None]
"""What of the user's a call calls, if it is known before."""
LAID_OUT = frozenset(
    {"append", "array", "asarray", "column_stack", "concatenate", "hstack", "ravel", "reshape"}
    | {"stack", "vstack"}
)
"""What of NumPy's computes nothing."""
COMPUTING = frozenset(
    {"T", "clip", "cumsum", "dot", "max", "mean", "min", "prod", "sum", "swapaxes", "transpose"}
)
"""What of an array's own gives other numbers, or others in their places."""


def put_together(function: Function, tree: ast.FunctionDef, called: Called) -> Source | None:
    """The source of a function as it would stand beside those that it calls; None if it does any of their work.

    Nothing in it is in doubt: what it gives is what they give.
    """
    bare, ahead, keywords = unbound(function)
    calls = list(inside(tree, ast.Call))
    known = zip(calls, map(called, calls), strict=True)
    theirs = {node: unbound(one)[0] for node, one in known if one}
    home = next(iter(theirs.values()), bare)
    beside = [one.__globals__ is home.__globals__ for one in (bare, *theirs.values())]
    if beside != [False, *[True] * len(theirs)] or not _only_arranges(tree, theirs.keys()):
        return None
    text = ast.unparse(_beside(tree, theirs, seen_by(bare)))
    moved, lines = _moved(bare, text, home), tuple(text.splitlines(keepends=True))
    return Source(moved, parsed_function(text), 1, lines, ahead, keywords, in_doubt=False)


def _only_arranges(tree: ast.FunctionDef, calls: Set[ast.Call]) -> bool:
    """Whether the gradients that a function returns are what others give, only laid out otherwise."""
    parts = _ends(returned(tree))
    way = way_to(tree, parts[1:] or parts)
    read = " ".join(map(ast.unparse, way))
    theirs = any(_owner(call) in read for call in calls)
    return theirs and not any(map(_computes, _outside(way, calls)))


def _owner(call: ast.Call) -> str:
    """The object or module that a call is one of; else what it calls."""
    called = ast.unparse(call.func)
    return called.rpartition(".")[0] or called


def returned(tree: ast.FunctionDef) -> Any:
    """What a function returns in the end."""
    return getattr(tree.body[-1], "value", None)


def _ends(node: Any) -> list[Any]:
    """What stands in a tuple or a list at any depth."""
    parts = getattr(node, "elts", None)
    return [node] if parts is None else [*chain.from_iterable(map(_ends, parts))]


def way_to(tree: ast.FunctionDef, parts: list[ast.AST]) -> list[ast.AST]:
    """The statements that parts of what a function returns are computed by, those parts first."""
    found, names = [*parts], frozenset[str]().union(*map(names_read, parts))
    for statement in reversed(tree.body[:-1]):
        if not names.isdisjoint(written_by(statement)):
            found.append(statement)
            names |= names_read(statement)
    return found


def _outside(nodes: Iterable[ast.AST], calls: Set[ast.Call]) -> Iterator[ast.AST]:
    """What there is in nodes but in calls."""
    for node in set(nodes).difference(calls):
        yield node
        yield from _outside(ast.iter_child_nodes(node), calls)


def _computes(node: ast.AST) -> bool:
    """Whether a node makes other numbers of those that there are: "d" + name makes a name."""
    name = str(name_of(getattr(node, "func", node)))
    of_numpy = name.startswith(("np.", "numpy.")) and key_of(name) not in LAID_OUT
    operates = isinstance(node, (ast.BinOp, ast.AugAssign)) or _negates(node)
    of_its_own = getattr(node, "attr", "") in COMPUTING
    return (
        of_numpy or of_its_own or (operates and not any(map(texts_in, ast.iter_child_nodes(node))))
    )


def _negates(node: ast.AST) -> bool:
    """Whether a node turns a sign; that of a number, as in axis=-1, says where something is."""
    return isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant)


def _beside(
    tree: ast.FunctionDef, theirs: Mapping[ast.Call, FunctionType], seen: Mapping[str, Any]
) -> ast.FunctionDef:
    """A function that calls others by their own names, where those mean nothing else in it."""
    own = {
        ast.dump(node.func): ast.Name(name, ast.Load())
        for node, one in theirs.items()
        if one.__globals__.get(name := one.__name__) is seen.get(name, one) is one
    }
    moved = copy.deepcopy(tree)
    for node in inside(moved, ast.Call):
        node.func = own.get(ast.dump(node.func), node.func)
    return moved


@lru_cache(maxsize=32)
def _moved(bare: FunctionType, text: str, home: FunctionType) -> FunctionType:
    """A function of another text in the module of another: what it saw where it was written comes with it.

    The same each time: a loss that goes both ways is known by being one.
    """
    tree, scope = parsed_function(text), seen_by(bare)
    read = {node.id for node in inside(tree, ast.Name)} & scope.keys() - locals_of(tree)
    # What is another thing in the module, or nothing.
    free = [name for name in sorted(read) if scope[name] is not home.__globals__.get(name, scope)]
    code = code_of(tree, free).replace(co_filename=home.__code__.co_filename)
    cells = tuple(CellType(scope[name]) for name in code.co_freevars)
    moved = FunctionType(code, home.__globals__, bare.__name__, bare.__defaults__, cells)
    moved.__kwdefaults__ = bare.__kwdefaults__
    return moved
