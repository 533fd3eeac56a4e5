"""What each parameter of a backward pass stands for: decided by names, then by the order.

    def lstm_step_backward(dnext_h, dnext_c, cache)     upstream, upstream, cache
    def pool_backward(dA, cache, mode="max")            upstream, cache, an input of the forward pass
    def linear_backward(cache, dout)                    cache, upstream
    def mul_backward(dout, x, y)                        upstream, two inputs

Names decide where they tell; after that the order does, upstream gradients first and the cache last.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, filterfalse, product, repeat
from typing import Any

import numpy as np

from gradcheck.binding import parameters_of
from gradcheck.forms.arguments import SPREAD
from gradcheck.forms.calling import Kind, Plan, Role, items_of
from gradcheck.forms.names import (
    THE_INPUT,
    flows_into,
    is_cache,
    is_target,
    is_upstream,
    likeness_to_a_target,
    unread,
)
from gradcheck.layer import Function
from gradcheck.meant import first_that_fits
from gradcheck.trees import Path, Tree, is_array_or_float, only


@dataclass(frozen=True)
class Facts:
    """What is known before a plan is made: parameters and inputs by name, the result and its names.

    Of an item that is a tuple, `return y, (x_hat, var)`, `inner` are the ways to what is in it, by name.
    """

    parameters: Sequence[inspect.Parameter]
    inputs: frozenset[str]
    items: tuple[Any, ...]
    names: Mapping[int, str]
    inner: Mapping[str, Path]

    @cached_property
    def places(self) -> list[inspect.Parameter]:
        """The parameters that must or may be filled, without *args and **kwargs."""
        return [p for p in self.parameters if p.kind not in SPREAD]

    @property
    def stars(self) -> list[str]:
        """The parameter that takes any number of values, *cache."""
        return [p.name for p in self.parameters if p.kind is p.VAR_POSITIONAL]

    @cached_property
    def upstream(self) -> list[str]:
        """The parameters that are called as those are that receive upstream gradients."""
        return list(filter(is_upstream, (p.name for p in self.places)))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each item of the result that has a name."""
        return {name: k for k, name in self.names.items() if name}

    def has_its_own(self, number: int) -> bool:
        """Whether a parameter of the backward pass is called as the upstream gradient of that item is.

        `backward(dz, z)` of `return y, z` has one for the first item alone, whatever it is called.
        """
        name = self.names.get(number, "")
        return len(self.upstream) > number and any(
            flows_into(taker, name) for taker in self.upstream
        )

    def is_output(self, number: int) -> bool:
        """Whether there are floats in an item."""
        return any(leaf.value.dtype.kind in "fc" for leaf in Tree.of(self.items[number]).leaves)


class Roles(dict[str, Role]):
    """What the parameters of a backward pass stand for, as far as it is known, by name."""

    @staticmethod
    def told_by_names(facts: Facts) -> Roles:
        """What their names alone tell."""
        told = ((p.name, _told_by(p.name, facts)) for p in facts.places)
        return Roles({name: role for name, role in told if role is not None})

    def of(self, kind: Kind) -> list[Role]:
        """Those of one kind."""
        return [role for role in self.values() if role.kind == kind]

    def handed(self) -> set[int]:
        """The items that are handed over, whole or a part of them."""
        return {role.key for role in self.of("item")} | {role.key[0] for role in self.of("part")}

    def open(self, facts: Facts) -> list[inspect.Parameter]:
        """The parameters that must be given and stand for nothing yet."""
        return [p for p in facts.places if p.name not in self and p.default is p.empty]

    def take(self, name: str, kind: Kind) -> None:
        """Give a parameter its role."""
        self[name] = Role(name, kind)

    def drop(self, kind: Kind) -> None:
        """Take their roles from the parameters of a kind."""
        for role in self.of(kind):
            del self[role.name]


def plan(
    backward: Function,
    inputs: Sequence[str],
    result: Any,
    names: Mapping[Any, str],
    cache: int | str | None = None,
) -> Plan:
    """Decide what each parameter of a backward pass stands for.

    `inputs` are the names that can be handed over, `names` what the forward pass's return statement calls
    its `result`, by path; `cache` says which item is the cache, by position or name.

    Raises:
        TypeError: if a required parameter stands for nothing that is known.
    """
    items = items_of(result)
    called = _item_names(names, len(items))
    # A loss comes last, where the upstream gradient is one: dout=1 that nobody looks at is none.
    ignored = unread(backward) if not np.ndim(_first_array(items)) else []
    parameters = [p for p in parameters_of(backward) or () if p.name not in ignored]
    inner = {name: path for path, name in names.items() if len(path) == 2}
    facts = Facts(parameters, frozenset(inputs), items, called, inner)
    roles = Roles.told_by_names(facts)
    held = _said_cache(facts, cache) if cache is not None else _cache_item(facts, roles)
    _fill(facts, roles, held)
    left = roles.open(facts)
    if left:
        raise TypeError(_unknown(left[0].name, facts))
    return _arranged(facts, roles, _outputs(facts, roles, held), held)


