"""An object made into a layer: its parameters made first, its steps taken at a length of ours, one run to see."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import filterfalse
from operator import attrgetter
from typing import Any

import numpy as np

from gradcheck.forms.arguments import Arguments, parted
from gradcheck.forms.calling import Plan, Role
from gradcheck.forms.dice import Dice
from gradcheck.forms.methods import Methods
from gradcheck.forms.names import RATES, is_rate, is_upstream, needs, returned_names, takes
from gradcheck.forms.objects import Begun, Module, no_step
from gradcheck.forms.optimizers import put_in_place
from gradcheck.forms.planning import plan
from gradcheck.forms.rehearsal import Rehearsal, blank, of_object
from gradcheck.forms.scored import called
from gradcheck.forms.state import Held, attributes, copy_of, held_in, put, reach
from gradcheck.forms.told import moved, same
from gradcheck.forms.understanding import understood
from gradcheck.trees import Path, is_array_or_float

OWN_RATES = tuple(name for name in RATES if name not in ("alpha", "rate"))
"""Those of them that are nothing else where an object has them: the slope of a leaky ReLU is alpha too."""
RATE = 1024.0
"""The step that a gradient is read off: (before − after) / step. Large, so that the rounding of the
weights is small beside it; a power of two, so that the division adds none."""


def adapt_module(
    module: Any,
    methods: Methods,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    *,
    parameters: Any = None,
    update: str | float | None = None,
    order: str | Sequence[str] | None = None,
    seed: int | None = None,
    wrt: Any = None,
) -> Module:
    """Understand an object by its methods; the other arguments are those of `check_module`."""
    owner = built(copy_of(module), methods, inputs, named)
    arguments, rates = _arguments(owner, methods, inputs, named, update)
    step = _step(owner, update, bool(rates))
    if step is no_step and put_in_place(owner, RATE):
        step = partial(_taken, RATE)
    form = blank(owner, methods, arguments, Dice(seed))
    planned = partial(_planned, methods, tuple(arguments.tree.template))
    run = _rehearsed(form, planned, step)
    rate = _rate_of(owner) if step is no_step else None
    if rate is not None and run.moves:
        # It steps by a length of its own: a step of ours, off which the gradients can be read.
        setattr(owner, rate, RATE)
        step = partial(_taken, RATE)
        run = Rehearsal.of(form, planned, step)
    return understood(run, parameters, step, wrt, order)


def _arguments(
    owner: Any, methods: Methods, inputs: Sequence[Any], named: Mapping[str, Any], update: Any
) -> tuple[Arguments, list[str]]:
    """What an object is called with, and the rates of its backward pass, which are steps of ours."""
    taken = takes(of_object(methods.backward, owner))
    arguments = Arguments.of(
        called(of_object(methods.forward, owner), methods.score), inputs, named, taken
    )
    known = {*arguments.signature.parameters, *arguments.beyond}
    rates = [name for name in taken if name not in known and _is_rate(name, update)]
    beyond = {**arguments.beyond, **dict.fromkeys(rates, RATE)}
    return replace(arguments, beyond=beyond), rates


def _rehearsed(
    form: Module, planned: Callable[..., Plan], step: Callable[[Any], float]
) -> Rehearsal:
    """One run, the first of several ways that does not raise.

    `backward(dvalues, y_true)` of a loss may want the prediction, not an upstream gradient; where there is but
    one upstream gradient for several outputs it may be that of the first alone.
    """
    run = Rehearsal.of(form, planned, step)
    alone = (partial(_as_planned, way) for way in run.form.plan.ways()[1:])
    others = (partial(planned, handed=True), *alone) if run.raised else ()
    runs = (Rehearsal.of(form, one, step) for one in others)
    return next(filterfalse(attrgetter("raised"), runs), run)


def _as_planned(way: Plan, _: Begun) -> Plan:
    return way


NEITHER = (None, None)
"""What two passes leave where one raises."""


def built(owner: Any, methods: Methods, inputs: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """An object with the parameters that it makes in its first forward pass; any other as it is.

    They stay as they are in another pass, with other inputs: what is kept for the way back does not. Nor do
    running statistics that are made with them: it is put in too where no pass runs without it.
    """
    once, twice = _two_passes(owner, methods, inputs, named)
    passes = partial(_two_passes, owner, methods, inputs, named)
    if _put_in(owner, _made(owner, once, twice)) and passes() == NEITHER:
        made = _made(owner, once, once)
        _put_in(owner, made)
        for path in made:
            _take_out(owner, path, passes)
    return owner


def _take_out(owner: Any, path: Path, passes: Callable[[], tuple[Any, Any]]) -> None:
    """Take something out of an object again, if its passes run without it."""
    there = reach(owner, path)
    put(owner, path, None)
    if passes() == NEITHER:
        put(owner, path, there)


def _put_in(owner: Any, made: Mapping[Path, Any]) -> bool:
    """Put into an object what was made of it; whether that is anything."""
    for path, value in made.items():
        put(owner, path, value)
    return bool(made)


def _made(owner: Any, once: Any, twice: Any) -> dict[Path, Any]:
    """What a forward pass has made in an object, and its flags then: it may say of itself that it is built."""
    held = [h for h in held_in(once) if _has_room(owner, h.path) and _stays(h, twice)]
    flags = {(n,): v for n, v in attributes(once).items() if isinstance(v, bool)}
    return flags | {h.path: h.value for h in held} if held else {}


def _two_passes(
    owner: Any, methods: Methods, inputs: Sequence[Any], named: Mapping[str, Any]
) -> tuple[Any, Any]:
    """What one forward pass leaves of an object, and another after it, at other inputs.

    Nothing if one raises, or no input is another: whole numbers may stay what they are.
    """
    forward = called(of_object(methods.forward, owner), methods.score)
    known = inspect.signature(forward).parameters
    arguments = Arguments.of(forward, inputs, parted(named, known)[0])
    form = blank(owner, methods, arguments, Dice(None))
    here = form.inputs.values
    elsewhere = [moved(x) for x in here]
    if all(map(same, here, elsewhere)):
        return NEITHER
    try:
        once = form.begin(methods.forward, here).owner
        again = blank(copy_of(once), methods, arguments, Dice(None))
        return once, again.begin(methods.forward, elsewhere).owner
    except Exception:
        # Whether it raises is for the check itself to find.
        return NEITHER


def _has_room(owner: Any, path: Path) -> bool:
    """Whether something may be put at the end of a path: nothing is there, and what would hold it is no list."""
    holder = reach(owner, path[:-1])
    return reach(owner, path) is None and holder is not None and not isinstance(holder, list)


def _stays(held: Held, later: Any) -> bool:
    """Whether what an object holds is an array, and the same one later."""
    there = reach(later, held.path)
    return _is_array(held.value) and _is_array(there) and same(held.value, there)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.dtype.kind == "f"


def _rate_of(owner: Any) -> str | None:
    """The attribute in which an object keeps the length of its own steps."""
    return next((r for r in OWN_RATES if isinstance(getattr(owner, r, None), float)), None)


def _is_rate(name: str, update: str | float | None) -> bool:
    return name == update or (is_rate(name) and update is None)


def _step(owner: Any, update: str | float | None, in_backward: bool) -> Callable[[Any], float]:
    """What takes the step that gradients are read off, and says how long it is.

    Raises:
        TypeError: if `update` is neither an argument of the backward pass nor a method.
    """
    if isinstance(update, (int, float)):
        return partial(_taken, float(update))
    if isinstance(update, str) and callable(getattr(owner, update, None)):
        return partial(_stepped, update)
    if in_backward:
        return partial(_taken, RATE)
    if update is None:
        return no_step
    raise TypeError(
        f"update={update!r} is neither an argument of the backward pass nor a method of "
        f"{type(owner).__name__}"
    )


def _taken(length: float, _: Any) -> float:
    """The backward pass itself has taken the step."""
    return length


def _stepped(method: str, owner: Any) -> float:
    getattr(owner, method)(RATE)
    return RATE


def _planned(methods: Methods, given: Sequence[str], begun: Begun, *, handed: bool = False) -> Plan:
    """How the backward pass is called; that of a loss may be `handed` what its forward pass was."""
    backward = of_object(methods.backward, begun.owner)
    required = needs(backward)
    same = _handed_over(required, given, begun)
    if same is not None and (handed or _renamed(required, begun)):
        return same
    try:
        return plan(backward, list(begun.known), begun.result, returned_names(methods.forward))
    except TypeError:
        if same is None:
            raise
        return same


def _handed_over(required: Sequence[str], given: Sequence[str], begun: Begun) -> Plan | None:
    """The backward pass of a loss called as its forward pass was, if it takes as much."""
    is_a_loss = is_array_or_float(begun.result) and np.ndim(begun.result) == 0
    if not is_a_loss or not len(required) == len(given) > 1:
        return None
    roles = [Role(p, "input", name) for p, name in zip(required, given, strict=True)]
    return Plan((0,), tuple(roles))


def _renamed(required: Sequence[str], begun: Begun) -> bool:
    """Whether a loss's backward pass takes prediction and target under other names."""
    return not (begun.known.keys() >= set(required) or any(map(is_upstream, required)))
