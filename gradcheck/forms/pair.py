"""A pair of functions that hand a cache from one to the other, as courses write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gradcheck.forms.arguments import Arguments
from gradcheck.forms.calling import Plan, items_of, outputs_of
from gradcheck.forms.dice import Dice
from gradcheck.forms.gradients import Matching, match, picked
from gradcheck.forms.names import are_turned_round, parameters_of, returned_names, words
from gradcheck.forms.planning import plan
from gradcheck.forms.saying import said_of
from gradcheck.forms.told import Inputs, Outputs, by_name, checked, choose, paths_of, reaches, times
from gradcheck.forms.trees import Leaf
from gradcheck.layer import Adapted, Backward, Layer, name_of
from gradcheck.meant import must_be_functions
from gradcheck.result import Array, Finding, Report


def check_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *inputs: Any,
    cache: int | str | None = None,
    gradients: str | Sequence[str] | None = None,
    seed: int | None = None,
    **named: Any,
) -> Report:
    """Check a pair of functions, a forward pass and the backward pass that goes with it.

        check_pair(conv_forward, conv_backward, x, w, b, {"stride": 1, "pad": 1})

    Inputs, outputs and gradients may be trees, dicts, lists and tuples of arrays; what holds no floats
    is a constant, copied afresh for each call. What each parameter of the backward pass stands for is
    read off its name: an upstream gradient for each output, the cache, inputs of the forward pass.

    Args:
        forward: `forward(*inputs)` returns `(out, cache)`, or several outputs and a cache, or none.
        backward: `backward(dout, cache)` returns the gradients in the order of the inputs, or a dict
            of them by name (`dW` or `W` for `W`).
        *inputs: arrays, trees of arrays, and constants.
        cache: which item of the forward pass's result is the cache, by position or name; seen by default.
        gradients: the inputs' names in the order in which their gradients are returned, "W b x";
            the order of the inputs by default.
        seed: puts NumPy's global random state back to the same before each forward pass; also as for
            `check`.
        **named: inputs by name, what the backward pass alone takes, and options as for `check`.

    Raises:
        TypeError: for inputs that do not fit, or a parameter of the backward pass that is unknown.
    """
    must_be_functions("check_pair(forward, backward, x)", forward=forward, backward=backward)
    if are_turned_round(forward, backward):
        first, second = name_of(forward), name_of(backward)
        raise TypeError(
            f"{first} looks like the backward pass, and {second} like the forward pass: the forward "
            f"pass comes first, check_pair({second}, {first}, x)"
        )
    adapt = partial(adapt_pair, forward, backward, inputs, cache=cache, order=gradients)
    return checked(adapt, named, seed)


def adapt_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    *,
    cache: int | str | None = None,
    order: str | Sequence[str] | None = None,
    seed: int | None = None,
    wrt: Any = None,
) -> Pair:
    """Understand a pair of functions; the arguments are those of `check_pair`."""
    beyond = [p.name for p in parameters_of(backward)]
    arguments = Arguments.of(forward, inputs, named, beyond)
    return Pair.rehearsed(
        forward, backward, arguments, Dice(seed), cache, words(order) or None, wrt
    )


@dataclass(frozen=True)
class Pair:
    """A pair of functions, understood: how each is called, and where its gradients are."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    arguments: Arguments
    dice: Dice
    plan: Plan
    outputs: Outputs
    inputs: Inputs
    matching: Matching
    remarks: tuple[Finding, ...] = ()

    @staticmethod
    def rehearsed(
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        arguments: Arguments,
        dice: Dice,
        cache: int | str | None,
        order: Sequence[str] | None,
        wanted: Any,
    ) -> Pair:
        """Run both once, and see what they take and return."""
        leaves = arguments.tree.leaves
        all_of_them = Inputs(leaves, leaves)
        given = arguments.filled(all_of_them.spread(all_of_them.values))
        dice.throw()
        result = forward(*given.args, **given.kwargs)
        if result is None:
            raise TypeError(f"{name_of(forward)} returned None: is its `return` forgotten?")
        drawn = dice.remarks(dice.state())
        known = [*given.arguments, *arguments.defaults, *arguments.beyond]
        names = returned_names(forward)
        chosen = plan(backward, known, result, names, cache)
        nothing = Matching({}, fits=False)
        ways = [
            Pair(forward, backward, arguments, dice, way, outputs, all_of_them, nothing)
            for way in chosen.ways()
            for outputs in [Outputs.of(outputs_of(way, result))]
        ]
        first, returned = _tried(ways)
        returned, beside = _without_defaults(returned, given.arguments, arguments.defaults)
        matching = match(returned, leaves, returned_names(backward), tuple(given.arguments), order)
        inputs, remarks = choose(
            leaves, matching, wanted, first._reaches, isinstance(returned, dict)
        )
        remarks = [*drawn, *beside, *first._outputs_left_out(names), *by_name(matching), *remarks]
        return replace(first, inputs=inputs, matching=matching, remarks=tuple(remarks))

    def asked(self, wrt: Any) -> Any:
        """The option `wrt`, with what lacks a gradient that its neighbours have."""
        return self.inputs.asked(self.matching.paths, wrt)

    def _reaches(self, leaf: Leaf) -> bool:
        """Whether moving an input moves the outputs, as far as is known."""
        return reaches(self._value, self.inputs.leaves, leaf) is not False

    def _value(self, arrays: Sequence[Array]) -> Array:
        return self._run(self.forward, self.backward, arrays)[0]

    def _outputs_left_out(self, names: Any) -> list[Finding]:
        called = [names.get((k,), f"output {k}") for k in self.plan.left_out]
        return said_of(
            called,
            "The backward pass takes no upstream gradient for {}: what flows back from there was not "
            "checked.",
            left_out=called,
        )

    def _run(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        arrays: Sequence[Array],
    ) -> tuple[Array, Callable[[list[Any]], Any]]:
        """One forward pass, and the way back as the user wrote it."""
        given = self.arguments.filled(self.inputs.spread(arrays))
        self.dice.throw()
        result = forward(*given.args, **given.kwargs)
        state = self.dice.state()
        known = {**self.arguments.defaults, **self.arguments.beyond, **given.arguments}

        def back(upstream: list[Any]) -> Any:
            self.dice.put(state)
            return self.plan.call(backward, upstream, known, items_of(result))

        return self.outputs.packed(outputs_of(self.plan, result)), back

    def assembled(self, forward: Callable[..., Any], backward: Callable[..., Any] | None) -> Layer:
        """The layer of a pair: its way back is `backward` with the cache of this forward pass."""
        assert backward is not None

        def layer(*arrays: Array) -> tuple[Any, Backward]:
            value, back = self._run(forward, backward, arrays)
            return value, lambda dy: self._listed(back(self.outputs.upstream(dy)), dy)

        return layer

    def _listed(self, returned: Any, dy: Array) -> Any:
        """The gradients as a list, one for each input; as they are, where they are too few or many."""
        if not self.matching.fits:
            return returned
        found = [picked(returned, self.matching.of(leaf)) for leaf in self.inputs.chosen]
        return found if self.plan.upstream else [times(dy, gradient) for gradient in found]

    def adapted(self) -> Adapted:
        """The pair as a layer whose lines can be read."""
        return Adapted(
            name_of(self.forward),
            self.inputs.names,
            self.forward,
            self.backward,
            self.assembled,
            upstream=self.plan.upstream,
            gradients=paths_of(self.matching, self.inputs.chosen) if self.matching.fits else None,
        )


def _tried(ways: Sequence[Pair]) -> tuple[Pair, Any]:
    """The first way to call the backward pass that does not raise, and what it returns."""
    for pair in ways:
        try:
            _, back = pair._run(pair.forward, pair.backward, pair.inputs.values)
            return pair, back(pair.outputs.drawn(0))
        except Exception:
            # That it raises is for the check itself to find.
            continue
    return ways[0], None


def _without_defaults(
    returned: Any, given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[Any, list[Finding]]:
    """The gradients without those of inputs behind the given ones, left at defaults that are floats."""
    counted = isinstance(returned, (tuple, list)) and len(returned) == len(given) + len(defaults)
    if not (counted and all(isinstance(value, float) for value in defaults.values())):
        return returned, []
    return returned[: len(given)], said_of(
        list(defaults),
        "Gradients for {} are returned too, left at the default: hand them over to have them checked.",
        left_out=list(defaults),
    )
