"""The ways to lay a value of the backward pass beside its counterpart in the forward pass, step by step.

People name things: the gradient of `xhat` is called `dxhat`. Which names belong together is said here,
and how their values are laid beside each other: in one piece, as a list, as one value a time step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from gradcheck.lines.intermediate import Intermediate, why_immovable
from gradcheck.lines.match import Match, Matches
from gradcheck.lines.names import counterparts, undressed
from gradcheck.lines.record import Record
from gradcheck.lines.sites import ACTIVATION, Label
from gradcheck.lines.statements import key_of
from gradcheck.lines.ways import WAYS, Pair, fitting


def matches_of(record: Record) -> Matches:
    """Lay every value of the backward pass beside those of the forward pass that its name speaks of."""
    return {label: _matches(record, label, _counterparts(record, label)) for label in record.events}


def matches_before(record: Record, labels: Iterable[Label]) -> Matches:
    """Lay values beside what goes into an activation: dz may be the gradient of a in z = tanh(a)."""
    laid = {label: _matches(record, label, _before(record, label)) for label in labels}
    return {label: tuple(fitting(several)) for label, several in laid.items()}


def _matches(record: Record, label: Label, ones: Iterable[Intermediate]) -> tuple[Match, ...]:
    if not record.is_complete(label):
        return ()
    pairs = (
        Pair(label, record.events[label], one, _may_be_reshaped(record, label, one))
        for one in ones
        if not _is_anothers(record, label, one)
    )
    laid = chain.from_iterable(map(_laid, pairs))
    # A helper's `dx` of another shape than some x is that of another x: it names what the helper is handed.
    return tuple(fitting(laid) if label.function else laid)


def _is_anothers(record: Record, label: Label, one: Intermediate) -> bool:
    """Whether a helper knows another value by that name: its `dw` is the gradient of the w that it was handed."""
    own = record.events.get(Label(one.name, function=label.function), ())
    return bool(label.function and own) and not any(
        np.array_equal(event.value, one.value) for _, event in own
    )


def _laid(pair: Pair) -> Sequence[Match]:
    """The first way that fits wins."""
    return next(filter(None, (way(pair) for way in WAYS)), ())


def _may_be_reshaped(record: Record, label: Label, one: Intermediate) -> bool:
    """Whether another shape is a matter of layout; of an input's gradient that is returned so it is not."""
    site, row = record.returned.get(one.position), record.rows.get(one.position)
    returned = label.returned or (site is not None and label.name == site.name)
    return not returned or row is None or row.analytic.shape == row.shape


def counterpart(record: Record, label: Label) -> str | None:
    """v, where a name is dv, d_v, grad_v, v_grad, … and the forward pass knows v."""
    return next(iter(_paired(record, label)), None)


def _paired(record: Record, label: Label) -> list[str]:
    """The names of the forward pass that a gradient's name speaks of."""
    return counterparts(label.name, _known_to(record, label)) if _speaks(record, label) else []


def _counterparts(record: Record, label: Label) -> list[Intermediate]:
    """The meanings of v for a gradient's name; for another, the input that it is returned for."""
    return _meant_by(record, label) or record.inputs_of(label)


def _meant_by(record: Record, label: Label) -> list[Intermediate]:
    """The meanings of v for a gradient's name, and of what that only is another name of."""
    known = _known_to(record, label)
    paired = [*chain(*(known[name] for name in _paired(record, label)))]
    return [*paired, *chain(*(_handed_on(record, one) for one in paired))]


def _known_to(record: Record, label: Label) -> dict[str, list[Intermediate]]:
    """What names mean where a gradient has its own: what a helper is handed has its name in helpers alone."""
    sites, helps = record.copy.recorder.forward_sites, bool(label.function)
    known = {
        name: [one for one in several if helps or not any(sites[k].handing for k in one.sites)]
        for name, several in record.meanings.items()
    }
    return {name: several for name, several in known.items() if several}


def _handed_on(record: Record, one: Intermediate) -> list[Intermediate]:
    """What a value only is another name of, `c = c_new`, `C[t] = c_t`: the gradient of either may be meant."""
    mine = one.by_step(one.value)
    # What a helper is handed may be called as something here is.
    read = (other for other in record.meant(one.reads) if other.variable in one.reads)
    return [other for other in read if np.array_equal(other.value, mine)]


def _before(record: Record, label: Label) -> list[Intermediate]:
    """What goes into the activations of the values that a gradient's name speaks of."""
    return record.meant({one.name + ACTIVATION: None for one in _meant_by(record, label)})


def why_left_out(record: Record, label: Label) -> str | None:
    """Why a gradient's name was not compared, if it is one."""
    v, name = counterpart(record, label), label.name
    if v is not None:
        times = len(record.events[label])
        return (
            f"{name} is left out: {v} is not assigned as often on the way there as {name} is "
            f"here ({times} times), or its shape tells nothing."
        )
    return next(_immovable(record, name), None) if _speaks(record, label) else None


def _immovable(record: Record, name: str) -> Iterator[str]:
    """Why the values that a gradient's name speaks of cannot be moved."""
    values = undressed(name)
    for occurrences in record.occurrences:
        reason = why_immovable(occurrences) if key_of(occurrences.site.name) in values else None
        if reason is not None and not occurrences.site.handing:
            yield f"{name} is left out: {occurrences.site.name} {reason}."


def _speaks(record: Record, label: Label) -> bool:
    """Whether a name may say whose gradient it is."""
    return record.copy.chained and not label.returned
