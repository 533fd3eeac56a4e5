"""How a forward and a backward pass are called: what each argument of the way back stands for.

    def lstm_step_backward(dnext_h, dnext_c, cache)     upstream, upstream, cache
    def pool_backward(dA, cache, mode="max")            upstream, cache, an input of the forward pass
    def linear_backward(cache, dout)                    cache, upstream
    def mul_backward(dout, x, y)                        upstream, two inputs

Names decide where they tell; after that the order does, upstream gradients first and the cache last.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from gradcheck.forms.names import is_cache, is_of, is_upstream, parameters_of
from gradcheck.forms.trees import Tree, at, children
from gradcheck.layer import Misuse, input_names
from gradcheck.meant import OF_FORMS, OPTIONS, missing_input, no_input

Kind = Literal["upstream", "cache", "input", "item"]
FILLED_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
SPREAD = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Arguments:
    """What a forward pass is called with, under the names of its parameters.

    `tree` holds what was given; `defaults` are those of parameters that were not, which the backward
    pass may want too; `beyond` is what only the backward pass takes.
    """

    signature: inspect.Signature
    tree: Tree
    defaults: dict[str, Any]
    beyond: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(
        forward: Callable[..., Any],
        inputs: Sequence[Any],
        named: Mapping[str, Any],
        beyond: Sequence[str] = (),
    ) -> Arguments:
        """Bind inputs to the forward pass; names in `beyond` that it does not know wait for the way back.

        Raises:
            TypeError: for an input that is missing, unknown, or given twice.
        """
        signature = _signature(forward, len(inputs))
        unknown = _unknown_to(signature, named)
        later = {name: value for name, value in named.items() if name in unknown and name in beyond}
        mine = {name: value for name, value in named.items() if name not in later}
        try:
            bound = signature.bind(*inputs, **mine)
        except TypeError as error:
            raise TypeError(_complaint(signature, inputs, mine, error)) from None
        given = {name: _as_array(value) for name, value in bound.arguments.items()}
        tree = Tree.of(given)
        if all(leaf.soft for leaf in tree.leaves):
            # Numbers with nothing beside them are no hyperparameters of anything: f(3.0).
            hard = {n: np.asarray(v) if isinstance(v, float) else v for n, v in given.items()}
            tree = Tree.of(hard)
        return Arguments(signature, tree, _defaults(signature, given), later)

    def filled(self, values: Sequence[Any]) -> inspect.BoundArguments:
        """The arguments with these arrays for the leaves, everything else copied afresh."""
        return inspect.BoundArguments(self.signature, self.tree.filled(values))


def _unknown_to(signature: inspect.Signature, names: Iterable[str]) -> set[str]:
    """The names that a function does not take; none where it takes **any."""
    parameters = signature.parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return set()
    return set(names) - parameters.keys()


def _defaults(signature: inspect.Signature, given: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for the parameters that were not given."""
    left = [p for p in signature.parameters.values() if p.name not in given]
    return {p.name: p.default for p in left if p.default is not p.empty}


def _signature(function: Callable[..., Any], count: int) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        kind = inspect.Parameter.POSITIONAL_ONLY
        names = input_names(function, count)
        return inspect.Signature([inspect.Parameter(name, kind) for name in names])


def _complaint(
    signature: inspect.Signature, inputs: Sequence[Any], named: Mapping[str, Any], error: Exception
) -> str:
    parameters = signature.parameters.values()
    known = ", ".join(signature.parameters)
    places = [p.name for p in parameters if p.kind in FILLED_BY_PLACE][: len(inputs)]
    for name in named:
        if name not in signature.parameters:
            return no_input(name, list(signature.parameters), (*OPTIONS, *OF_FORMS))
        if name in places:
            return f"input {name!r} is given by position and by name"
    missing = [name for name in _needed(signature) if name not in (*places, *named)]
    if missing:
        return missing_input(missing[0], signature.parameters, inputs)
    return f"the forward pass takes {known}: {error}"


def _needed(signature: inspect.Signature) -> list[str]:
    """The parameters without a default."""
    parameters = signature.parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in SPREAD]


def _as_array(value: Any) -> Any:
    """A list of numbers, some of them floats, is an array written down; one of whole numbers is not."""
    if isinstance(value, (list, tuple)) and value:
        try:
            array = np.asarray(value)
        except ValueError:
            return value
        if array.dtype.kind == "f" and not _holds_arrays(value):
            return array
    return value


