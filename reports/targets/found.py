"""What a user's module holds that can be checked, by the names that people give: the door to their code."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

from gradcheck.forms.names import is_cache
from reports.errors import UserError, did_you_mean

Kind = Literal["pair", "derivative", "layer", "class"]

PAIRS = (
    ("{}_forward", "{}_backward"),
    ("forward_{}", "backward_{}"),
    ("{}_fwd", "{}_bwd"),
    ("{}_fprop", "{}_bprop"),
    ("{}", "{}_backward"),
    ("{}", "{}_backprop"),
    ("{}", "{}_vjp"),
)
"""How the two functions of a pair are called."""

DERIVATIVES = (
    "{}_gradient",
    "{}_grad",
    "{}_derivative",
    "{}_deriv",
    "{}_jacobian",
    "{}_prime",
    "grad_{}",
    "gradient_{}",
    "d{}",
    "d_{}",
)
"""How the derivative of a function is called."""

INPUTS = "{}_inputs"


@dataclass(frozen=True)
class Subject:
    """Something to check in a module: its name, its kind, and the functions or the class."""

    name: str
    kind: Kind
    parts: tuple[Callable[..., Any], ...]
    draw: Callable[..., Any] | None
    twin: Callable[..., Any] | None
    make: Callable[..., Any] | None = None

    @property
    def forward(self) -> Callable[..., Any]:
        """What takes the inputs."""
        return self.parts[0]


def subject(module: ModuleType, place: str, name: str, twin: str | None = None) -> Subject:
    """What `name` stands for in a module; `twin` names its twin there, NAME_twin by default.

    Raises:
        UserError: if there is nothing of that name; the text says what there is.
    """
    found = _subject(module, name)
    if twin is not None and _function(module, twin) is None:
        raise UserError(f"{place}: no function {twin}, which --twin names")
    value = _function(module, name)
    if found is None and value is not None and _returns(value, _is_anything):
        # Asked for by its name a function of unknown looks is tried.
        found = Subject(name, "layer", (value,), None, _function(module, f"{name}_twin"))
    if found is not None:
        return found if twin is None else replace(found, twin=_function(module, twin))
    raise UserError(f"{place}: {_not_there(module, name)}")


def _not_there(module: ModuleType, name: str) -> str:
    """What is said of a name that stands for nothing that can be checked: what the module holds instead."""
    there = names(module)
    holds = f"it holds {', '.join(there) or 'nothing that can be checked'}"
    if not hasattr(module, name):
        return f"there is no {name} in it{did_you_mean(name, there)} ({holds})"
    return (
        f"no layer {name} with {name}_inputs(rng), no pair {name}_forward and {name}_backward, no "
        f"{name}_gradient, no loss that returns its gradients; {holds}"
    )


def names(module: ModuleType) -> list[str]:
    """Everything in a module that can be checked, in the order in which it is written."""
    own = [n for n, value in vars(module).items() if _is_written_in(module, value)]
    stems: dict[str, None] = {}
    for name in own:
        stem = _stem(name, own)
        if stem is None or _is_bare(getattr(module, stem, None)):
            continue
        if _subject(module, stem) is not None:
            stems.setdefault(stem)
    return list(stems)


def left_alone(module: ModuleType) -> list[str]:
    """The public functions and classes of a module that are neither checked nor there for one that is."""
    own = [n for n, value in vars(module).items() if _is_written_in(module, value)]
    checked = names(module)
    known = {*checked, *(part.__name__ for n in checked for part in _parts(module, n))}
    return [
        n
        for n in own
        if not (n in known or n.startswith("_") or _is_bare(getattr(module, n)))
        and _stem(n, own) == n
    ]


def _parts(module: ModuleType, name: str) -> tuple[Callable[..., Any], ...]:
    """The functions that are checked under a name."""
    found = _subject(module, name)
    return found.parts if found is not None else ()


def _is_written_in(module: ModuleType, value: Any) -> bool:
    """Whether a function or class is the module's own, and not imported into it."""
    return getattr(value, "__module__", None) == module.__name__ and callable(value)


def _stem(name: str, own: list[str]) -> str | None:
    """The name that a function belongs to: `relu` for relu_inputs, relu_backward, relu_grad."""
    if name.startswith("_"):
        return None
    patterns = [INPUTS, *(pattern for pair in PAIRS[:4] for pattern in pair)]
    stem = next(filter(None, (_filled(pattern, name) for pattern in patterns)), None)
    if stem is not None:
        return stem
    helpers = (*DERIVATIVES, *(back for _, back in PAIRS[4:]), "{}_twin", "make_{}", "{}_object")
    helped = {_filled(pattern, name) for pattern in helpers}
    helped |= {name.replace("backward", "forward")} - {name}
    return None if helped & set(own) else name


def _filled(pattern: str, name: str) -> str | None:
    """What stands for {} in a pattern, if the name is made by it."""
    ahead, behind = pattern.split("{}")
    fits = name.startswith(ahead) and name.endswith(behind) and len(name) > len(ahead + behind)
    return name[len(ahead) : len(name) - len(behind)] if fits else None


Parts = tuple[Kind, tuple[Callable[..., Any], ...]]


def _subject(module: ModuleType, name: str) -> Subject | None:
    found = next((one for finder in FINDERS if (one := finder(module, name))), None)
    if found is None:
        return None
    kind, parts = found
    draw, twin = _function(module, INPUTS.format(name)), _function(module, f"{name}_twin")
    make = _function(module, f"make_{name}") or _function(module, f"{name}_object")
    return Subject(name, kind, parts, draw, twin, make)