def plans(
    backward: Function,
    inputs: Sequence[str],
    result: Any,
    names: Mapping[Any, str],
    cache: int | str | None = None,
) -> Iterator[Plan]:
    """What the parameters may stand for, the likeliest first; the arguments are those of `plan`.

    Of `return y, (c, W)` the way back `backward(dy, c)` may take the whole, though a part of it is called so too.
    """
    yield from plan(backward, inputs, result, names, cache).ways()
    whole = dict(filter(_is_an_item, names.items()))
    with suppress(TypeError):
        yield from plan(backward, inputs, result, whole, cache).ways()


def _is_an_item(named: tuple[Path, str]) -> bool:
    return len(named[0]) < 2


def _outputs(facts: Facts, roles: Roles, held: int | None) -> tuple[int, ...]:
    """The items of floats that are neither the cache nor handed over as they are.

    Where all of them are handed over, `backward(dout, y, cache)`, there is an upstream gradient for one.
    """
    floats = tuple(k for k in range(len(facts.items)) if k != held and facts.is_output(k))
    outputs = tuple(filterfalse(roles.handed().__contains__, floats))
    goes_back = roles.of("upstream") or facts.items[1:] == ()
    outputs = outputs or (floats if goes_back else ())
    if not outputs:
        raise TypeError(NO_OUTPUT)
    return outputs


NO_LOSS = (
    "the backward pass takes {0!r}, which looks like a target: what it goes back from, a loss, is nowhere; write "
    "it as a method beside them, loss(prediction, {0}), or as a function that returns the loss and these gradients"
)
NO_OUTPUT = (
    "the backward pass is handed everything that the forward pass returns, and takes no upstream gradient: "
    "what it goes back from, a loss, is in neither; write one function that returns the loss and these gradients"
)


def _item_names(names: Mapping[Any, str], count: int) -> dict[int, str]:
    """What the return statement calls each item."""
    if count == 1:
        return {0: names.get((), names.get((0,), ""))}
    return {path[0]: name for path, name in names.items() if len(path) == 1}


def _told_by(name: str, facts: Facts) -> Role | None:
    """What a parameter is by its name alone.

    `return y, x` hands x over to `backward(dy, x)`, also where x is an input by that name.
    """
    number = facts.numbers.get(name)
    kept = bool(number) and not facts.has_its_own(number or 0)
    return first_that_fits(
        (kept, Role(name, "item", number)),
        (name in facts.inputs, Role(name, "input", name)),
        (is_cache(name), Role(name, "cache")),
        (is_upstream(name), Role(name, "upstream")),
        (number is not None, Role(name, "item", number)),
        (name in facts.inner, Role(name, "part", facts.inner.get(name))),
    )


def _said_cache(facts: Facts, said: int | str) -> int:
    """Which item is the cache, by what was said: its position or its name."""
    count = len(facts.items)
    if isinstance(said, str):
        if said not in facts.numbers:
            raise TypeError(f"the forward pass returns nothing called {said!r}")
        return facts.numbers[said]
    if not -count <= said < count:
        raise TypeError(f"cache={said!r}, but the forward pass returns {count} values")
    return said % count


def _cache_item(facts: Facts, roles: Roles) -> int | None:
    """Which item of the result is the cache: by its name, or the last that is no array.

    What an upstream gradient is called after is none: of `backward(dcontext)` the context of an attention.
    """
    last = len(facts.items) - 1
    left = set(filterfalse(facts.has_its_own, range(last + 1)))
    named = left.intersection(k for name, k in facts.numbers.items() if is_cache(name))
    return first_that_fits(
        (last == 0, None),
        (named, max(named, default=None)),
        (roles.of("cache"), _cache_without_a_name(facts)),
        (not (roles.of("item") or roles.of("part")) and _last_is_cache(facts, roles), last),
    )


def _cache_without_a_name(facts: Facts) -> int:
    """The last item; the first where that holds no floats and the last is an array."""
    first = not facts.is_output(0) and isinstance(facts.items[-1], np.ndarray)
    return 0 if first else len(facts.items) - 1


def _last_is_cache(facts: Facts, roles: Roles) -> bool:
    """Whether the last item is no array, or there is a parameter for it beside the upstream gradients."""
    if not is_array_or_float(facts.items[-1]):
        return True
    room = len(roles.open(facts)) + len(roles.of("upstream"))
    return room >= len(facts.items) and not facts.has_its_own(len(facts.items) - 1)


def _fill(facts: Facts, roles: Roles, held: int | None) -> None:
    """Give the parameters that are left their roles: upstream gradients first, then the cache."""
    if held is not None:
        _take_the_cache(facts, roles, held)
    for parameter in roles.open(facts)[: _room(facts, roles, held)]:
        _must_be_no_target(parameter.name, handed=bool(roles.of("input")))
        roles.take(parameter.name, "upstream")
    if not roles.of("upstream"):
        _take_the_first(facts, roles)
    if held is None:
        # A parameter called cache without one to hand over: what the object itself keeps, say.
        roles.drop("cache")
    for parameter in roles.open(facts):
        _take_what_its_name_holds(parameter.name, facts, roles)


