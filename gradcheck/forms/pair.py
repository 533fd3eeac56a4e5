"""A pair of functions that hand a cache from one to the other, as courses write them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import filterfalse
from operator import attrgetter
from typing import Any

from gradcheck.exits import staying
from gradcheck.forms.arguments import Arguments
from gradcheck.forms.called import Entry, entries_of, named
from gradcheck.forms.calling import outputs_of
from gradcheck.forms.dice import Dice
from gradcheck.forms.gradients import (
    Matching,
    is_compared,
    match,
    name_by_name,
    one_each,
    paths_of,
)
from gradcheck.forms.methods import Methods
from gradcheck.forms.names import are_turned_round, is_parameter, returned_names, takes, words
from gradcheck.forms.objects import RETURNED, Module, Source, checked, first_passing
from gradcheck.forms.planning import plans
from gradcheck.forms.rehearsal import blank
from gradcheck.forms.remarks import of_outputs
from gradcheck.forms.saying import said_of
from gradcheck.forms.scored import Score, beside, called, scores_of
from gradcheck.forms.told import Inputs, asked_for, reaches
from gradcheck.layer import Function, name_of
from gradcheck.meant import first_that_fits, must_be, must_be_functions
from gradcheck.outputs import Outputs
from gradcheck.result import Finding, Report
from gradcheck.trees import Leaf, Path


@staying
def check_pair(
    forward: Function,
    backward: Function,
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
    must_be(cache is None or isinstance(cache, (int, str)), "cache", cache, "a position or a name")
    scores: list[Score | None] = [*scores_of(beside(forward), forward, backward)] or [None]
    adapt = partial(adapt_pair, forward, backward, inputs, cache=cache, order=gradients)
    return first_passing(partial(checked, partial(adapt, score=one), named, seed) for one in scores)


def adapt_pair(
    forward: Function,
    backward: Function,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    *,
    cache: int | str | None = None,
    order: str | Sequence[str] | None = None,
    seed: int | None = None,
    wrt: Any = None,
    score: Score | None = None,
) -> Module:
    """Run both once, and see what they take and return; the arguments are those of `check_pair`."""
    arguments = Arguments.of(called(forward, score), inputs, named, takes(backward))
    form = blank(None, Methods(name_of(forward), forward, backward, score), arguments, Dice(seed))
    begun = form.begin(forward, form.inputs.values)
    if begun.result is None:
        raise TypeError(f"{name_of(forward)} returned None: is its `return` forgotten?")
    names = returned_names(forward)
    ways = plans(backward, list(begun.known), begun.result, names, cache)
    form, returned = _tried(
        [replace(form, plan=w, outputs=Outputs.of(outputs_of(w, begun.result))) for w in ways]
    )
    given = arguments.tree.template
    returned, left = _without_defaults(returned, given, arguments.defaults)
    said = returned_names(backward)
    found = _of_a_model(form, returned, said, asked_for(wrt)) if order is None else None
    some = found is not None or isinstance(returned, dict)
    found = found or match(
        returned, arguments.tree.leaves, said, tuple(given), words(order, "gradients")
    )
    chosen, remarks = choose(form, found, wrt, named=some or found.partly)
    drawn = form.dice.remarks(begun.stop)
    return replace(
        form,
        inputs=chosen,
        sources={leaf: Source(RETURNED, path) for leaf, path in found.paths.items()},
        fits=found.fits,
        remarks=(
            *drawn,
            *left,
            *of_outputs(form),
            *by_name(found),
            *remarks,
        ),
    )


def _tried(ways: Sequence[Module]) -> tuple[Module, Any]:
    """The first way to call the backward pass that does not raise, and what it returns."""
    for form in ways:
        # That it raises is for the check itself to find.
        with suppress(Exception):
            begun = form.begin(form.methods.forward, form.inputs.values)
            return form, form.go_back(form.methods.backward, begun, form.outputs.drawn(0))
    return ways[0], None


def _of_a_model(
    form: Module, returned: Any, said: Mapping[Path, str], asked: Collection[str]
) -> Matching | None:
    """The gradients of a loss `cost(X, y, w, b)` by `gradient(X, y, w, b)`, which nobody goes further back from.

    They are those of some inputs only: by their names, of what is called a parameter, of those that are
    asked for, or of a prediction beside its target. None where there is an upstream gradient, or as many
    gradients as inputs without a name.
    """
    if form.plan.upstream or not _is_a_number(form.outputs):
        return None
    leaves = list(filter(attrgetter("floats"), form.inputs.leaves))
    entries = _called_gradients(list(entries_of(returned, said)))
    by_name = named(entries, leaves)
    if 0 < len(by_name) == len(entries):
        return Matching(paths_of(by_name))
    return _of_some(entries, leaves, asked)


def _of_some(
    entries: Sequence[Entry], leaves: Sequence[Leaf], asked: Collection[str]
) -> Matching | None:
    """Gradients that are fewer than the inputs of a loss, and have no names."""
    mine = [leaf for leaf in leaves if is_parameter(leaf.name)]
    if 0 < len(entries) <= len(mine):
        return Matching(name_by_name(entries, [], mine, whole=True))
    some = one_each(entries, list(_differentiated(leaves, asked)))
    return some if len(entries) < len(leaves) and some.fits else None


def _differentiated(leaves: Sequence[Leaf], asked: Collection[str]) -> Iterable[Leaf]:
    """The inputs of a loss that have a gradient: those that are asked for, or that nothing is compared with."""
    return (x for x in leaves if x.name in asked) if asked else filterfalse(is_compared, leaves)


def _is_a_number(outputs: Outputs) -> bool:
    """Whether a forward pass returns single numbers alone."""
    return not any(leaf.value.ndim for leaf in outputs.tree.leaves)


def _called_gradients(entries: list[Entry]) -> list[Entry]:
    """What is called a gradient, where others hand on an error or a prediction beside it."""
    return [entry for entry in entries if "grad" in entry.name.lower()] or entries


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


def choose(
    form: Module, matching: Matching, wanted: Any, *, named: bool
) -> tuple[Inputs, list[Finding]]:
    """Which leaves are inputs, and what is said of the others.

    Where gradients were returned under names, one may be left out on purpose.
    """
    leaves, asked = form.inputs.leaves, asked_for(wanted)
    touched = {path[0] for path in matching.paths}

    def fate(leaf: Leaf) -> str:
        if leaf.name in asked:
            return "input"
        found = _fate(leaf, matching, named=named, beside=leaf.path[0] in touched)
        unmoved = found == "doubtful" and reaches(form.value, leaves, leaf) is False
        return "left out" if unmoved else found

    fates = [(leaf, fate(leaf)) for leaf in leaves]
    inputs, missing = _of_fate(fates, "input", "doubtful"), _of_fate(fates, "doubtful")
    out = [leaf.name for leaf in _of_fate(fates, "left out")]
    message = "No gradient of {} is returned, so none was checked; wrt= asks for it."
    return Inputs(leaves, inputs, missing), said_of(out, message, left_out=out)


def _of_fate(fates: Sequence[tuple[Leaf, str]], *which: str) -> tuple[Leaf, ...]:
    """The leaves with one of these fates."""
    return tuple(leaf for leaf, fate in fates if fate in which)


def _fate(leaf: Leaf, matching: Matching, *, named: bool, beside: bool) -> str:
    """What a leaf is: an input, a constant, left out, or doubtful, for its neighbours have gradients."""
    fate = first_that_fits(
        (leaf.path in matching.paths, "input"),
        (leaf.soft, "constant"),
        (not matching.fits, "input"),
        (leaf.is_argument, "left out" if named and leaf.floats else "input"),
        (beside and leaf.floats, "doubtful"),
    )
    return fate or "constant"


def by_name(matching: Matching) -> list[Finding]:
    """Says which gradients were found by their names."""
    pairs = [f"{gradient} for {name}" for gradient, name in matching.by_name if gradient != name]
    return said_of(pairs, "Gradients were found by their names: {}.")
