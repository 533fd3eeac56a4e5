"""The rewrites: operators, signs, transposes, sums, functions, += for =, the commonest slips of the pen."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, combinations, permutations, product
from typing import Any

from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.rewrite import Alternative, Guard, Rewrite, Rule, on, priced, rules
from gradcheck.repair.scope import Scope, is_mask
from gradcheck.repair.tree import called_name, is_read

PLAIN = (ast.Constant, ast.Tuple, ast.Slice)
"""Expressions that are no operands, or what is a better one is written out."""


def is_numeric(node: ast.AST, scope: Scope) -> bool:
    """Whether an expression is more than a constant, and a number or an array of numbers."""
    return not isinstance(node, PLAIN) and scope.shape(node) is not None


def is_whole(node: ast.AST, scope: Scope) -> bool:
    """Whether an expression is read as one value."""
    return is_read(node) and not isinstance(node, ast.Tuple)


def has_axes(node: ast.AST, scope: Scope) -> bool:
    """Whether an expression is an array with axes."""
    return bool(scope.shape(node))


def _of_axes(*counts: int) -> Guard:
    """Whether an expression is an array with so many axes."""
    return lambda node, scope: len(scope.shape(node) or ()) in counts


def _is_number(node: ast.AST, scope: Scope) -> bool:
    """Whether an expression is one number, and not written out."""
    return is_numeric(node, scope) and not has_axes(node, scope)


def _is_square(node: ast.AST, scope: Scope) -> bool:
    shape = scope.shape(node) or ()
    return len(shape) == 2 == 1 + len(set(shape))


def _is_mask(node: ast.AST, scope: Scope) -> bool:
    return is_mask(scope.value(node))


def _is_truth(node: ast.AST, scope: Scope) -> bool:
    return isinstance(scope.value(node), bool)


def is_count(node: ast.AST, scope: Scope) -> bool:
    """Whether a whole number is computed or read, not written out."""
    return not isinstance(node, ast.Constant) and type(scope.value(node)) is int


def _counts_turns(node: ast.AST, scope: Scope) -> bool:
    """Whether an expression is what a loop counts by."""
    return called_name(node) in ("reversed", "range")


def _is_place(node: ast.AST, scope: Scope) -> bool:
    """Whether a statement gives one name or one item its value."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Subscript)


def _each(several: Iterable[tuple[Rewrite, ...]]) -> tuple[Rewrite, ...]:
    return tuple(chain.from_iterable(several))


ADDED_AT = ["np.add.at(a, b, c)", "np.add.at(a, np.s_[b], c)"]
"""Slices are an argument in brackets only."""

FEW = 6
"""Names up to which any two may have been exchanged where several are unpacked; of more, neighbours."""


