"""The same slip at several places: what stands twice in an expression was meant otherwise at both.

A derivative like a (1 − a) reads its variable twice, an image is cut out along two axes: one slip of the
mind, two of the pen, and no single node mends it.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator

from gradcheck.repair.grammar.alternative import Alternative, Rule
from gradcheck.repair.scope import Scope

Change = Callable[[ast.expr], ast.expr]


def _read_twice(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another variable wherever one is read twice, or the call around it left out, or its index."""
    if not isinstance(node, ast.BinOp):
        return
    for text, one in _repeated(node):
        for other in _instead(one, scope):
            yield Alternative(_replaced(node, text, other), 1.7)


def _repeated(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The expressions that stand more than once in another: names, calls and items."""
    kinds = (ast.Name, ast.Call, ast.Subscript, ast.Attribute)
    inside = [
        n for n in ast.walk(node) if isinstance(n, kinds) and isinstance(_context(n), ast.Load)
    ]
    texts = Counter(ast.unparse(n) for n in inside)
    distinct = {ast.unparse(n): n for n in inside}
    yield from ((text, distinct[text]) for text, count in texts.items() if count > 1)


def _context(node: ast.expr) -> ast.expr_context:
    return getattr(node, "ctx", ast.Load())


def _instead(one: ast.expr, scope: Scope) -> Iterator[ast.expr]:
    """What may stand in place of an expression: what it is made of, and names of its shape."""
    shape = scope.shape(one)
    if not shape:
        return
    match one:
        case ast.Call(_, [inner, *_]) | ast.Subscript(inner):
            yield inner
    names = (n for n in scope.arrays if scope.local[n].shape == shape and n != ast.unparse(one))
    yield from (ast.Name(n, ast.Load()) for n in names)
    yield from (
        o for o in scope.pool.operands if isinstance(o, ast.Subscript) and scope.shape(o) == shape
    )


def _parts(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """The whole where the same part of several arrays is taken: x.T @ dy for x[:1].T @ dy[:1]."""
    if not isinstance(node, ast.BinOp):
        return
    items = [n for n in ast.walk(node) if isinstance(n, ast.Subscript)]
    for index, count in Counter(ast.unparse(n.slice) for n in items).items():
        if count > 1 and ":" in index:
            yield Alternative(_Whole(index).visit(copy.deepcopy(node)), 1.7)


class _Whole(ast.NodeTransformer):
    """An index left out wherever it stands."""

    def __init__(self, index: str) -> None:
        self.index = index

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """What is indexed, where it is by this index."""
        self.generic_visit(node)
        return node.value if ast.unparse(node.slice) == self.index else node


def _replaced(node: ast.AST, text: str, other: ast.expr) -> ast.AST:
    return _Replaced(text, other).visit(copy.deepcopy(node))


class _Replaced(ast.NodeTransformer):
    """One expression for another, wherever it is written."""

    def __init__(self, text: str, other: ast.expr) -> None:
        self.text, self.other = text, other

    def visit(self, node: ast.AST) -> ast.AST:
        """The other expression in place of what is written so."""
        if isinstance(node, ast.expr) and ast.unparse(node) == self.text:
            return self.other
        return self.generic_visit(node)


def _cut_out_elsewhere(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """All slices of an index moved alike: by the padding, or counted in strides."""
    match node:
        case ast.Subscript(value, index, ast.Load()):
            for other in _moved(index, scope):
                yield Alternative(ast.Subscript(value, other, ast.Load()), 1.8)
        case ast.Assign([ast.Subscript(array, index)], value):
            for other in _moved(index, scope):
                yield Alternative(
                    ast.Assign([ast.Subscript(array, other, ast.Store())], value), 1.8
                )
        case ast.AugAssign(ast.Subscript(array, index), op, value):
            for other in _moved(index, scope):
                target = ast.Subscript(array, other, ast.Store())
                yield Alternative(ast.AugAssign(target, op, value), 1.8)


def _moved(index: ast.expr, scope: Scope) -> Iterator[ast.expr]:
    """An index with its bounded slices moved by a number at hand, or their beginnings times one."""
    if not isinstance(index, ast.Tuple) or not any(map(_is_bounded, index.elts)):
        return
    for name in (n for n in scope.names if type(scope.local[n]) is int):
        for change in (_by(name), _by(name, back=True), _times(name)):
            yield ast.Tuple([change(e) if _is_bounded(e) else e for e in index.elts], ast.Load())


def _is_bounded(node: ast.expr) -> bool:
    return isinstance(node, ast.Slice) and (node.lower is not None or node.upper is not None)


def _by(name: str, back: bool = False) -> Change:
    """A slice farther on by a number, or back."""
    op = ast.Sub() if back else ast.Add()

    def change(node: ast.expr) -> ast.expr:
        assert isinstance(node, ast.Slice)
        by = ast.Name(name, ast.Load())
        at_begin, at_end = (None, None) if back else (by, ast.UnaryOp(ast.USub(), by))
        lower = at_begin if node.lower is None else ast.BinOp(node.lower, op, by)
        upper = at_end if node.upper is None else ast.BinOp(node.upper, op, by)
        return ast.Slice(lower, upper, node.step)

    return change


def _times(name: str) -> Change:
    """A slice that begins at so many times its beginning, as long as it is."""

    def change(node: ast.expr) -> ast.expr:
        assert isinstance(node, ast.Slice)
        if node.lower is None or node.upper is None:
            return node
        begin = ast.BinOp(node.lower, ast.Mult(), ast.Name(name, ast.Load()))
        end = _replaced(node.upper, ast.unparse(node.lower), begin)
        assert isinstance(end, ast.expr)
        return ast.Slice(begin, end, node.step)

    return change


EVERYWHERE: tuple[Rule, ...] = (_read_twice, _parts, _cut_out_elsewhere)
