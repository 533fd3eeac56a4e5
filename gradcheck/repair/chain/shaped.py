"""The chain rule for what hangs on shapes: products of matrices, reductions, axes in another order, letters.

Each function takes a call, its operands, a method's own array first, and what expressions of the forward pass are
worth; it gives the rule for each operand, as it is written in `rules`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import dropwhile
from typing import Any

import numpy as np

from gradcheck.repair.tree import called_name

Operands = Iterator[tuple[ast.expr, str, Mapping[str, ast.expr]]]
"""Each operand with the rule for it, and what its letters stand for besides `g` and `y`."""

Worth = Callable[[ast.AST], Any]
"""What an expression of the forward pass is worth there."""

Shaped = Callable[[ast.Call, Sequence[ast.expr], Worth], Operands]

PRODUCTS = {
    (1, 1): ("g * b", "g * a"),
    (2, 1): ("np.outer(g, b)", "a.T @ g"),
    (1, 2): ("b @ g", "np.outer(a, g)"),
    (2, 2): ("g @ b.T", "a.T @ g"),
    (3, 2): ("g @ b.T", "a.reshape(-1, a.shape[-1]).T @ g.reshape(-1, g.shape[-1])"),
    (3, 3): ("g @ b.swapaxes(-1, -2)", "a.swapaxes(-1, -2) @ g"),
}
"""The rules of a product of matrices or vectors, by how many axes both have, three for more."""


def product(left: ast.expr, right: ast.expr, worth: Worth) -> Operands:
    """Of a product of matrices, or of vectors with them."""
    counts = [min(np.ndim(worth(one)), 3) for one in (left, right)]
    for operand, rule in zip((left, right), PRODUCTS.get((counts[0], counts[1]), ()), strict=False):
        yield operand, rule, {"a": left, "b": right}


def _dot(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    """The same as a call; of more than two axes `dot` is another product."""
    few = max(np.ndim(worth(one)) for one in operands[:2]) <= 2
    if few or called_name(node) == "matmul":
        yield from product(operands[0], operands[1], worth)


REDUCED = {
    "sum": "{g}",
    "mean": "{g} / {count}",
    **dict.fromkeys(("max", "min", "amax", "amin"), "{g} * (a == {y})"),
    "norm": "{g} * a / {y}",
}
"""The rules of what reduces over axes, which are put into `g` and `y` again."""


def _reduced(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    """Of a sum, a mean, a maximum or a Euclidean length over axes."""
    with suppress(TypeError, ValueError, ZeroDivisionError):
        axes, kept = _axes(node, operands, worth)
        count = np.ndim(worth(operands[0]))
        g, y = (name if kept else _put_in(name, axes, count) for name in "gy")
        rule = REDUCED[called_name(node)].format(g=g, y=y, count=_how_many(axes, count))
        yield operands[0], rule, {"a": operands[0]}


def _axes(
    node: ast.Call, operands: Sequence[ast.expr], worth: Worth
) -> tuple[tuple[int, ...], bool]:
    """Over which axes is reduced, counted from the first, and whether they are kept."""
    given = {one.arg: worth(one.value) for one in node.keywords}
    # What norm takes second is its order.
    second = [worth(one) for one in operands[1:2] if called_name(node) != "norm"]
    axis, count = given.get("axis", next(iter(second), None)), np.ndim(worth(operands[0]))
    several = range(count) if axis is None else np.atleast_1d(axis).tolist()
    return tuple(sorted(one % count for one in several)), bool(given.get("keepdims"))


def _put_in(name: str, axes: Sequence[int], count: int) -> str:
    """Something with axes of length one where it lost them; those in front repeat by themselves."""
    every = ["None" if k in axes else ":" for k in range(count)]
    parts = list(dropwhile("None".__eq__, every))
    return f"{name}[{', '.join(parts)}]" if "None" in parts else name


def _how_many(axes: Sequence[int], count: int) -> str:
    """Over how many entries is reduced."""
    sizes = ["a.size"] if len(axes) == count > 1 else [f"a.shape[{k}]" for k in axes]
    return f"({' * '.join(sizes)})".replace("a.shape[0]", "len(a)")


def _reshaped(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    yield operands[0], "g.reshape(a.shape)", {"a": operands[0]}


def _turned(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    """Of axes in another order: they go back to where they were."""
    said = [*operands[1:], *(one.value for one in node.keywords)]
    order = np.ravel([worth(one) for one in said])
    if order.size == 0:
        yield operands[0], "g.T", {}
    elif order.dtype.kind == "i":
        yield operands[0], f"g.transpose({', '.join(map(str, np.argsort(order)))})", {}


def _swapped(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    yield operands[0], f"g.swapaxes({', '.join(map(ast.unparse, operands[1:]))})", {}


def _rolled(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    """Of a shift: as far the other way."""
    given = {str(one.arg): one.value for one in node.keywords}
    given |= zip(("shift", "axis"), operands[1:], strict=False)
    shift = ast.unparse(given.pop("shift"))
    more = [f"{name}={ast.unparse(one)}" for name, one in given.items()]
    yield operands[0], f"np.roll({', '.join(['g', f'-({shift})', *more])})", {}


def _chosen(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    """Of a choice: each way has the gradient where it was gone."""
    test, *ways = operands
    rules = "np.where(c, g, 0)", "np.where(c, 0, g)"
    yield from ((one, rule, {"c": test}) for one, rule in zip(ways, rules, strict=False))


def _clipped(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    yield operands[0], "g * (a == y)", {"a": operands[0]}


def _by_letters(node: ast.Call, operands: Sequence[ast.expr], worth: Worth) -> Operands:
    """Of `einsum`: the letters of the value and of an operand change places."""
    text, *factors = operands
    said = str(worth(text)).replace(" ", "").split("->")
    letters = said[0].split(",")
    for k, own in enumerate(letters if len(said) == 2 else ()):
        others = letters[:k] + letters[k + 1 :]
        names = dict(zip("abc", factors[:k] + factors[k + 1 :], strict=False))
        if set(own) <= set("".join([said[1], *others])):
            theirs = ",".join([said[1], *others])
            yield (
                factors[k],
                f"np.einsum({f'{theirs}->{own}'!r}, {', '.join(['g', *names])})",
                names,
            )


SHAPED: dict[str, Shaped] = {
    **dict.fromkeys(("dot", "matmul"), _dot),
    **dict.fromkeys(REDUCED, _reduced),
    **dict.fromkeys(("reshape", "ravel", "flatten", "squeeze", "expand_dims"), _reshaped),
    "transpose": _turned,
    "swapaxes": _swapped,
    "roll": _rolled,
    "where": _chosen,
    "clip": _clipped,
    "einsum": _by_letters,
}
"""Of calls whose rule hangs on shapes."""


def summed_to(shape: tuple[int, ...], own: tuple[int, ...]) -> str:
    """The rule for a value of a shape of its own that was repeated to another: `g`, summed over those axes."""
    more = max(len(shape) - len(own), 0)
    front = _sum_over(range(more)) if own else ".sum()" * bool(shape)
    pairs = enumerate(zip(shape[more:], own[-len(shape) :] if shape else (), strict=False))
    ones = [k for k, (its, mine) in pairs if mine == 1 < its]
    return "g" + front + _sum_over(ones, ", keepdims=True")


def _sum_over(axes: Sequence[int], how: str = "") -> str:
    told = axes[0] if len(axes) == 1 else tuple(axes)
    return f".sum(axis={told}{how})" if axes else ""
