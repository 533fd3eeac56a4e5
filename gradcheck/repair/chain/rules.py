"""The chain rule, operation by operation: what an upstream gradient becomes on its way back through each.

In a rule `g` is the upstream gradient, `a` and `b` are the operands, `y` is what the operation gives.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from gradcheck.repair.chain.helpers import written_out
from gradcheck.repair.chain.shaped import SHAPED, Operands, Worth, product
from gradcheck.repair.scope import AXES_ALONE, shape_of
from gradcheck.repair.tree import called_name, inside

OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("g", "g"),
    ast.Sub: ("g", "-g"),
    ast.Mult: ("g * b", "g * a"),
    ast.Div: ("g / b", "-g * y / b"),
    ast.Pow: ("g * b * a ** (b - 1)", "g * y * np.log(a)"),
}
"""Of what is written with an operator."""

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "exp": ("g * y",),
    "expm1": ("g * (y + 1)",),
    "log": ("g / a",),
    "log1p": ("g / (1 + a)",),
    "log2": ("g / (a * np.log(2))",),
    "log10": ("g / (a * np.log(10))",),
    "sqrt": ("g / (2 * y)",),
    "square": ("g * 2 * a",),
    "abs": ("g * np.sign(a)",),
    "absolute": ("g * np.sign(a)",),
    "tanh": ("g * (1 - y ** 2)",),
    "sin": ("g * np.cos(a)",),
    "cos": ("-g * np.sin(a)",),
    "sinh": ("g * np.cosh(a)",),
    "cosh": ("g * np.sinh(a)",),
    "arctan": ("g / (1 + a ** 2)",),
    "arcsin": ("g / np.sqrt(1 - a ** 2)",),
    "arccos": ("-g / np.sqrt(1 - a ** 2)",),
    "reciprocal": ("-g * y ** 2",),
    "negative": ("-g",),
    "add": ("g", "g"),
    "subtract": ("g", "-g"),
    "multiply": ("g * b", "g * a"),
    "divide": ("g / b", "-g * y / b"),
    "power": ("g * b * a ** (b - 1)", "g * y * np.log(a)"),
    "maximum": ("g * (a > b)", "g * (b > a)"),
    "minimum": ("g * (a < b)", "g * (b < a)"),
    "logaddexp": ("g * np.exp(a - y)", "g * np.exp(b - y)"),
    "outer": ("g @ b", "a @ g"),
    "copy": ("g",),
    "array": ("g",),
    "asarray": ("g",),
    "float": ("g",),
}
"""Of NumPy's functions, by their name."""

STEPS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("g * y * (1 - y)", lambda a: 1 / (1 + np.exp(-a))),
    ("g * (1 - y ** 2)", np.tanh),
    ("g * (a > 0)", lambda a: np.maximum(a, 0)),
    ("g / (1 + np.exp(-a))", lambda a: np.logaddexp(0, a)),
    ("g * y", np.exp),
)
"""Of a function of the user's that is one of these, whatever it is called."""


def back_through(node: ast.expr, worth: Worth) -> Operands:
    """The operands of an expression, each with the rule by which a gradient goes back to it."""
    match node:
        case ast.BinOp():
            return _through_an_operator(node, worth)
        case ast.UnaryOp(ast.USub(), operand):
            return _each([operand], ["-g"])
        case ast.Attribute(operand, "T"):
            return _each([operand], ["g.T"])
        case ast.Subscript(operand, index) if _only_puts_axes_in(index):
            return _each([operand], ["g.reshape(a.shape)"])
        case ast.Call():
            return _through_a_call(node, worth)
    return iter(())


def _through_an_operator(node: ast.BinOp, worth: Worth) -> Operands:
    """Of a product, a power, a sum; of a known step that is written out its own rule."""
    alone = _arrays_in(node, worth)
    rules = _step([worth(one) for one in alone], worth(node))
    match node:
        case _ if rules:
            return _each(alone, rules)
        case ast.BinOp(left, ast.MatMult(), right):
            return product(left, right, worth)
        case ast.BinOp(base, ast.Pow(), ast.Constant(int(k))):
            return _each([base], [f"g * {k} * a ** {k - 1}" if k != 2 else "g * 2 * a"])
    return _each([node.left, node.right], OPERATORS.get(type(node.op), ()))


def _arrays_in(node: ast.expr, worth: Worth) -> list[ast.expr]:
    """The arrays that an expression is computed of, each once: of 1 / (1 + np.exp(-a)) it is a alone."""
    names = {one.id: one for one in inside(node, ast.Name) if shape_of(worth(one))}
    return [*names.values()]


def _each(operands: Sequence[ast.expr], rules: Sequence[str]) -> Operands:
    letters = dict(zip("ab", operands, strict=False))
    return ((one, rule, letters) for one, rule in zip(operands, rules, strict=False))


def _only_puts_axes_in(index: ast.expr) -> bool:
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return AXES_ALONE.issuperset(map(ast.unparse, parts))


def _through_a_call(node: ast.Call, worth: Worth) -> Operands:
    """Of a call: by its name, or of the user's own by what it computes."""
    name, operands = called_name(node), _operands(node, worth)
    if name in SHAPED and operands:
        return SHAPED[name](node, operands, worth)
    rules = FUNCTIONS.get(name) or _step([worth(one) for one in operands], worth(node))
    whole = None if rules else written_out(node, worth(node.func))
    return _each(operands, rules) if whole is None else _each([whole], ["g"])


def _operands(node: ast.Call, worth: Worth) -> list[ast.expr]:
    """The arguments; of a method what it belongs to comes first."""
    match node.func:
        case ast.Attribute(owner) if shape_of(worth(owner)) is not None:
            return [owner, *node.args]
    return node.args


def _step(operands: Sequence[Any], after: Any) -> tuple[str, ...]:
    """The rule of the step that a function of one array is, by its values; the shares of a whole have one too."""
    before = operands[0] if len(operands) == 1 else None
    if shape_of(before) is None or shape_of(before) != shape_of(after):
        return ()
    with np.errstate(all="ignore"):
        known = (rule for rule, step in STEPS if np.allclose(step(before), after, atol=0))
        return tuple(islice(chain(known, shares(before, after)), 1))


def shares(before: Any, after: Any) -> Iterator[str]:
    """The rule of a softmax, along the axis that it is one of."""
    for axis in range(-1, -np.ndim(after) - 1, -1) if np.shape(before) == np.shape(after) else ():
        powers = np.exp(before - np.max(before, axis=axis, keepdims=True))
        if np.allclose(powers / powers.sum(axis=axis, keepdims=True), after, atol=0):
            yield f"y * (g - (g * y).sum(axis={axis}, keepdims=True))"
