"""How a forward pass's result is read and its backward pass called, once each parameter has its role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gradcheck.layer import Function, Misuse
from gradcheck.trees import Path, at, is_float

Kind = Literal["upstream", "cache", "spread", "input", "shape", "item", "part"]


@dataclass(frozen=True)
class Role:
    """What one parameter of the backward pass stands for, and which of its kind it is.

    A cache is an item of what the forward pass returns; one that is spread fills *cache. A part is of an item
    that is a tuple, and a shape is an input's.
    """

    name: str
    kind: Kind
    key: Any = None
    by_name: bool = False

    @property
    def way(self) -> Path:
        """The way to it among those of its kind, or to a part of an item."""
        return self.key if self.kind == "part" else (self.key,)


@dataclass(frozen=True)
class Plan:
    """How the result of a forward pass is read, and what its backward pass is called with.

    `outputs` are the items of the result that are outputs, `left_out` those whose upstream gradient the
    backward pass does not take; `together` says that all upstream gradients are one tuple.
    """

    outputs: tuple[int, ...]
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
        backward: Function,
        upstream: Sequence[Any],
        arguments: Mapping[str, Any],
        items: Sequence[Any],
    ) -> Any:
        """Call the backward pass with what each of its parameters stands for."""
        given: dict[str, Any] = {
            "upstream": self._handed(upstream),
            "input": arguments,
            "shape": _shapes(arguments),
        }
        args: list[Any] = []
        keywords = {}
        for role in self.roles:
            value = at(given.get(role.kind, items), role.way)
            if role.by_name:
                keywords[role.name] = value
            else:
                args += value if role.kind == "spread" else [value]
        return backward(*args, **keywords)

    def _handed(self, upstream: Sequence[Any]) -> list[Any]:
        """The upstream gradients as they are taken; those of an output that is a tuple may be taken one by one."""
        if self.together:
            return [tuple(upstream)]
        (first, *others), takers = upstream or [None], len(self.upstream)
        apart = isinstance(first, (tuple, list)) and not others and len(first) == takers > 1
        return list(first if apart else upstream)


def _shapes(arguments: Mapping[str, Any]) -> dict[str | None, tuple[int, ...]]:
    """The shape of each argument by its name, and under none that of the first array."""
    shapes: dict[str | None, tuple[int, ...]] = {
        n: getattr(v, "shape", ()) for n, v in arguments.items()
    }
    return shapes | {None: next(filter(None, shapes.values()), ())}


def items_of(result: Any) -> tuple[Any, ...]:
    """What a forward pass returns, one by one: a tuple, or a loss with its gradients in a list, [J, grad]."""
    apart = isinstance(result, tuple) or _holds_a_number_beside_others(result)
    return tuple(result) if apart else (result,)


def _holds_a_number_beside_others(result: Any) -> bool:
    return isinstance(result, list) and len(set(map(is_float, result))) > 1


def outputs_of(chosen: Plan, result: Any) -> tuple[Any, ...]:
    """The outputs among what a forward pass returned, in the order of the upstream gradients."""
    items = items_of(result)
    if len(items) <= max(chosen.outputs, default=-1):
        raise Misuse(f"the forward pass returned {len(items)} values, before it was more")
    return tuple(at(items, (k,)) for k in chosen.outputs)
