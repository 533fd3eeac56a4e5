"""What a user's module holds that can be checked, by the names that people give: the door to their code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Literal

from gradcheck.binding import parameters_of
from gradcheck.forms.scored import Score, beside, score_of
from gradcheck.layer import Function, name_of
from gradcheck.meant import a_kind
from reports.errors import UserError, did_you_mean
from reports.targets.classes import is_bare, scored, ways
from reports.targets.proposals import wanted
from reports.targets.texts import returns_gradients, returns_two, returns_way_back

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
    *("{}_gradient", "{}_grad", "{}_derivative", "{}_deriv", "{}_der", "{}_jacobian", "{}_jac"),
    *("{}_prime", "{}prime", "grad_{}", "gradient_{}", "d{}", "d_{}"),
)
"""How the derivative of a function is called."""

INPUTS = "{}_inputs"

COST = re.compile(r"loss|cost|mse|error|objective|likelihood|energy", re.IGNORECASE)
"""How a function is called that says how far off a model is."""

GRADIENT = re.compile(r"gradients?|grads?|derivatives?", re.IGNORECASE)
"""What stands in its place where its gradient is called alike: compute_cost and compute_gradient."""

UPSTREAM = re.compile(r"d_?(out|y|z)(put)?|grads?(_?out(put)?)?|upstream\w*|g_?out", re.IGNORECASE)
"""How a way back calls its upstream gradient that takes nothing else."""

FLAG = re.compile(r"^(is_?)?(deriv\w*|prime|grad(ient)?|diff|der|backward|back)$", re.IGNORECASE)
"""How an argument is called that asks a function for its derivative instead."""


@dataclass(frozen=True)
class Subject:
    """Something to check in a module: its name, its kind, and the functions or the class."""

    name: str
    kind: Kind
    parts: tuple[Function, ...]
    draw: Function | None
    twin: Function | None
    make: Function | None = None

    @property
    def forward(self) -> Function:
        """What takes the inputs."""
        return self.parts[0]

    @property
    def made(self) -> type | None:
        """The class, where it is one."""
        return self.parts[0] if isinstance(self.parts[0], type) else None


def subject(module: ModuleType, place: str, name: str, twin: str | None = None) -> Subject:
    """What `name` stands for in a module; `twin` names its twin there, NAME_twin by default.

    Raises:
        UserError: if there is nothing of that name; the text says what there is.
    """
    if twin is not None and _function(module, twin) is None:
        raise UserError(f"{place}: no function {twin}, which --twin names")
    # Asked for by its name a function of unknown looks is tried.
    found = _whole(module, name) or _subject(module, name, (*FINDERS, _anything))
    if found is None:
        raise UserError(f"{place}: {_not_there(module, name)}")
    return found if twin is None else replace(found, twin=_function(module, twin))


def _whole(module: ModuleType, name: str) -> Subject | None:
    """What a function is one half of: the pair of a backward pass, the function of a derivative."""
    there = names(module)
    wholes = (n for n in there if name not in there and name in map(name_of, _parts(module, n)))
    return next((_subject(module, one) for one in wholes), None)


def _not_there(module: ModuleType, name: str) -> str:
    """What is said of a name that stands for nothing that can be checked: what the module holds instead."""
    there = names(module)
    holds = f"it holds {', '.join(there) or 'nothing that can be checked'}"
    if not hasattr(module, name):
        return f"there is no {name} in it{did_you_mean(name, there)} ({holds})"
    value = getattr(module, name)
    if inspect.isclass(value):
        return f"the class {name} has no forward and backward; {holds}"
    if not callable(value):
        return f"{name} is {a_kind(value)}, expected a function or a class; {holds}"
    return (
        f"no layer {name} with {name}_inputs(rng), no pair {name}_forward and {name}_backward, no "
        f"{name}_gradient, no loss that returns its gradients; {holds}"
    )


def names(module: ModuleType) -> list[str]:
    """Everything in a module that can be checked, in the order in which it is written; what is private where no
    more is there."""
    public = [name for name in _own(module) if not name.startswith("_")]
    return _among(module, public) or _among(module, _own(module))


def _among(module: ModuleType, several: Collection[str]) -> list[str]:
    """What can be checked of what has some names."""
    own = _own(module)
    stems = dict.fromkeys(_stem(name, own) for name in several)
    meant = (stem for stem in stems if stem and not is_bare(getattr(module, stem, None)))
    found = [stem for stem in meant if _subject(module, stem) is not None]
    # A gradient that is checked with its cost is nothing by itself.
    behind = {name_of(part) for stem in found for part in _parts(module, stem)[1:]}
    return [stem for stem in found if not (stem in behind and GRADIENT.search(stem))]


def left_alone(module: ModuleType) -> list[str]:
    """The public functions and classes of a module that are neither checked nor there for one that is."""
    own, checked = _own(module), names(module)
    known = {*checked, *(name_of(part) for n in checked for part in _parts(module, n))}
    rest = [n for n in own if n not in known and not n.startswith("_") and _stem(n, own) == n]
    return [n for n in rest if not is_bare(getattr(module, n))]


def _parts(module: ModuleType, name: str) -> tuple[Function, ...]:
    """The functions that are checked under a name, a loss of their own among them."""
    found = _subject(module, name)
    score = score_in(found) if found is not None else None
    return (*(found.parts if found is not None else ()), *([score.loss] if score else []))


def score_in(subject: Subject) -> Score | None:
    """What a model is scored by whose way back begins at a loss of its own."""
    if subject.made is not None:
        return scored(subject.made)
    if subject.kind != "pair":
        return None
    return score_of(beside(subject.forward), *subject.parts)


def _own(module: ModuleType) -> list[str]:
    """The functions and classes that a module does not import."""
    return [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    ]


HELPERS = (*DERIVATIVES, *(back for _, back in PAIRS[4:]), "{}_twin", "make_{}", "{}_object")
"""Patterns of what belongs to another function, if there is that other."""


def _stem(name: str, own: list[str]) -> str | None:
    """The name that a function belongs to: `relu` for relu_inputs, relu_backward; None for relu_grad."""
    stems = filter(None, (_filled(INPUTS, name), *(_half(pair, name, own) for pair in PAIRS[:4])))
    stem = next(stems, None)
    helped = {_filled(pattern, name) for pattern in HELPERS}
    helped |= {name.replace("backward", "forward")} - {name}
    return stem or (None if helped & set(own) else name)


def _half(pair: tuple[str, str], name: str, own: list[str]) -> str | None:
    """The stem of a name that is one half of a pair, where the other half is there."""
    stem = next(filter(None, (_filled(pattern, name) for pattern in pair)), None)
    return stem if stem and {pattern.format(stem) for pattern in pair} <= set(own) else None


def _filled(pattern: str, name: str) -> str | None:
    """What stands for {} in a pattern, if the name is made by it."""
    ahead, behind = pattern.split("{}")
    fits = name.startswith(ahead) and name.endswith(behind) and len(name) > len(ahead + behind)
    return name[len(ahead) : len(name) - len(behind)] if fits else None


Parts = tuple[Kind, tuple[Function, ...]]


Finder = Callable[[ModuleType, str], Parts | None]


def _pair(module: ModuleType, name: str) -> Parts | None:
    both = [tuple(pattern.format(name) for pattern in pair) for pair in PAIRS]
    if "forward" in name:
        # conv_forward_naive and conv_backward_naive: the word stands in the middle.
        both.append((name, name.replace("forward", "backward")))
    pairs = (tuple(_function(module, one) for one in pair) for pair in both)
    found = next(filter(all, pairs), None)
    if found is None:
        return None
    # softplus_backward(x) of softplus(x) takes the input and no upstream gradient.
    alone = len(wanted(found[0])) == 1 and wanted(found[0]) == wanted(found[1])  # type: ignore[arg-type]
    return ("derivative" if alone else "pair", found)  # type: ignore[return-value]


def _class(module: ModuleType, name: str) -> Parts | None:
    value = getattr(module, name, None)
    return ("class", (value,)) if inspect.isclass(value) and ways(value) else None


def _derivative(module: ModuleType, name: str) -> Parts | None:
    value = _function(module, name)
    found = (_function(module, pattern.format(name)) for pattern in DERIVATIVES)
    derivative = next(filter(None, found), None)
    if value is None or derivative is None:
        return None
    return "pair" if _goes_back(value, derivative) else "derivative", (value, derivative)


def _goes_back(value: Function, gradient: Function) -> bool:
    """Whether a function of one input has a gradient that takes the upstream one alone: rotate_grad(dy)."""
    mine, its = wanted(value), wanted(gradient)
    return len(mine) == len(its) == 1 and bool(UPSTREAM.fullmatch(its[0])) and mine != its


def _flagged(module: ModuleType, name: str) -> Parts | None:
    """A function that is its own derivative where a flag is set: sigmoid(x, deriv=True)."""
    value = _function(module, name)
    parameters = parameters_of(value) or () if value else ()
    flag = next((p.name for p in parameters if p.default is False and FLAG.match(p.name)), None)
    return ("derivative", (value, partial(value, **{flag: True}))) if value and flag else None


def _cost(module: ModuleType, name: str) -> Parts | None:
    """A cost with the gradient that takes the same: compute_cost and compute_gradient, cost and gradient."""
    value = _function(module, name)
    if (
        value is None
        or not COST.search(name)
        or returns_way_back(value)
        or returns_gradients(value)
    ):
        return None
    gradients = [n for n in _own(module) if GRADIENT.search(n) and _takes_the_same(module, n, name)]
    costs = [n for n in _own(module) if COST.search(n) and _takes_the_same(module, n, name)]
    alike = [n for n in gradients if _without(GRADIENT, n) == _without(COST, name)]
    only = gradients if len(costs) == len(gradients) == 1 else []
    found = next((_function(module, n) for n in (*alike, *only)), None)
    return ("pair", (value, found)) if found else None


def _begun_alike(module: ModuleType, name: str) -> Parts | None:
    """The only function that takes what a gradient takes and begins as it does: NAME_energy, NAME_gradient."""
    value = None if GRADIENT.search(name) else _function(module, name)
    for gradient in filter(GRADIENT.search, _own(module) if value else ()):
        stem = _without(GRADIENT, gradient)
        others = [n for n in _own(module) if stem and _without(GRADIENT, n).startswith(stem)]
        same = [n for n in others if n != gradient and _takes_the_same(module, n, gradient)]
        if same == [name]:
            return "derivative", (value, _function(module, gradient))  # type: ignore[return-value]
    return None


def _without(word: re.Pattern[str], name: str) -> str:
    """What is left of a name without a word, however it is put together."""
    return word.sub("", name).replace("_", "").lower()


def _takes_the_same(module: ModuleType, name: str, other: str) -> bool:
    """Whether two functions of a module take the same."""
    one, two = _function(module, name), _function(module, other)
    return one is not None and two is not None and wanted(one) == wanted(two)


def _layer(module: ModuleType, name: str) -> Parts | None:
    value = _function(module, name)
    if value is None:
        return None
    drawn = _function(module, INPUTS.format(name))
    meant = drawn or returns_way_back(value) or returns_gradients(value)
    return ("layer", (value,)) if meant else None


def _anything(module: ModuleType, name: str) -> Parts | None:
    value = _function(module, name)
    return ("layer", (value,)) if value and returns_two(value) else None


FINDERS: tuple[Finder, ...] = (_pair, _class, _derivative, _flagged, _cost, _layer, _begun_alike)
"""What a name may stand for, the most telling first."""


def _subject(module: ModuleType, name: str, finders: Sequence[Finder] = FINDERS) -> Subject | None:
    found = next(filter(None, (finder(module, name) for finder in finders)), None)
    if found is None:
        return None
    kind, parts = found
    draw, twin = _function(module, INPUTS.format(name)), _function(module, f"{name}_twin")
    make = _function(module, f"make_{name}") or _function(module, f"{name}_object")
    return Subject(name, kind, parts, draw, twin, make)


def _function(module: ModuleType, name: str) -> Function | None:
    value = getattr(module, name, None)
    return value if callable(value) and not inspect.isclass(value) else None