def _holds_arrays(value: Any) -> bool:
    inner = [item for _, item in children(value)]
    return isinstance(value, np.ndarray) or any(map(_holds_arrays, inner))


@dataclass(frozen=True)
class Role:
    """What one parameter of the backward pass stands for, and which of its kind it is."""

    name: str
    kind: Kind
    key: Any = None
    by_name: bool = False


@dataclass(frozen=True)
class Plan:
    """How the result of a forward pass is read, and how its backward pass is called.

    Args:
        outputs: which items of the result are outputs.
        cache: which item is the cache, if one is.
        roles: what the backward pass is called with.
        together: the upstream gradients are handed over as one tuple.
        left_out: outputs whose upstream gradient the backward pass does not take.
    """

    outputs: tuple[int, ...]
    cache: int | None
    roles: tuple[Role, ...]
    together: bool = False
    left_out: tuple[int, ...] = ()

    @property
    def upstream(self) -> tuple[str, ...]:
        """The parameters of the backward pass that receive upstream gradients, in order."""
        return tuple(role.name for role in self.roles if role.kind == "upstream")

    def ways(self) -> tuple[Plan, ...]:
        """This plan; where all upstream gradients go into one parameter, also with that of the first alone."""
        if not self.together:
            return (self,)
        first, *others = self.outputs
        alone = replace(self, outputs=(first,), together=False, left_out=tuple(others))
        return self, alone

    def call(
        self,
        backward: Callable[..., Any],
        upstream: Sequence[Any],
        arguments: Mapping[str, Any],
        items: Sequence[Any],
    ) -> Any:
        """Call the backward pass with what each of its parameters stands for."""
        gradients = [tuple(upstream)] if self.together else list(upstream)
        args, keywords = [], {}
        for role in self.roles:
            value = self._value(role, gradients, arguments, items)
            if role.by_name:
                keywords[role.name] = value
            elif role.kind == "cache" and role.key == "spread":
                args += list(value)
            else:
                args.append(value)
        return backward(*args, **keywords)

    def _value(
        self,
        role: Role,
        upstream: Sequence[Any],
        arguments: Mapping[str, Any],
        items: Sequence[Any],
    ) -> Any:
        if role.kind == "upstream":
            return upstream[role.key]
        if role.kind == "cache":
            assert self.cache is not None
            return items[self.cache]
        return items[role.key] if role.kind == "item" else arguments[role.key]


def items_of(result: Any) -> tuple[Any, ...]:
    """What a forward pass returns, one by one."""
    return tuple(result) if isinstance(result, tuple) else (result,)


@dataclass(frozen=True)
class Facts:
    """What is known before a plan is made: parameters and inputs by name, the result and its names."""

    parameters: tuple[inspect.Parameter, ...]
    inputs: frozenset[str]
    items: tuple[Any, ...]
    names: Mapping[int, str]

    @property
    def places(self) -> list[inspect.Parameter]:
        """The parameters that must or may be filled, without *args and **kwargs."""
        return [p for p in self.parameters if p.kind not in SPREAD]


def plan(
    backward: Callable[..., Any],
    inputs: Sequence[str],
    result: Any,
    names: Mapping[Any, str],
    cache: int | str | None = None,
) -> Plan:
    """Decide what each parameter of a backward pass stands for.

    Args:
        backward: the backward pass, without `self`.
        inputs: the names that can be handed over from the forward pass, or were given.
        result: what the forward pass returned.
        names: what its return statement calls it, by path.
        cache: which item of the result is the cache, by position or name, where it is said.

    Raises:
        TypeError: if a required parameter stands for nothing that is known.
    """
    items = items_of(result)
    facts = Facts(
        tuple(parameters_of(backward)), frozenset(inputs), items, _item_names(names, len(items))
    )
    kinds = _by_name(facts)
    held = _cache_item(facts, kinds, cache)
    kinds = _by_order(facts, _cache_for_item(facts, kinds, held), held)
    taken = {role.key for role in kinds.values() if role.kind == "item"}
    free = [k for k in range(len(items)) if k != held and (k not in taken or len(items) == 1)]
    return _arranged(facts, kinds, tuple(k for k in free if _is_output(items[k])), held)


def _item_names(names: Mapping[Any, str], count: int) -> dict[int, str]:
    """What the return statement calls each item."""
    if count == 1:
        return {0: names.get((), names.get((0,), ""))}
    return {path[0]: name for path, name in names.items() if len(path) == 1}