def _unpacked_otherwise(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """`w, h = x.shape`: two names exchanged where several are given their values."""
    match node:
        case ast.Assign([ast.Tuple(names)], value) if not isinstance(value, ast.Tuple):
            for i, j in combinations(range(len(names)), 2):
                if j == i + 1 or len(names) <= FEW:
                    order = [*range(len(names))]
                    order[i], order[j] = j, i
                    target = ast.Tuple([names[k] for k in order], ast.Store())
                    yield Alternative(ast.Assign([target], value), 1.3, slip.UNPACKED)


STATED: tuple[Rule, ...] = (
    *_each(rules(f"a {op}= b", ["a = b"], 1, slip.COUNTED_AGAIN, about="a") for op in "+-*/"),
    *_each(
        rules(
            f"a {op}= b",
            [f"a {other}= b"],
            1,
            {"+-": slip.SIGN, "*/": slip.UPSIDE_DOWN}.get("".join(sorted(op + other))),
        )
        for op, other in permutations("+-*/", 2)
    ),
    *_each(rules(f"a {op}= b", ["pass"], 1, slip.EXTRA_TERM) for op in "+-"),
    *_each(rules(f"a {op}= b", ["pass"], 1, slip.EXTRA_FACTOR) for op in "*/"),
    *rules("a[b] = c", ["pass"], 1, slip.WRITTEN_OVER),
    *rules("a = b", ["a += b"], 1, slip.OVERWRITTEN, about="a", when=_is_place),
    *rules("a = b", ["a -= b"], 2.5, slip.OVERWRITTEN, about="a", when=_is_place),
    *rules("a = b", ["a *= b", "a /= b"], 2.5, slip.FACTOR_LOST, when=_is_place),
    *rules("a", ["reversed(a)", "list(a)[1:]", "list(a)[:-1]"], 1.2, when=_counts_turns),
    *rules("a[b] += c", ADDED_AT, 1.5, slip.REPEATED),
    *rules("a[b] = c", ADDED_AT, 1.5, slip.REPEATED),
    _unpacked_otherwise,
)
"""Statements."""

TAKEN_FOR = {"+": "-", "-": "+", "*": "/ @ ** //", "/": "*", "@": "*", "**": "*", "//": "*"}
"""Operators, and those that are often written for them."""
TURNED_OPERATORS = {
    "+-": slip.SIGN, "-+": slip.SIGN, "*/": slip.UPSIDE_DOWN, "/*": slip.UPSIDE_DOWN,
}  # fmt: skip
EXCHANGED = {"-": slip.WRONG_WAY, "/": slip.UPSIDE_DOWN, "@": slip.FACTORS_TURNED}
ONE_TOO_MANY = {
    "+": slip.EXTRA_TERM, "-": slip.EXTRA_TERM, "*": slip.EXTRA_FACTOR,
    "/": slip.EXTRA_FACTOR, "@": slip.EXTRA_FACTOR, "**": slip.POWER,
}  # fmt: skip
COMPARED = (">", ">=", "<", "<=", "==", "!=")


def _of_operator(op: str) -> tuple[Rewrite, ...]:
    """Another operator, the operands exchanged, or one of them alone."""
    once = ONE_TOO_MANY.get(op)
    return (
        *_each(
            rules(f"a {op} b", [f"a {other} b"], price, TURNED_OPERATORS.get(op + other))
            for other, price in zip(TAKEN_FOR, _prices(op), strict=True)
        ),
        *rules(f"a {op} b", [f"b {op} a"], 1, EXCHANGED.get(op)),
        *rules(f"a {op} b", ["a"], 1, once),
        *rules(f"a {op} b", ["b"], 1, once, about="a"),
    )


def _prices(op: str) -> list[float]:
    """How far-fetched each operator is for this one."""
    return [1 if other in TAKEN_FOR[op].split() else 1.5 for other in TAKEN_FOR]


OPERATED: tuple[Rule, ...] = (
    *_each(map(_of_operator, TAKEN_FOR)),
    # A place in a window laid flat: its row and its column.
    *rules("a % b", ["a // b"], 1, slip.SHIFTED),
    *rules("a // b", ["a % b"], 1, slip.SHIFTED),
    # A derivative like p (1 - p) is two factors.
    *rules("(a * b) * (1 - b)", ["a"], 1, slip.TWO_FACTORS),
    *rules("(a * b) * c", ["a"], 1.5, slip.TWO_FACTORS),
    # That of the sigmoid for that of tanh, and the other way round.
    *rules("(a * b) * (1 - b)", ["a * (1 - b ** 2)"], 1.1, slip.OTHER_SLOPE),
    *rules("a * (1 - a)", ["1 - a ** 2"], 1.1, slip.OTHER_SLOPE),
    *rules("1 - a ** 2", ["a * (1 - a)"], 1.1, slip.OTHER_SLOPE),
    *_each(rules(f"(a {p} b) {q} c", ["a"], 1.5) for p, q in product(TAKEN_FOR, TAKEN_FOR)),
    # By the quotient rule what is divided by comes squared.
    *rules("a / b", ["a / b ** 2"], 1.2, slip.LEFT_FACTOR),
    *rules("a / b ** 2", ["a / b ** 3"], 1.2, slip.LEFT_FACTOR),
    # The derivative of tanh by its value.
    *rules("1 - a", ["1 - a ** 2"], 1, slip.LEFT_SQUARE, about="a"),
    # Half of the sigmoid's, written as people write it.
    *rules("1 - a", ["a * (1 - a)"], 1.2, slip.LEFT_FACTOR, about="a"),
    *rules("a", ["1 - a ** 2", "a * (1 - a)"], 1.8, slip.ITSELF, when=has_axes),
    *rules("a - b", ["1 - b"], 1.3, slip.ONE, about="a", when=has_axes),
    *rules("1 - a", ["a"], 0.9, slip.WHOLE, about="a", when=has_axes),
    *rules("1 - a", ["a"], 0.9, slip.WHOLE_SHARE, about="a", when=_is_number),
    *rules("-a", ["a"], 1, slip.EXTRA_MINUS),
    *rules("~a", ["a"], 1, slip.CHOICE),
    *rules("not a", ["a"], 1, slip.CHOICE),
    *rules("a", ["~a"], 1.5, slip.CHOICE, when=_is_mask),
    *rules("a", ["-a"], 1.5, slip.LEFT_MINUS, when=is_numeric),
    *rules("a", ["1 - a"], 1.6, slip.COMPLEMENT, when=has_axes),
    *rules("a", ["1 - a"], 1.6, slip.OTHER_SHARE, when=_is_number),
    *rules("a", ["not a"], 1.5, slip.CHOICE, when=_is_truth),
    *_each(
        rules(f"a {one} b", [f"a {other} b"], 1, slip.CHOICE)
        for one, other in permutations(COMPARED, 2)
    ),
    *rules("b if a else c", ["b", "c"], 1, slip.CHOICE),
    *rules("a and b", ["a", "b", "a or b"], 1, slip.CHOICE),
    *rules("a or b", ["a", "b", "a and b"], 1, slip.CHOICE),
    *_each(
        (
            *rules(f"(a {p} b) {q} c", [f"a {p} (b {q} c)"], 1.5),
            *rules(f"a {q} (b {p} c)", [f"(a {q} b) {p} c"], 1.5),
        )
        for p, q in product(TAKEN_FOR, TAKEN_FOR)
    ),
)
"""Operators, signs, comparisons, choices, brackets."""

TRANSPOSED: tuple[Rule, ...] = (
    *rules("a.T", ["a"], 0.5, slip.TURNED),
    *rules("a[::-1]", ["a"], 0.9, slip.BACKWARDS),
    *rules("a.T", ["a.swapaxes(-1, -2)"], 2, slip.TURNED),
    # From both sides the other way.
    *rules("a @ b @ a.T", ["a.T @ b @ a"], 1, slip.TURNED),
    *rules("a.T @ b @ a", ["a @ b @ a.T"], 1, slip.TURNED),
    *rules("a", ["a.T"], 0.8, slip.TURNED, when=_of_axes(2, 3, 4)),
    *rules("a", ["a.swapaxes(-1, -2)"], 1.5, slip.TURNED, when=_of_axes(3, 4)),
)
"""A transpose put or left out, the last two axes exchanged."""

OVER = {
    1: ("0",),
    2: ("0", "1"),
    3: ("0", "1", "2", "(0, 1)", "(1, 2)"),
    4: ("0", "1", "2", "3", "(0, 1, 2)", "(1, 2, 3)", "(1, 2)", "(2, 3)", "(0, 2, 3)"),
}
"""What arrays are reduced over: one axis, all but the last or the first, those of images."""

REDUCED: tuple[Rule, ...] = (
    *_each(
        (
            *rules("a", [f"a.sum(axis={over}{keep})"], 2, slip.LEFT_SUM, when=_of_axes(count)),
            *rules("a", [f"a.mean(axis={over}{keep})"], 3, when=_of_axes(count)),
        )
        for count, several in OVER.items()
        for over, keep in product(several, ("", ", keepdims=True"))
    ),
    *rules("a", ["a.sum()"], 2, slip.LEFT_SUM, when=has_axes),
    *rules("a", ["a.mean()"], 3, when=has_axes),
    # What enters twice, once from either side.
    *rules("2 * a", ["a + a.T"], 1.8, slip.EITHER_SIDE),
    *rules("2 * a @ b", ["(a + a.T) @ b", "a @ (b + b.T)"], 1.8, slip.EITHER_SIDE),
    *rules("a", ["a + a.T"], 2, slip.EITHER_SIDE, when=_is_square),
)
"""A sum left out, or the transpose that enters beside what is transposed."""

WRAPPED: tuple[Rule, ...] = (
    *rules(
        "a",
        [
            "np.exp(a)", "np.tanh(a)", "np.cos(a)", "np.sqrt(a)", "np.sign(a)", "np.abs(a)", "1 / a",
            "a ** 2", "np.zeros_like(a)", "np.where(a > 0, a, 0)", "np.log(a)", "a ** 0.5", "np.sin(a)",
            "a > 0", "a != 0", "a ** 3",
        ],
        3,
        slip.LEFT_FUNCTION,
        when=is_whole,
    ),
    *rules(
        "a",
        ["a.copy()", "reversed(a)", "np.conj(a)", "len(a)", "range(a)", "a.ravel()"],
        3,
        when=is_whole,
    ),
)  # fmt: skip
"""A function that was not applied: one of the commonest."""

COMMON_INDICES = (
    "..., None", "None", ":, None", "::-1", "..., ::-1", ":, ::-1", "0", "-1",
)  # fmt: skip
"""An axis more, an axis turned round, the first and the last."""

INDEXED: tuple[Rule, ...] = rules(
    "a", [f"a[{index}]" for index in COMMON_INDICES], 2.2, slip.OTHER_VALUE, when=has_axes
)

NEAR: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    bool: lambda v: (not v,),
    int: lambda v: (v - 1, v + 1, -v, 2 * v, v - 2, v + 2),
    float: lambda v: (v / 2, v * 2, 1 - v, v + 1, v - 1, -v, v and 1 / v, v**2),
}
"""A constant off by one, by two, or upside down."""
FAR: dict[type, tuple[Any, ...]] = {
    int: (None, 0.5, 1.5, 3),
    float: (0.0, 0.5, 1.0, 2.0, 3.0),
    type(None): (0, -1, 1),
}
"""What else stands where a constant does."""


@on(ast.Constant)
def other_constant(node: ast.Constant, scope: Scope) -> Iterator[Alternative]:
    """Another constant."""
    kind = type(node.value)
    near = NEAR[kind](node.value) if kind in NEAR else ()
    for k, value in enumerate(near):
        yield Alternative(ast.Constant(value), 1 + 0.1 * k)
    yield from priced(map(ast.Constant, FAR.get(kind, ())), 2)
