"""Operands: a factor or a term more, from what is at hand."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, combinations, filterfalse, product
from operator import attrgetter

import numpy as np

from gradcheck.lines.names import undressed
from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.rewrite import Alternative, Rule, filled, on
from gradcheck.repair.grammar.rewrites import has_axes, is_count, is_numeric
from gradcheck.repair.scope import Scope, shape_of
from gradcheck.repair.tree import called_name, expression, read

FACTORS = [*map(expression, (
    "(1 - a * a)", "a * (1 - a)", "(a > 0)", "(1 - a)", "2 * a", "np.exp(a)", "np.cos(a)", "np.sign(a)",
    "(1 + a)", "a ** 2", "(a != 0)", "(a < 0)", "np.sin(a)", "a ** 0.5", "np.tanh(a)", "(a >= 0)",
    "(1 - a ** 2) ** 0.5", "a ** 3",
))]  # fmt: skip
"""Derivatives of what is applied to every entry, in terms of its input or its output."""
MEANT = 0.9
"""The price of a name that is read nowhere: it was meant for something."""
DERIVED = 2.5
"""The price of a factor that has to be made from what is at hand."""


@dataclass(frozen=True)
class Operand:
    """Something at hand that could be a factor or a term."""

    node: ast.expr
    price: float
    shape: tuple[int, ...]


@on(ast.expr)
def _another_operand(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """A factor or a term more: what is at hand, a size, a derivative, a mask, what stands elsewhere."""
    # Beside what counts stands what counts, unless an array should stand there.
    counts = is_count(node, scope) and ast.unparse(node) not in scope.pool.with_axes
    several = _numbers(scope) if counts else operands(scope)
    for one in several if is_numeric(node, scope) else ():
        yield from _with(node, scope, one)


@on(ast.expr)
def _unread_operand(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """A factor or a term more, from a name that is given a value and read nowhere: it was meant for something."""
    others = [*filterfalse(_terms(scope).__contains__, _unread(scope))]
    several = chain(_forms_of(others, scope), _sizes_together(others, scope))
    for one in several if is_numeric(node, scope) else ():
        yield from _with(node, scope, one)


@on(ast.expr)
def _unread_term(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """A term more, from what a helper returns beside what is read."""
    terms = map(read, _terms(scope) if is_numeric(node, scope) else ())
    alike = [one for one in terms if scope.shape(one) == scope.shape(node)]
    for one, op in product(alike, (ast.Add(), ast.Sub())):
        yield _more(node, op, one, MEANT, one)


def _unread(scope: Scope) -> list[str]:
    """The names that are read nowhere, and hold numbers."""
    return [name for name in scope.pool.unread if scope.shape(read(name)) is not None]


def _terms(scope: Scope) -> list[str]:
    """Those that a helper returns beside others, and whose names say that they are gradients: no factors."""
    return [*filter(scope.pool.returned.__contains__, filter(undressed, _unread(scope)))]


@on(ast.expr)
def _mean_with_the_unread(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """The mean with a name that is read nowhere: one of two directions."""
    several = map(read, scope.pool.unread) if has_axes(node, scope) else ()
    for other in (one for one in several if scope.shape(one) == scope.shape(node)):
        both = ast.BinOp(ast.BinOp(node, ast.Add(), other), ast.Div(), ast.Constant(2))
        yield Alternative(both, 1.2, slip.LEFT_TERM, other)


def _with(node: ast.expr, scope: Scope, one: Operand) -> Iterator[Alternative]:
    """An expression and an operand, entry by entry and as matrices, where their shapes allow it."""
    shape = scope.shape(node) or ()
    if _broadcast(shape, one.shape):
        yield from _beside(node, one)
    for other, its in _either_way(one):
        if _multiply(shape, its):
            yield _more(node, ast.MatMult(), other, one.price + 0.5, one.node)
        if _multiply(its, shape):
            yield _more(other, ast.MatMult(), node, one.price + 0.5, one.node)


def _either_way(one: Operand) -> Iterator[tuple[ast.expr, tuple[int, ...]]]:
    """An operand with its shape, and the transpose of a matrix that has a name with its own."""
    yield one.node, one.shape
    if isinstance(one.node, ast.Name) and len(one.shape) == 2:
        yield ast.Attribute(one.node, "T", ast.Load()), one.shape[::-1]


def _forms_of(names: list[str], scope: Scope) -> Iterator[Operand]:
    """Names, and the commonest derivatives made from them."""
    read_here = [*map(read, names)]
    # What is counted goes through no activation.
    activated = [*filterfalse(partial(is_count, scope=scope), read_here)]
    # Of several names that nobody reads, as a cache holds them, each is the less likely to be meant.
    price = min(MEANT + 0.2 * max(0, len(names) - 1), 1.5)
    for more, several in ((0, read_here), (0.2, _derived(FACTORS[:4], activated))):
        yield from (Operand(node, price + more, scope.shape(node) or ()) for node in several)


def _sizes_together(names: list[str], scope: Scope) -> Iterator[Operand]:
    """Over how many places a mean is taken: the product of sizes."""
    sizes = [*filter(scope.counts.__contains__, names)]
    several = chain.from_iterable(combinations(sizes, k) for k in range(2, len(sizes) + 1))
    yield from (Operand(expression(text), 1.0, ()) for text in map(" * ".join, several))


DERIVATIVES = {
    "abs": "np.sign(a)", "exp": "np.exp(a)", "tanh": "(1 - np.tanh(a) ** 2)", "sqrt": "0.5 / np.sqrt(a)",
    "log": "1 / a", "sin": "np.cos(a)", "cos": "-np.sin(a)", "log1p": "1 / (1 + a)", "square": "2 * a",
}  # fmt: skip
"""The derivatives of what is called by these names."""


@on(ast.expr)
def _derivative_of_a_step(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """The derivative of a step of the forward pass, left out."""
    for one in once(scope, STEPS, _derivatives) if is_numeric(node, scope) else ():
        if _broadcast(scope.shape(node) or (), one.shape):
            times = ast.BinOp(node, ast.Mult(), one.node)
            yield Alternative(times, one.price, slip.LEFT_DERIVATIVE, one.node)


def _derivatives(scope: Scope) -> Iterator[Operand]:
    """The derivatives of what the forward pass calls, and what the user calls one, as far as they have a value."""
    for node in chain(_derivatives_ahead(scope), _own_derivatives(scope)):
        shape = scope.shape(node)
        yield from () if shape is None else [Operand(node, 1.3, shape)]


def _derivatives_ahead(scope: Scope) -> Iterator[ast.expr]:
    """The derivatives of the functions that the forward pass calls."""
    for call in scope.pool.ahead:
        match DERIVATIVES.get(called_name(call)), call:
            case str(form), ast.Call(_, [argument]):
                yield filled(expression(form), {"a": argument})


A_DERIVATIVE = re.compile(r"prime|deriv|grad|slope", re.IGNORECASE)
"""What a function that is a derivative has in its name."""


def _own_derivatives(scope: Scope) -> Iterator[ast.expr]:
    """The user's own derivatives of arrays at hand."""
    forms = [call for call in _calls(scope.pool.helpers) if A_DERIVATIVE.search(called_name(call))]
    return _derived(forms, map(read, scope.arrays))