def _must_be_no_target(name: str, *, handed: bool) -> None:
    """Raise TypeError for a target in the place of an upstream gradient: y is one only where x is handed over."""
    if likeness_to_a_target(name) + handed > 1:
        raise TypeError(NO_LOSS.format(name))


def _take_the_first(facts: Facts, roles: Roles) -> None:
    """The first parameter is the upstream gradient, whatever its name.

    Not where the output is a number, or several outputs are handed over by their names.
    """
    handed = len(roles.of("item")) > 1
    for first in facts.places[:1] if np.ndim(_first_array(facts.items)) and not handed else ():
        roles.take(first.name, "upstream")


def _take_what_its_name_holds(name: str, facts: Facts, roles: Roles) -> None:
    """`cache_x` is the input x, `x_shape` its shape, `inputs` all there is; `relu_output` what is returned."""
    words = name.lower().split("_")
    known = only([one for one in facts.inputs.difference(roles) if one.lower() in words])
    lone = only(sorted(facts.inputs)) if THE_INPUT.intersection(words) else None
    value = len(facts.items) == 1 and any(word.startswith("out") for word in words)
    role = first_that_fits(
        ("shape" in words, Role(name, "shape", known)),
        (known is not None, Role(name, "input", known)),
        (value, Role(name, "item", 0)),
        (lone is not None, Role(name, "input", lone)),
    )
    if role is not None:
        roles[name] = role


def _take_the_cache(facts: Facts, roles: Roles, held: int) -> None:
    """The cache is what is called as that item is, or else the last that is left beside an upstream gradient."""
    for role in roles.of("item"):
        if role.key == held:
            roles.take(role.name, "cache")
    if not roles.of("cache"):
        _take_the_last(facts, roles)


def _take_the_last(facts: Facts, roles: Roles) -> None:
    """The last parameter that is left is the cache, unless it alone may be an upstream gradient."""
    left = roles.open(facts)
    if left and len(left) + bool(roles.of("upstream")) > 1:
        roles.take(left[-1].name, "cache")


def _room(facts: Facts, roles: Roles, held: int | None) -> int:
    """How many more upstream gradients there can be: one for each array that is an output."""
    outputs = [item for k, item in enumerate(facts.items) if k != held]
    return max(0, len(Tree.of(outputs).leaves) - len(roles.of("upstream")))


def _first_array(items: Sequence[Any]) -> Any:
    return next((item for item in items if isinstance(item, np.ndarray)), 0.0)


def _arranged(facts: Facts, roles: Roles, outputs: tuple[int, ...], held: int | None) -> Plan:
    """Which output each upstream gradient belongs to: by name, or in order."""
    upstream = count()
    places = [
        _in_place(p, facts, roles, {"upstream": upstream, "cache": repeat(held)})
        for p in facts.places
        if p.name in roles
    ]
    takers = [role.name for role in places if role.kind == "upstream"]
    chosen, together = _chosen(facts, takers, outputs)
    left_out = tuple(sorted(set(outputs) - set(chosen)))
    return Plan(chosen, (*places, *_spread(facts, roles, held)), together, left_out)


def _in_place(
    p: inspect.Parameter, facts: Facts, roles: Roles, keys: Mapping[str, Iterator[Any]]
) -> Role:
    """The role of a parameter: the next upstream gradient, or the cache; by name where its place will not do.

    So it is for what is keyword-only, or stands behind one that keeps its default.
    """
    role, before = roles[p.name], facts.places[: facts.places.index(p)]
    by_name = p.kind is p.KEYWORD_ONLY or any(q.name not in roles for q in before)
    return replace(role, key=next(keys.get(role.kind, repeat(role.key))), by_name=by_name)


def _spread(facts: Facts, roles: Roles, held: int | None) -> list[Role]:
    """The cache of a backward pass that takes *cache."""
    if held is None or roles.of("cache"):
        return []
    return [Role(name, "spread", held) for name in facts.stars[:1]]


def _chosen(
    facts: Facts, takers: Sequence[str], outputs: tuple[int, ...]
) -> tuple[tuple[int, ...], bool]:
    """The outputs in the order of the upstream parameters, and whether one takes all of them."""
    if not takers or len(outputs) < 2:
        return outputs, False
    mine = _by_their_names(facts, takers, outputs)
    if len(set(mine)) == len(mine) == len(takers):
        return mine, False
    return (outputs, True) if len(takers) == 1 else (outputs[: len(takers)], False)


def _by_their_names(
    facts: Facts, takers: Sequence[str], outputs: tuple[int, ...]
) -> tuple[int, ...]:
    """The outputs whose gradients the upstream parameters are called as, in their order."""
    pairs = product(takers, outputs)
    return tuple(k for taker, k in pairs if flows_into(taker, facts.names.get(k, "")))


def _unknown(name: str, facts: Facts) -> str:
    if is_target(name):
        return NO_LOSS.format(name)
    known = ", ".join(sorted(facts.inputs)) or "none"
    return (
        f"the backward pass takes {name!r}, which is no upstream gradient, no cache and no input "
        f"({known}): give it by name, {name}=…"
    )
