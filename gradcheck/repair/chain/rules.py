"""The chain rule, operation by operation: what an upstream gradient becomes on its way back through each.

In a rule `g` is the upstream gradient, `a` and `b` are the operands, `y` is what the operation gives.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from gradcheck.repair.chain.shaped import SHAPED, Operands, Worth, product
from gradcheck.repair.scope import AXES_ALONE, shape_of
from gradcheck.repair.tree import called_name
from gradcheck.result import Array

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
        case ast.BinOp(left, ast.MatMult(), right):
            return product(left, right, worth)
        case ast.BinOp(base, ast.Pow(), ast.Constant(int(k))):
            return _each([base], [f"g * {k} * a ** {k - 1}" if k != 2 else "g * 2 * a"])
        case ast.BinOp(left, op, right):
            return _each([left, right], OPERATORS.get(type(op), ()))
        case ast.UnaryOp(ast.USub(), operand):
            return _each([operand], ["-g"])
        case ast.Attribute(operand, "T"):
            return _each([operand], ["g.T"])
        case ast.Subscript(operand, index) if _only_puts_axes_in(index):
            return _each([operand], ["g.reshape(a.shape)"])
        case ast.Call():
            return _of_a_call(node, worth)
    return iter(())


def _each(operands: Sequence[ast.expr], rules: Sequence[str]) -> Operands:
    letters = dict(zip("ab", operands, strict=False))
    return ((one, rule, letters) for one, rule in zip(operands, rules, strict=False))


def _only_puts_axes_in(index: ast.expr) -> bool:
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return AXES_ALONE.issuperset(map(ast.unparse, parts))


def _of_a_call(node: ast.Call, worth: Worth) -> Operands:
    """Of a call: a function's operands are its arguments, a method's first one is what it belongs to."""
    name, operands = called_name(node), [*node.args]
    if isinstance(node.func, ast.Attribute) and shape_of(worth(node.func.value)) is not None:
        operands.insert(0, node.func.value)
    if name in SHAPED and operands:
        return SHAPED[name](node, operands, worth)
    known = FUNCTIONS.get(name)
    alone = known is None and len(operands) == 1
    return _each(operands, _step(worth(operands[0]), worth(node)) if alone else known or ())


def _step(before: Any, after: Any) -> tuple[str, ...]:
    """The rule of the step that a function of the user's is, by its values; the shares of a whole have one too."""
    shape = shape_of(before)
    if shape is None or shape != shape_of(after):
        return ()
    with np.errstate(all="ignore"):
        known = (rule for rule, step in STEPS if np.allclose(step(before), after, atol=0))
        return tuple(islice(chain(known, _shares(np.asarray(before), after)), 1))


def _shares(before: Array, after: Array) -> Iterator[str]:
    """The rule of a softmax, along the axis that it is one of."""
    for axis in range(-1, -before.ndim - 1, -1):
        powers = np.exp(before - before.max(axis=axis, keepdims=True))
        if np.allclose(powers / powers.sum(axis=axis, keepdims=True), after, atol=0):
            yield f"y * (g - (g * y).sum(axis={axis}, keepdims=True))"
