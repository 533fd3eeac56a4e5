"""Several outputs as one array: each entry of each is judged, and each has its own upstream gradient."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from inspect import Parameter
from typing import Any, ParamSpec, cast

from gradcheck.binding import input_names, parameters_of
from gradcheck.layer import (
    Adapted,
    Backward,
    Function,
    Layer,
    SeveralOutputs,
    name_of,
    random_upstream,
)
from gradcheck.meant import OPTIONS
from gradcheck.result import Array, Report
from gradcheck.trees import Leaf, Packing, Tree

P = ParamSpec("P")


@dataclass(frozen=True)
class Outputs:
    """The outputs of a forward pass as one array, and an upstream gradient for each of them.

    `tree` is the tuple of outputs, as it was on the first run.
    """

    tree: Tree
    packing: Packing

    @staticmethod
    def of(outputs: tuple[Any, ...]) -> Outputs:
        """What these outputs are made of."""
        tree = Tree.of(outputs)
        return Outputs(tree, Packing.of(_moving(tree)))

    def packed(self, outputs: tuple[Any, ...]) -> Array:
        """Every float in the outputs, as one array."""
        return self.packing.as_precise_as_all(_moving(Tree.of(outputs)))

    def upstream(self, dy: Array) -> list[Any]:
        """For each output its upstream gradient, structured as the output is."""
        parts = iter(self.packing.unpacked(dy))
        values = [next(parts) if _moves(leaf) else None for leaf in self.tree.leaves]
        return list(self.tree.filled(values))

    def random(self, seed: int) -> Array:
        """A random upstream gradient for all of them."""
        return random_upstream(self.packing.as_precise_as_all(_moving(self.tree)), seed)

    def drawn(self, seed: int) -> list[Any]:
        """A random upstream gradient for each output."""
        return self.upstream(self.random(seed))


def _moves(leaf: Leaf) -> bool:
    return leaf.value.dtype.kind in "fc"


def _moving(tree: Tree) -> list[Array]:
    """The outputs that an input can move."""
    return [leaf.value for leaf in tree.leaves if _moves(leaf)]


def gathering(check: Callable[P, Report]) -> Callable[P, Report]:
    """A way to check that takes a layer with several outputs, a tuple or a dict of them, too.

    Its backward pass receives their upstream gradients as the outputs were returned, `backward((dy1, dy2))`,
    or one by one, if it takes as many.
    """

    @wraps(check)
    def gathers(*args: P.args, **options: P.kwargs) -> Report:
        __tracebackhide__ = True
        try:
            return check(*args, **options)
        except SeveralOutputs as several:
            layer = cast("Layer", args[0])
            given = _given(input_names(layer, len(args) - 1), len(args) - 1, options)
            return check(gathered(layer, given, several), *args[1:], **options)  # type: ignore[arg-type]

    return gathers


def _given(names: Sequence[str], by_place: int, options: Collection[str]) -> tuple[str, ...]:
    """The inputs that are given, by position or by name; the others are left at their defaults."""
    by_name = set(options).difference(OPTIONS)
    return (*names[:by_place], *(name for name in names[by_place:] if name in by_name))


def _takers(backward: Function) -> tuple[tuple[str, ...], bool]:
    """The parameters of a way back that upstream gradients are for, and whether it takes any number of them.

    A number is the default of an option; None is that of an output that nothing comes back from.
    """
    parameters = parameters_of(backward) or []
    by_place = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    taken = [
        p.name
        for p in parameters
        if p.kind in by_place and (p.default is p.empty or p.default is None)
    ]
    return tuple(taken), any(p.kind is p.VAR_POSITIONAL for p in parameters)


def gathered(layer: Layer, names: tuple[str, ...], several: SeveralOutputs) -> Adapted:
    """A layer with several outputs as one with a single output, which holds them all.

    Raises:
        SeveralOutputs: if nothing in them can be moved, or they have no way back.
    """
    outputs, backward = Outputs.of((several.returned,)), several.backward
    if backward is None or not outputs.packing.shapes:
        raise several
    taken, any_more = _takers(backward)
    count = len(several.returned)
    one_by_one = count > 1 and (any_more or len(taken) == count)

    def assemble(forward: Function, _: Function | None) -> Layer:
        def layer(*inputs: Array) -> tuple[Array, Backward]:
            returned, back = forward(*inputs)
            return outputs.packed((returned,)), partial(go_back, back)

        return layer

    def go_back(back: Function, dy: Array) -> Any:
        (upstream,) = outputs.upstream(dy)
        return back(*upstream) if one_by_one else back(upstream)

    upstream = taken if one_by_one and not any_more else None
    return Adapted(name_of(layer), names, layer, backward, assemble, upstream, inside=True)