def _by_name(facts: Facts) -> dict[str, Role]:
    """The parameters whose name tells what they are."""
    numbers = {name: k for k, name in facts.names.items() if name}
    told = {p.name: _told_by(p.name, numbers.get(p.name), facts) for p in facts.places}
    return {name: role for name, role in told.items() if role is not None}


def _told_by(name: str, number: int | None, facts: Facts) -> Role | None:
    """What a parameter of this name is; `number` is that of the item of the result that is called so."""
    if _is_kept(facts, number):
        return Role(name, "item", number)
    if name in facts.inputs:
        return Role(name, "input", name)
    if is_cache(name):
        return Role(name, "cache")
    if is_upstream(name):
        return Role(name, "upstream")
    return None if number is None else Role(name, "item", number)


def _is_kept(facts: Facts, number: int | None) -> bool:
    """Whether an item behind the first is kept for the way back: no upstream gradient is its own.

    `return y, x` hands x over to `backward(dy, x)`, also where x is an input by that name.
    """
    return bool(number) and not _has_its_own(facts, number)


def _has_its_own(facts: Facts, number: int | None) -> bool:
    """Whether a parameter of the backward pass is called as the upstream gradient of that item is.

    `backward(dz, z)` of `return y, z` has one for the first item alone, whatever it is called.
    """
    name = facts.names.get(number) if number is not None else None
    upstream = [p.name for p in facts.places if is_upstream(p.name)]
    return len(upstream) > (number or 0) and any(_belongs(taker, name) for taker in upstream)


def _cache_item(facts: Facts, kinds: dict[str, Role], said: int | str | None) -> int | None:
    """Which item of the result is the cache: as said, by its name, or the last that is no array."""
    if said is not None:
        return _said_cache(facts, said)
    count = len(facts.items)
    if count < 2:
        return None
    named = _called_cache(facts)
    if named:
        return named[-1]
    if "cache" in _kinds(kinds):
        return _cache_without_a_name(facts)
    if "item" in _kinds(kinds):
        return None
    return count - 1 if _last_is_cache(facts, kinds) else None


def _called_cache(facts: Facts) -> list[int]:
    """The items that the return statement calls a cache."""
    items = range(len(facts.items))
    return [k for k, name in facts.names.items() if name and is_cache(name) and k in items]


def _said_cache(facts: Facts, said: int | str) -> int:
    if not isinstance(said, str):
        return range(len(facts.items))[said]
    numbers = [k for k, name in facts.names.items() if name == said]
    if not numbers:
        raise TypeError(f"the forward pass returns nothing called {said!r}")
    return numbers[0]


def _kinds(kinds: dict[str, Role]) -> set[str]:
    return {role.kind for role in kinds.values()}


def _cache_without_a_name(facts: Facts) -> int:
    """The last item; the first where that holds no floats and the last is an array."""
    first_is = _is_output(facts.items[0]) or not isinstance(facts.items[-1], np.ndarray)
    return len(facts.items) - 1 if first_is else 0


def _last_is_cache(facts: Facts, kinds: dict[str, Role]) -> bool:
    """Whether the last item is no array, or there is a parameter for it beside the upstream gradients."""
    if not isinstance(facts.items[-1], (np.ndarray, float, np.floating)):
        return True
    if _has_its_own(facts, len(facts.items) - 1):
        return False
    upstream = sum(role.kind == "upstream" for role in kinds.values())
    return len(_open(facts, kinds)) + upstream >= len(facts.items)


def _open(facts: Facts, kinds: dict[str, Role]) -> list[inspect.Parameter]:
    """The parameters that must be given and stand for nothing yet."""
    return [p for p in facts.places if p.name not in kinds and p.default is p.empty]


def _cache_for_item(facts: Facts, kinds: dict[str, Role], held: int | None) -> dict[str, Role]:
    """The parameter that is called as the cache is in the forward pass's return statement is the cache."""
    if held is None:
        return kinds
    return {
        name: Role(name, "cache") if role.kind == "item" and role.key == held else role
        for name, role in kinds.items()
    }


def _by_order(facts: Facts, kinds: dict[str, Role], held: int | None) -> dict[str, Role]:
    """What is left: upstream gradients first, then the cache; nothing for what has a default."""
    found = dict(kinds)
    left = _open(facts, found)
    if _lacks_its_cache(found, left, held):
        last = left.pop()
        found[last.name] = Role(last.name, "cache")
    for parameter in left[: _room(facts, found, held)]:
        found[parameter.name] = Role(parameter.name, "upstream")
    if "upstream" not in _kinds(found):
        found |= _renamed_upstream(facts)
    # A parameter called cache without one to hand over: what the object itself keeps, say.
    return {name: r for name, r in found.items() if r.kind != "cache" or held is not None}


