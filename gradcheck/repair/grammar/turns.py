"""Turns: axes in another order, before a reshape too, and running sums from the other end."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import combinations, permutations

from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.rewrite import Alternative, Rule, on, rules
from gradcheck.repair.scope import Scope

MOST = 5
"""Axes of which every order is tried: of six there are 720."""
LAID_OUT = ("reshape", "ravel", "flatten")
"""What reads an array along its axes, in their order."""


@on(ast.Call)
def _in_another_order(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """Axes in another order: of a transpose, or before a reshape where there is none."""
    match node:
        case ast.Call(ast.Attribute(value, "transpose"), [*_, _]):
            yield from _orders(value, scope, lambda turned: turned, 1.3)
        case ast.Call(ast.Attribute(value, name) as function) if name in LAID_OUT:
            yield from _orders(value, scope, lambda turned: _called_on(turned, function, node), 1.4)


def _called_on(value: ast.expr, function: ast.Attribute, call: ast.Call) -> ast.expr:
    """The same call of another value's method."""
    return ast.Call(ast.Attribute(value, function.attr, ast.Load()), call.args, call.keywords)


def _orders(
    value: ast.expr, scope: Scope, within: Callable[[ast.expr], ast.expr], price: float
) -> Iterator[Alternative]:
    count = len(scope.shape(value) or ())
    for order in permutations(range(count)) if 2 < count <= MOST else ():
        turned = ast.Call(
            ast.Attribute(value, "transpose", ast.Load()), [*map(ast.Constant, order)], []
        )
        yield Alternative(within(turned), price, slip.TURNED)


@on(ast.Call)
def _letters_exchanged(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """Two axes in each other's place in one of the arrays that einsum reads or returns."""
    match node:
        case ast.Call(ast.Attribute(_, "einsum"), [ast.Constant(str(text)), *arrays]):
            for term in re.finditer(r"[A-Za-z]+", text):
                for i, j in combinations(range(*term.span()), 2):
                    turned = text[:i] + text[j] + text[i + 1 : j] + text[i] + text[j + 1 :]
                    call = ast.Call(node.func, [ast.Constant(turned), *arrays], node.keywords)
                    yield Alternative(call, 0.7, slip.TURNED)


def _running(name: str) -> tuple[Rule, ...]:
    """A running sum from the other end: what it is on the way back of one from this end."""
    return (
        *rules(
            f"np.{name}(a, axis=b)",
            [f"np.flip(np.{name}(np.flip(a, b), axis=b), b)"],
            *(1.2, slip.BACKWARDS),
        ),
        *rules(f"np.{name}(a)", [f"np.{name}(a[::-1])[::-1]"], 1.2, slip.BACKWARDS),
        *rules(f"np.{name}(a[b], axis=c)[b]", [f"np.{name}(a, axis=c)"], 1.2, slip.BACKWARDS),
        *rules(f"np.{name}(a[::-1])[::-1]", [f"np.{name}(a)"], 1.2, slip.BACKWARDS),
    )


TURNS: tuple[Rule, ...] = (
    _in_another_order,
    _letters_exchanged,
    *_running("cumsum"),
    *_running("cumprod"),
)