@on(ast.expr)
def _indicated(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """1 where a class is the right one, 0 elsewhere, taken off: of the one index and label, or of all of them."""
    if is_numeric(node, scope):
        shape = scope.shape(node)
        for one in map(expression, _of_rows(node, shape, scope) if shape else _of_one(scope)):
            yield Alternative(ast.BinOp(node, ast.Sub(), one), 1.5, slip.LABEL)


def _of_one(scope: Scope) -> list[str]:
    """Whether a count is a label."""
    items = [one for one in scope.pool.operands if isinstance(scope.value(one), np.integer)]
    return [f"({k} == {label})" for label in map(ast.unparse, items) for k in scope.counts]


def _of_rows(node: ast.expr, shape: tuple[int, ...], scope: Scope) -> list[str]:
    """The labels of all rows of an array, as rows of zeros with a 1."""
    integers = [n for n in scope.arrays if scope.local[n].dtype.kind in "iu"]
    labels = [n for n in integers if scope.local[n].shape == shape[:-1]]
    tables = scope.same_shape(node)[:1]
    return [f"np.eye({one}.shape[-1])[{label}]" for one, label in product(tables, labels)]


FACTOR = slip.LEFT_FACTOR
LEFT = {ast.Add: slip.LEFT_TERM, ast.Sub: slip.LEFT_TERM, ast.Pow: slip.POWER}
"""What is left out where an operand is: by the operator; a factor by all others."""


def _more(
    left: ast.expr, op: ast.operator, right: ast.expr, price: float, about: ast.expr
) -> Alternative:
    return Alternative(ast.BinOp(left, op, right), price, LEFT.get(type(op), FACTOR), about)


def _beside(node: ast.expr, one: Operand) -> Iterator[Alternative]:
    """An expression and an operand, entry by entry."""
    for op in (ast.Mult(), ast.Div(), ast.Add(), ast.Sub()):
        yield _more(node, op, one.node, one.price, one.node)
    for turned in (ast.Sub(), ast.Div()):
        yield _more(one.node, turned, node, one.price + 0.5, one.node)
    if one.price < DERIVED:
        yield _more(node, ast.Pow(), one.node, one.price + 1, one.node)
        yield _more(one.node, ast.Pow(), node, one.price + 1, one.node)


def operands(scope: Scope) -> list[Operand]:
    """What could be a factor or a term here, each value once."""
    return once(scope, OPERANDS, _operands)


def _numbers(scope: Scope) -> list[Operand]:
    """Those that are no arrays."""
    return [*filterfalse(attrgetter("shape"), operands(scope))]


OPERANDS, STEPS = ast.Pass(), ast.Pass()
"""Stand for the operands, and for derivatives of steps, among what is known in a scope."""


def once(scope: Scope, what: ast.AST, found: Callable[[Scope], Iterator[Operand]]) -> list[Operand]:
    """What is found in a scope, looked for once."""
    if id(what) not in scope.known:
        scope.known[id(what)] = what, list(found(scope))
    known: list[Operand] = scope.known[id(what)][1]
    return known


def _operands(scope: Scope) -> Iterator[Operand]:
    seen: set[tuple[tuple[int, ...], bytes, bool, str]] = set()
    for price, node in _written(scope):
        value = scope.value(node)
        shape = shape_of(value)
        if shape is not None:
            # A size may be meant where a number is, and elsewhere is another one.
            written = ast.unparse(node) if scope.is_uneven(node) else ""
            numbers = np.asarray(value, dtype=complex).tobytes()
            key = shape, numbers, isinstance(node, ast.Constant), written
            yield from () if key in seen else [Operand(node, price, shape)]
            seen.add(key)


def _written(scope: Scope) -> Iterator[tuple[float, ast.expr]]:
    """What is at hand, and what is made of it, with its price."""
    arrays, pool = [*map(read, scope.arrays)], scope.pool
    priced: tuple[tuple[float, Iterable[ast.expr]], ...] = (
        (2.0, map(read, scope.readable)),
        (2.0, scope.sizes),
        (2.0, map(expression, ("2", "1", "0.5", "3", "4"))),
        (2.1, map(expression, ("-1", "-2"))),
        (2.2, pool.operands),
        (2.3, pool.ahead),
        (2.3, pool.numbers),
        (2.4, _derived(FACTORS[:4], _items(scope))),
        (DERIVED, _derived((*FACTORS, *_calls(pool.helpers)), arrays)),
        (2.4, _indexed(arrays, pool.axes)),
        (DERIVED + 0.1, _indexed(arrays, pool.turns)),
    )
    return ((price, node) for price, several in priced for node in several)


def _indexed(arrays: Iterable[ast.expr], indices: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """Arrays at hand with indices that others have elsewhere."""
    return (ast.Subscript(*both, ast.Load()) for both in product(arrays, indices))


def _items(scope: Scope) -> list[ast.expr]:
    """The items that are read anywhere in the function."""
    return [one for one in scope.pool.operands if isinstance(one, ast.Subscript)]


def _calls(helpers: Mapping[str, int]) -> list[ast.expr]:
    """The user's own functions of one array, called."""
    return [ast.Call(read(name), [read("a")], []) for name, n in helpers.items() if n == 1]


def _derived(forms: Iterable[ast.expr], values: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """Derivatives made from what is at hand, which the letter a stands for."""
    return (filled(form, {"a": value}) for value, form in product(values, forms))


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)


def _multiply(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether arrays of these shapes can be multiplied as matrices."""
    return bool(one and other) and one[-1] == other[-2:][0]


FORGOTTEN: tuple[Rule, ...] = (
    _unread_operand,
    _unread_term,
    _mean_with_the_unread,
    _derivative_of_a_step,
    _indicated,
)
LEFT_OPERANDS: tuple[Rule, ...] = (_another_operand,)
