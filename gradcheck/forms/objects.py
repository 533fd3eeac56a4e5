"""An object with a forward and a backward pass as a layer: a fresh copy runs, its gradients are collected."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import BoundArguments
from itertools import repeat
from numbers import Integral
from typing import Any

import numpy as np

from gradcheck.forms.arguments import Arguments, parted, written_down
from gradcheck.forms.calling import Plan, items_of, outputs_of
from gradcheck.forms.dice import Dice, Stop, kept_randomness
from gradcheck.forms.methods import Methods
from gradcheck.forms.scored import Score
from gradcheck.forms.state import SELF, Globals, Owner, put, reach
from gradcheck.forms.told import Inputs, times, told
from gradcheck.layer import Adapted, Backward, Function, Layer
from gradcheck.meant import OPTIONS, must_be
from gradcheck.outputs import Outputs
from gradcheck.result import Array, Finding, Report
from gradcheck.trees import Path, at, copied, spelled


@dataclass(frozen=True)
class Source:
    """Where the gradient of an input is.

    `kind` says whether it is in what the backward pass returns, in the object itself afterwards, or
    read off the step by which the backward pass moved the array at `path`.
    """

    kind: str
    path: Path

    def __str__(self) -> str:
        """How a remark says it."""
        return "off a step" if self.kind == STEP else f"in {spelled((SELF, *self.path))}"


RETURNED, LEFT, STEP = "returned", "left", "step"
NOWHERE = Source("nowhere", ())
PLACES: dict[str, Callable[[Path], Path | None]] = {
    RETURNED: lambda path: path,
    LEFT: lambda path: (SELF, *path),
    STEP: lambda _: None,
    NOWHERE.kind: lambda _: None,
}
"""What leads to a gradient in what the backward pass returns, or in its object."""


def no_step(_: Any) -> float:
    """Where gradients are not read off steps."""
    return 1.0


@dataclass(frozen=True, eq=False)
class Module:
    """An object, understood: how its methods are called, and where each gradient is.

    Args:
        alone: one function computes value and gradient, and is called again for the way back; it may
            belong to no object.
        output: the attribute that the forward pass leaves its output in, if it returns nothing.
        step: the length of a step, where gradients are read off the steps of a backward pass; it also
            takes the step, where a method of its own does that.
        moves: the backward pass changes parameters, which is no offence then.
        fits: a gradient was found for each input, as far as they have one; if not, what the backward pass
            returns is handed on as it is.
    """

    owner: Owner
    methods: Methods
    arguments: Arguments
    dice: Dice
    plan: Plan
    outputs: Outputs
    inputs: Inputs
    sources: Mapping[Path, Source] = field(default_factory=dict)
    step: Callable[[Any], float] = no_step
    moves: bool = False
    fits: bool = True
    alone: bool = False
    output: str = ""
    remarks: tuple[Finding, ...] = ()

    def begin(self, forward: Function, arrays: Sequence[Array]) -> Begun:
        """One forward pass of a fresh copy."""
        spread = self.inputs.spread(arrays)
        count = len(self.arguments.tree.leaves)
        mine = [
            np.array(v) if self.moves and isinstance(v, np.ndarray) else v for v in spread[count:]
        ]
        owner = self.owner.fresh(mine)
        self._make_room(owner, mine)
        given = self.arguments.filled(spread[:count])
        self.dice.throw()
        known = {**self.arguments.defaults, **self.arguments.beyond, **given.arguments}
        result, beside = self._scored(forward, owner, given, known)
        return Begun(owner, {**known, **beside}, result, self.dice.stop())

    def _scored(
        self, forward: Function, owner: Any, given: BoundArguments, known: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """What a forward pass returns; of a model with a loss of its own that, and what it was of by its name."""
        score = self.methods.score
        mine = given if score is None else score.of_forward(given)
        value = self._called(forward, owner, *mine.args, **mine.kwargs)
        value = getattr(owner, self.output) if self.output else value
        if score is None:
            return value, {}
        prediction, *others = items_of(value)
        loss = score.number(self._called(score.loss, owner, *score.of_loss(prediction, known)))
        return (loss, *others) if others else loss, {score.handed: prediction}

    def _make_room(self, owner: Any, values: Sequence[Any]) -> None:
        """Where a parameter has another size than it came with, so has what its gradient is added up in."""
        both = zip(self.owner.held, map(np.shape, values), strict=True)
        for h, shape in ((h, shape) for h, shape in both if shape != np.shape(h.value)):
            source = self.source_of((SELF, *h.path))
            if source.kind == LEFT and np.shape(reach(owner, source.path)) == np.shape(h.value):
                put(owner, source.path, np.zeros(shape, h.value.dtype))

    def value(self, arrays: Sequence[Array]) -> Array:
        """The outputs of one forward pass."""
        return self._value_of(self.begin(self.methods.forward, arrays))

    def _value_of(self, begun: Begun) -> Array:
        """The outputs of a forward pass as one array; a loss in brackets, [0.69], is a number."""
        packed = self.outputs.packed(outputs_of(self.plan, begun.result))
        return packed.reshape(()) if self.alone else packed

    def _called(self, function: Function, owner: Any, *args: Any, **keywords: Any) -> Any:
        """A method of an object, or a function that belongs to none."""
        if isinstance(owner, Globals):
            return owner.around(function)(*args, **keywords)
        return function(*([] if owner is None else [owner]), *args, **keywords)

    def go_back(self, backward: Function, begun: Begun, upstream: list[Any]) -> Any:
        """The backward pass of that copy."""
        if self.alone:
            given = BoundArguments(self.arguments.signature, self._given(begun.known))
            self.dice.throw()
            return self._called(backward, begun.owner, *given.args, **given.kwargs)
        self.dice.put(begun.stop)
        bound = partial(self._called, backward, begun.owner)
        returned = self.plan.call(bound, upstream, begun.known, items_of(begun.result))
        # A gradient in a list, of a net that knows no arrays.
        return written_down(returned, {leaf.value.shape for leaf in self.arguments.tree.leaves})

    def _given(self, known: Mapping[str, Any]) -> OrderedDict[str, Any]:
        """What the user gave, of all that is known."""
        return OrderedDict((name, known[name]) for name in self.arguments.tree.template)

    def gradients(self, backward: Function, begun: Begun, dy: Array) -> Any:
        """Call the backward pass, and collect the gradient of each input."""
        before = self._before_a_step(begun.owner)
        upstream = [] if self.alone else self.outputs.upstream(dy)
        returned = self.go_back(backward, begun, upstream)
        if not self.fits:
            return returned
        length = self.step(begun.owner)

        read: dict[str, Callable[[Path], Any]] = {
            RETURNED: lambda path: at(returned, path),
            LEFT: lambda path: reach(begun.owner, path),
            STEP: lambda path: (before[path] - reach(begun.owner, path)) / length,
            NOWHERE.kind: lambda _: None,
        }
        found = [read[source.kind](source.path) for source in self._in_order()]
        return found if self.plan.upstream else [times(dy, g) for g in found]

    def _before_a_step(self, owner: Any) -> dict[Path, Array]:
        """The arrays whose gradients are read off a step."""
        stepping = {source.path for source in self.sources.values() if source.kind == STEP}
        return {path: np.array(reach(owner, path)) for path in stepping}

    def _in_order(self) -> list[Source]:
        """Where the gradient of each input is."""
        return [self.source_of(leaf.path) for leaf in self.inputs.chosen]

    def source_of(self, path: Path) -> Source:
        """Where the gradient of a leaf is."""
        return self.sources.get(path, NOWHERE)

    def assembled(self, forward: Function, backward: Function | None) -> Layer:
        """The layer of an object, with these functions for its methods."""
        assert backward is not None

        def layer(*arrays: Array) -> tuple[Any, Backward]:
            begun = self.begin(forward, arrays)
            value = self._value_of(begun)
            again = self._calls(begun)

            def back(dy: Array) -> Any:
                return self.gradients(backward, next(again), dy)

            return value, back

        return layer

    def _calls(self, begun: Begun) -> Iterator[Begun]:
        """What each call of a way back goes back from.

        The first is on the object itself, so that what it writes to is seen; those after it are on copies
        of what the forward pass left. A cache alone is the same each time.
        """
        if begun.owner is None and not self.alone:
            yield from repeat(begun)
        kept = begun.copied()
        yield begun
        while True:
            yield kept.copied()

    def adapted(self) -> Adapted:
        """The object as a layer whose lines can be read."""
        return Adapted(
            self.methods.name,
            self.inputs.names,
            self.methods.forward,
            self.methods.backward,
            self.assembled,
            upstream=self.plan.upstream,
            gradients=self._places() if self.fits else None,
            scored=None if self.methods.score is None else self._scored_by(self.methods.score),
        )

    def _scored_by(self, score: Score) -> tuple[Function, Callable[[Function], Adapted]]:
        """The loss of a model, and the model as a layer with another."""

        def other(loss: Function) -> Adapted:
            methods = replace(self.methods, score=replace(score, loss=loss))
            return replace(self, methods=methods).adapted()

        return score.loss, other

    def _places(self) -> tuple[Path | None, ...]:
        """For each input where its gradient is; None where it is read off a step."""
        return tuple(PLACES[source.kind](source.path) for source in self._in_order())


@dataclass(frozen=True, eq=False)
class Begun:
    """What a forward pass leaves for its way back."""

    owner: Any
    known: dict[str, Any]
    result: Any
    stop: Stop | None

    def copied(self) -> Begun:
        """The same, with an object and a cache of its own."""
        owner, known, result = copied((self.owner, self.known, self.result))
        return Begun(owner, known, result, self.stop)


def checked(adapt: Callable[..., Module], named: Mapping[str, Any], seed: int | None) -> Report:
    """Understand code, with the inputs among what was given by name, and check it with the options there."""
    options, inputs = parted(named, OPTIONS)
    wrt = options.pop("wrt", None)
    must_be(seed is None or isinstance(seed, Integral), "seed", seed, "a whole number, or None")
    with kept_randomness():
        form = adapt(named=inputs, seed=seed, wrt=wrt)
        options |= {"wrt": form.inputs.asked(form.sources, wrt), "seed": seed or 0}
        return told(form.adapted(), form.inputs.values, form.remarks, **options)


def first_passing(checks: Iterable[Callable[[], Report]]) -> Report:
    """The first report that passes; where none does the first of all that there is.

    Raises:
        TypeError: where none of the checks can be made.
    """
    reports, reasons = list[Report](), list[TypeError]()
    for one in checks:
        try:
            reports.append(one())
        except TypeError as reason:
            reasons.append(reason)
        if reports and reports[-1].passed:
            return reports[-1]
    if not reports:
        raise reasons[0]
    return reports[0]
