"""What each parameter of a backward pass stands for: decided by names, then by the order.

    def lstm_step_backward(dnext_h, dnext_c, cache)     upstream, upstream, cache
    def pool_backward(dA, cache, mode="max")            upstream, cache, an input of the forward pass
    def linear_backward(cache, dout)                    cache, upstream
    def mul_backward(dout, x, y)                        upstream, two inputs

Names decide where they tell; after that the order does, upstream gradients first and the cache last.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.forms.arguments import SPREAD
from gradcheck.forms.calling import Plan, Role, items_of
from gradcheck.forms.names import is_cache, is_of, is_upstream, parameters_of
from gradcheck.forms.trees import Tree


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
    count = len(facts.items)
    if not isinstance(said, str) and not -count <= said < count:
        raise TypeError(f"cache={said!r}, but the forward pass returns {count} values")
    if not isinstance(said, str):
        return said % count
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
