"""Calls: of another function, with other arguments or options, or none."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from types import FunctionType
from typing import Any

from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.rewrite import Alternative, Rule, on, priced
from gradcheck.repair.grammar.rewrites import OVER, is_whole
from gradcheck.repair.scope import Scope
from gradcheck.repair.tree import called_name, expression, read

TAKEN_FOR = {
    "sum": "mean max prod cumsum", "mean": "sum max var std", "max": "min sum mean", "min": "max",
    "var": "std mean", "std": "var", "maximum": "minimum", "minimum": "maximum", "argmin": "argmax",
    "argmax": "argmin", "log": "exp log1p", "exp": "log sqrt expm1", "sin": "cos", "cos": "sin",
    "sinh": "cosh", "cosh": "sinh", "tanh": "cosh", "sqrt": "square", "square": "sqrt", "abs": "sign",
    "sign": "abs", "floor": "ceil", "ceil": "floor", "outer": "dot", "dot": "outer multiply",
    "multiply": "dot add", "cumsum": "sum cumprod", "repeat": "tile", "tile": "repeat",
    "zeros_like": "ones_like", "ones_like": "zeros_like", "triu": "tril", "tril": "triu",
}  # fmt: skip
"""Functions, and those that are often called for them."""

REDUCING = ("sum", "mean", "max", "min", "prod", "var", "std", "argmax", "argmin", "any", "all")
TURNING = ("transpose", "swapaxes", "moveaxis")
PRODUCTS = dict.fromkeys(("outer", "dot", "matmul"), slip.FACTORS_TURNED)
MEANS = {("mean", "sum"): slip.MEAN, ("sum", "mean"): slip.SUM}
LEFT = {
    "sum": slip.LEFT_SUM,
    "multiply": slip.NO_FACTOR,
    **dict.fromkeys(TURNING, slip.TURNED),
}
EXTRA = {"sum": slip.EXTRA_SUM, **dict.fromkeys(TURNING, slip.TURNED)}
"""What calls are about that are left out, or that are one too many; others apply a function."""
MAKING = ("zeros_like", "ones_like", "empty_like", "full_like", "copy")
"""What makes a new array in the shape of another one."""
ABOUT_AXES = {"axis": slip.AXES, "keepdims": slip.AXES}


def is_method(node: ast.Call, scope: Scope) -> bool:
    """Whether a call is one of a value's methods, not of a module's functions."""
    match node.func:
        case ast.Attribute(ast.Name(name)):
            return name in scope.local
    return isinstance(node.func, ast.Attribute)


def _with_arguments(node: ast.Call, arguments: Sequence[ast.expr]) -> ast.Call:
    """A call with other arguments, its options as they are."""
    return ast.Call(node.func, list(arguments), node.keywords)


def _with_option(node: ast.Call, name: str, value: ast.expr) -> ast.Call:
    """A call with an option set."""
    return ast.Call(node.func, node.args, [*_other_options(node, name), ast.keyword(name, value)])


def _other_options(node: ast.Call, name: str | None) -> list[ast.keyword]:
    return [one for one in node.keywords if one.arg != name]


def _of(value: ast.expr, method: str, call: ast.Call) -> ast.Call:
    """A call of a value's method, or of a module's function, with the arguments of another one."""
    return ast.Call(ast.Attribute(value, method, ast.Load()), call.args, call.keywords)


@on(ast.Call)
def _other_function(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """What is mistaken for this function."""
    match node.func:
        case ast.Attribute(value, name):
            for other in TAKEN_FOR.get(name, "").split():
                what = MEANS.get((name, other), slip.OTHER_FUNCTION)
                yield Alternative(_of(value, other, node), 1, what)


def _applied_to(node: ast.Call, scope: Scope) -> list[ast.expr]:
    """What a call may be applied to: its first argument, the object whose method it is."""
    object_ = [node.func.value] if is_method(node, scope) else []  # type: ignore[attr-defined]
    return [*object_, *node.args[:1]]


@on(ast.Call)
def _left_out(node: ast.Call, scope: Scope) -> Iterable[Alternative]:
    """What a function is applied to, without it."""
    if called_name(node) in MAKING:
        # In its place the array itself would be written into.
        return ()
    return priced(_applied_to(node, scope), 1, EXTRA.get(called_name(node), slip.EXTRA_FUNCTION))


def _exchanges(several: list[ast.expr]) -> Iterator[list[ast.expr]]:
    """The same nodes, two of them in each other's place; the last first, as in np.where(c, a, b)."""
    for i, j in reversed([*combinations(range(len(several)), 2)]):
        order = list(several)
        order[i], order[j] = order[j], order[i]
        yield order


@on(ast.Call)
def _arguments_exchanged(node: ast.Call, scope: Scope) -> Iterable[Alternative]:
    """Two arguments in each other's place."""
    calls = (_with_arguments(node, order) for order in _exchanges(node.args))
    return priced(calls, 1, PRODUCTS.get(called_name(node)))


@on(ast.Tuple)
def _elements_exchanged(node: ast.Tuple, scope: Scope) -> Iterable[Alternative]:
    """Two elements of a tuple in each other's place: gradients, gates."""
    tuples = (ast.Tuple(order, ast.Load()) for order in _exchanges(node.elts))
    return priced(tuples, 1, slip.EXCHANGED if any(map(scope.shape, node.elts)) else None)