def _pair(module: ModuleType, name: str) -> Parts | None:
    for ahead, back in PAIRS:
        forward, backward = (_function(module, pattern.format(name)) for pattern in (ahead, back))
        if forward and backward:
            return "pair", (forward, backward)
    # conv_forward_naive and conv_backward_naive: the word stands in the middle.
    mirrored = _function(module, name), _function(module, name.replace("forward", "backward"))
    if "forward" in name and all(mirrored):
        return "pair", mirrored  # type: ignore[return-value]
    return None


def _class(module: ModuleType, name: str) -> Parts | None:
    value = getattr(module, name, None)
    return ("class", (value,)) if inspect.isclass(value) and ways(value) else None


def _derivative(module: ModuleType, name: str) -> Parts | None:
    value = _function(module, name)
    found = (_function(module, pattern.format(name)) for pattern in DERIVATIVES)
    derivative = next(filter(None, found), None)
    return ("derivative", (value, derivative)) if value and derivative else None


def _layer(module: ModuleType, name: str) -> Parts | None:
    value = _function(module, name)
    if value is None:
        return None
    meant = _function(module, INPUTS.format(name)) or _returns(value, _is_way_back, _is_gradient)
    return ("layer", (value,)) if meant else None


FINDERS = (_pair, _class, _derivative, _layer)
"""What a name may stand for, the most telling first."""


def _function(module: ModuleType, name: str) -> Callable[..., Any] | None:
    value = getattr(module, name, None)
    return value if callable(value) and not inspect.isclass(value) else None


FORWARD = ("forward", "__call__", "fprop", "forward_pass", "feedforward", "forward_propagation")
BACKWARD = ("backward", "bprop", "backprop", "backward_pass", "backward_propagation")
"""How the methods of a class are called."""


def ways(made: type) -> tuple[str, str] | None:
    """The names of a class's two methods, None if it has not both."""
    # A class can be called itself: `getattr(made, "__call__")` says nothing of its objects.
    methods = {n for base in made.__mro__ for n, value in vars(base).items() if callable(value)}
    forward = next((n for n in FORWARD if n in methods), None)
    backward = next((n for n in BACKWARD if n in methods), None)
    if backward:
        # backprop(x, y) of a whole network goes back from what cost(x, y) computes.
        takes = _takes(getattr(made, backward))
        costs = [n for n in COSTS if n in methods and _takes(getattr(made, n)) == takes]
        forward = costs[0] if costs and len(takes) > MORE_THAN_A_GRADIENT else forward
    return (forward, backward) if forward and backward else None


COSTS = ("cost", "loss", "compute_cost", "compute_loss", "error")
"""How the method of a network is called that says how far it is off."""

MORE_THAN_A_GRADIENT = 2
"""Parameters of a backward pass beyond which it takes inputs: self and an upstream gradient are two."""


def is_operation(made: Any) -> bool:
    """Whether a class holds two static methods that share a context: forward(ctx, a), backward(ctx, grad)."""
    pair = [vars(made).get(way) for way in ("forward", "backward")]
    return all(isinstance(one, staticmethod) and _takes_context(one) for one in pair)


def _takes_context(method: Any) -> bool:
    return is_cache(next(iter(_takes(method)), ""))


def _takes(method: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(method).parameters)


def _is_bare(value: Any) -> bool:
    """Whether a class is there to be derived from: neither of its ways has more than a raise or a pass."""
    names = ways(value) if inspect.isclass(value) else None
    trees = [_tree(getattr(value, name)) for name in names or ()]
    return bool(trees) and all(map(_says_nothing, trees))


def _says_nothing(tree: ast.AST | None) -> bool:
    """Whether a function's body is a docstring, a pass, an ellipsis or a raise."""
    body = tree.body if isinstance(tree, ast.FunctionDef) else [ast.Return()]
    return all(
        isinstance(node, (ast.Raise, ast.Pass))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def _tree(function: Callable[..., Any]) -> ast.AST | None:
    """The text of a function, taken apart; None where it is not at hand."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        return None


Looks = Callable[[str, ast.expr, set[str]], bool]
"""Whether the second of two returned values is what one looks for: what is beside it, itself, functions inside."""


def _returns(function: Callable[..., Any], *looks: Looks) -> bool:
    """Whether a function's text returns two values, the second as one of `looks` has it."""
    tree = _tree(function)
    if tree is None:
        return False
    inner = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n is not tree}
    return any(
        look(ast.unparse(first), second, inner) for first, second in _twos(tree) for look in looks
    )


def _twos(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(tree):
        match node:
            case ast.Return(ast.Tuple([first, second, *rest])):
                if all(_is_gradient("loss", part, set()) for part in rest):
                    yield first, second


def _is_way_back(_: str, part: ast.expr, inner: set[str]) -> bool:
    return isinstance(part, ast.Lambda) or (isinstance(part, ast.Name) and part.id in inner)


LOSS = re.compile(r"loss|cost|nll|energy|^[JLE]$", re.IGNORECASE)
GRADIENT = re.compile(r"^d[A-Z_]|^d[a-z]{1,2}\d?\b|grad|^d(scores|pred|logits|out)\b")
"""How a loss and its gradient are called where they are returned together, whoever wrote it."""


def _is_gradient(value: str, part: ast.expr, _: set[str]) -> bool:
    return bool(LOSS.search(value) and GRADIENT.search(ast.unparse(part)))


def _is_anything(_: str, part: ast.expr, inner: set[str]) -> bool:
    return True