def _lacks_its_cache(
    kinds: dict[str, Role], left: list[inspect.Parameter], held: int | None
) -> bool:
    """Whether there is a cache, no parameter for it, and one left beside an upstream gradient."""
    if held is None or "cache" in _kinds(kinds):
        return False
    return len(left) > 1 or (len(left) == 1 and "upstream" in _kinds(kinds))


def _room(facts: Facts, kinds: dict[str, Role], held: int | None) -> int:
    """How many more upstream gradients there can be: one for each array that is an output."""
    outputs = [item for k, item in enumerate(facts.items) if k != held]
    arrays = len(Tree.of(outputs).leaves)
    return max(0, arrays - sum(role.kind == "upstream" for role in kinds.values()))


def _renamed_upstream(facts: Facts) -> dict[str, Role]:
    """The first parameter is the upstream gradient, whatever its name, unless the output is a number."""
    places = facts.places
    if not places or np.ndim(_first_array(facts.items)) == 0:
        return {}
    return {places[0].name: Role(places[0].name, "upstream")}


def _first_array(items: Sequence[Any]) -> Any:
    return next((item for item in items if isinstance(item, np.ndarray)), 0.0)


def _is_output(item: Any) -> bool:
    return any(leaf.value.dtype.kind in "fc" for leaf in Tree.of(item).leaves)


def _arranged(
    facts: Facts, kinds: dict[str, Role], outputs: tuple[int, ...], held: int | None
) -> Plan:
    """Which output each upstream gradient belongs to: by name, or in order."""
    left = _open(facts, kinds)
    if left:
        raise TypeError(_unknown(left[0].name, facts))
    filled = [p for p in facts.places if p.name in kinds]
    takers = [p.name for p in filled if kinds[p.name].kind == "upstream"]
    chosen, together = _chosen(facts, takers, outputs)
    numbers = {name: k for k, name in enumerate(takers)}
    roles = [
        replace(
            kinds[p.name],
            key=numbers.get(p.name, kinds[p.name].key),
            by_name=_needs_its_name(p, facts, kinds),
        )
        for p in filled
    ]
    spread = _spread_cache(facts, kinds, held)
    left_out = tuple(k for k in outputs if k not in chosen)
    return Plan(chosen, held, (*roles, *spread), together, left_out)


def _needs_its_name(p: inspect.Parameter, facts: Facts, kinds: dict[str, Role]) -> bool:
    """Whether it is keyword-only, or stands behind one that keeps its default."""
    before = facts.places[: facts.places.index(p)]
    return p.kind is p.KEYWORD_ONLY or any(q.name not in kinds for q in before)


def _spread_cache(facts: Facts, kinds: dict[str, Role], held: int | None) -> list[Role]:
    """A backward pass that takes *cache."""
    if held is None or any(role.kind == "cache" for role in kinds.values()):
        return []
    stars = [p.name for p in facts.parameters if p.kind is p.VAR_POSITIONAL]
    return [Role(name, "cache", "spread") for name in stars[:1]]


def _chosen(
    facts: Facts, takers: Sequence[str], outputs: tuple[int, ...]
) -> tuple[tuple[int, ...], bool]:
    """The outputs in the order of the upstream parameters, and whether one takes all of them."""
    if not takers or len(outputs) < 2:
        return outputs, False
    mine = [k for taker in takers for k in outputs if _belongs(taker, facts.names.get(k))]
    if len(set(mine)) == len(mine) == len(takers):
        return tuple(mine), False
    if len(takers) == 1:
        return outputs, True
    return outputs[: len(takers)], False


def _belongs(taker: str, name: str | None) -> bool:
    if not name:
        return False
    return is_of(taker, name) or is_of(taker.lower(), name.lower())


def _unknown(name: str, facts: Facts) -> str:
    known = ", ".join(sorted(facts.inputs)) or "none"
    return (
        f"the backward pass takes {name!r}, which is no upstream gradient, no cache and no input "
        f"({known}): give it by name, {name}=…"
    )


def outputs_of(chosen: Plan, result: Any) -> tuple[Any, ...]:
    """The outputs among what a forward pass returned, in the order of the upstream gradients."""
    items = items_of(result)
    if len(items) <= max(chosen.outputs, default=-1):
        raise Misuse(f"the forward pass returned {len(items)} values, before it was more")
    return tuple(at(items, (k,)) for k in chosen.outputs)