@on(ast.Call)
def _without_option(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """An option less."""
    for name in (one.arg for one in node.keywords):
        without = ast.Call(node.func, node.args, _other_options(node, name))
        yield Alternative(without, 1.5, ABOUT_AXES.get(name or ""))


@on(ast.Call)
def _other_axes(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """Reduced over other axes, or so that they are kept."""
    if called_name(node) in REDUCING:
        for axes in OVER.get(_axes_of(node, scope), ()):
            over = _with_option(node, "axis", expression(axes))
            yield Alternative(over, 1.2, slip.AXES)
            yield Alternative(_with_option(over, "keepdims", KEPT), 1.8, slip.AXES)
        yield Alternative(_with_option(node, "keepdims", KEPT), 1.2, slip.AXES)


KEPT = ast.Constant(True)


def _axes_of(node: ast.Call, scope: Scope) -> int:
    """How many axes what a call reduces has."""
    return max((len(scope.shape(one) or ()) for one in _applied_to(node, scope)), default=0)


@on(ast.Call)
def _helper_s_axis(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """Along another axis, where a function of the user's is told one."""
    for axis, other in product(axes_told(node, scope), range(_axes_of(node, scope))):
        arguments = [*node.args]
        arguments[node.args.index(axis)] = ast.Constant(other)
        # Cheaper than to turn round what it is applied to.
        yield Alternative(_with_arguments(node, arguments), 0.7, slip.AXES)


def axes_told(call: ast.Call, scope: Scope) -> list[ast.expr]:
    """The arguments under which a function of the user's is told an axis."""
    names = _parameters(scope.value(call.func))
    return [one for name, one in zip(names, call.args, strict=False) if name in AXES]


AXES = ("axis", "axes", "dim")


@on(ast.Call)
def _as_elsewhere(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """With the options and the further arguments that the same function is given elsewhere."""
    for other in scope.pool.calls_of(called_name(node)):
        for keyword in other.keywords:
            changed = _with_option(node, keyword.arg or "", keyword.value)
            yield Alternative(changed, 1.5, ABOUT_AXES.get(keyword.arg or "", slip.DEFAULT))
        more = [*node.args, *other.args[len(node.args) :]]
        yield Alternative(_with_arguments(node, more), 2, slip.DEFAULT)


@on(ast.Call)
def _an_argument_more(node: ast.Call, scope: Scope) -> Iterable[Alternative]:
    """An argument that a function takes, and was not given: what has its name."""
    given = {one.arg for one in node.keywords}
    names = [n for n in _further(scope.value(node.func), node) if n in scope.names]
    calls = (_with_option(node, name, read(name)) for name in names if name not in given)
    return priced(calls, 1.2, slip.DEFAULT)


def _further(function: Any, node: ast.Call) -> list[str]:
    """The parameters of a function that come after the arguments given."""
    return _parameters(function)[len(node.args) :]


def _parameters(function: Any) -> list[str]:
    """What a function of the user's calls its arguments."""
    user_s = isinstance(function, FunctionType)
    return list(inspect.signature(function).parameters) if user_s else []


@on(ast.expr)
def _called_as_elsewhere(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """In a call that stands elsewhere in the function, in place of its first argument or of its object."""
    for other in scope.pool.calls if is_whole(node, scope) else ():
        name = called_name(other)
        what = LEFT.get(name, slip.OTHER_VALUE if len(other.args) > 1 else slip.LEFT_FUNCTION)
        yield Alternative(_with_arguments(other, [node, *other.args[1:]]), 2.2, what)
        if is_method(other, scope):
            yield Alternative(_of(node, name, other), 2, what)


@on(ast.expr)
def _helped(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """Handed to one of the module's own functions that only compute, alone or with an array at hand."""
    for name, count in scope.pool.helpers.items() if scope.shape(node) else ():
        for more in product(map(read, scope.arrays), repeat=count - 1):
            call = ast.Call(read(name), [node, *more], [])
            what = slip.OTHER_VALUE if more else slip.LEFT_FUNCTION
            yield Alternative(call, 2.1 + 0.3 * len(more), what)


@on(ast.Name)
def _handed_back(node: ast.Name, scope: Scope) -> Iterable[Alternative]:
    """Handed to a function that was given a name and is called nowhere: a way back, most likely."""
    several = map(read, scope.pool.unread)
    ways = (way for way in several if isinstance(scope.value(way), FunctionType))
    return priced((ast.Call(way, [node], []) for way in ways), 1.1, slip.LEFT_FUNCTION)


@on(ast.List, ast.Tuple)
def _joined(node: ast.expr, scope: Scope) -> Iterable[Alternative]:
    """Several arrays as one, side by side along one of their axes."""
    axes = {len(scope.shape(one) or ()) for one in getattr(node, "elts", ())}
    several = range(max(axes)) if len(axes) == 1 else ()
    joined = (f"np.concatenate({ast.unparse(node)}, axis={k})" for k in several)
    return priced(map(expression, joined), 1.6, slip.LEFT_FUNCTION)


CALLED: tuple[Rule, ...] = (
    _handed_back,
    _joined,
    _other_function,
    _left_out,
    _arguments_exchanged,
    _elements_exchanged,
    _without_option,
    _other_axes,
    _helper_s_axis,
    _as_elsewhere,
    _an_argument_more,
)
CALLED_ELSEWHERE: tuple[Rule, ...] = (_called_as_elsewhere, _helped)
