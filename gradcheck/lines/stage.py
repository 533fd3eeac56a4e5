"""The check in which every intermediate value is an input too, and has a numerical gradient of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from gradcheck.compare import compare
from gradcheck.diagnosis.wrong import Comparison, Context
from gradcheck.layer import copies
from gradcheck.lines.intermediate import Intermediate, merged
from gradcheck.lines.match import Match, Matches
from gradcheck.lines.names import grouped
from gradcheck.lines.record import Record
from gradcheck.lines.source import Unreadable
from gradcheck.numeric import Forward, NumericalGradient, NumericalWitness
from gradcheck.result import Array


@dataclass(frozen=True, kw_only=True)
class Stage(Context):
    """The check in which every intermediate value is an input too, compared when somebody asks for it.

    `own` is the check itself, `laid` are the intermediate values, in the order of their places behind the
    inputs, each with what is laid beside it; `unmoved` says which of them could not be moved, and why.
    """

    own: Context
    laid: Sequence[Match]
    moving: NumericalWitness
    unmoved: dict[int, str] = field(default_factory=dict)

    @cached_property
    def _places(self) -> dict[int, int]:
        """The positions of the intermediate values, by identity."""
        first = len(self.own.inputs)
        return {id(match.intermediate): k for k, match in enumerate(self.laid, first)}

    def position(self, one: Intermediate) -> int:
        """Where an intermediate value stands among the inputs."""
        return self._places.get(id(one), one.position)

    def comparison(self, position: int) -> Comparison | None:
        """What was found of an input, or of an intermediate value, made at the first time of asking."""
        k = position - len(self.own.inputs)
        if k >= 0 and position not in self.compared and position not in self.unmoved:
            try:
                self.compared[position] = _comparison(self.own, self.moving, position, self.laid[k])
            except Unreadable as reason:
                self.unmoved[position] = str(reason)
        return self.compared.get(position)

    def why_unmoved(self, several: Iterable[Match]) -> str | None:
        """Why one of the values beside which something is laid was not moved, if one was not."""
        positions = [self.position(match.intermediate) for match in several]
        reasons = (self.unmoved.get(p) for p in positions if self.comparison(p) is None)
        return next(filter(None, reasons), None)

    def numeric(self, one: Intermediate) -> NumericalGradient | None:
        """The numerical gradient of an intermediate value, if it was looked at."""
        known = self.comparison(self.position(one))
        return None if known is None else known.numeric

    def gradient(self, one: Intermediate) -> Array | None:
        """Its value."""
        numeric = self.numeric(one)
        return None if numeric is None else numeric.value


def staged(record: Record, matches: Matches, seed: int) -> Stage:
    """Have every intermediate value that something is laid beside differentiated by."""
    laid, own = _on_intermediates(matches), record.context
    several = [match.intermediate for match in laid]
    forward, witness = _moving(record, several, seed)
    names = [*own.names, *(one.name for one in several)]
    compared = dict(own.compared)
    return Stage(*(own.layer, names, forward, own.dy, compared), own=own, laid=laid, moving=witness)


def _on_intermediates(matches: Matches) -> list[Match]:
    """The first match of each intermediate value that is no input."""
    firsts = grouped(chain(*matches.values()), lambda match: id(match.intermediate)).values()
    return [first for first, *_ in firsts if not first.intermediate.is_input]


def _moving(
    record: Record, several: Sequence[Intermediate], seed: int
) -> tuple[Forward, NumericalWitness]:
    """The forward pass in which intermediate values can be moved too, and a witness of it."""
    context = record.context
    try:
        forward = Forward(_forward(record, several), [*context.inputs, *(o.value for o in several)])
        return forward, NumericalWitness(forward, context.dy, seed=seed)
    except Exception as error:
        raise Unreadable(f"moving its values a little raises {error!r}") from error


def _comparison(
    context: Context, witness: NumericalWitness, position: int, match: Match
) -> Comparison:
    """What was laid beside an intermediate value, and its numerical gradient."""
    one = match.intermediate
    # Where a whole function takes too long, the values between its pieces are known.
    cuts = context.cuts
    held = context.convicts
    numeric = _moved(witness, position, match, held) if cuts is None else _at_a_cut(cuts, one)
    row, ties_broken = compare(one.name, match.hand, numeric, None)
    return Comparison(row, numeric, ties_broken)


def _at_a_cut(cuts: Mapping[Any, NumericalGradient], one: Intermediate) -> NumericalGradient:
    if one.passed_at not in cuts:
        raise Unreadable(f"the layer was not cut at {one.name}")
    return cuts[one.passed_at]


def _moved(
    witness: NumericalWitness, position: int, match: Match, convicts: bool
) -> NumericalGradient:
    try:
        return witness.beside(position, match.hand, convicts=convicts)
    except Exception as error:
        # Whoever asserts something of an intermediate value does not want it moved.
        reason = f"moving {match.intermediate.name} a little raises {error!r}"
        raise Unreadable(reason) from error


def _forward(record: Record, several: Sequence[Intermediate]) -> Callable[..., Array]:
    """The forward pass as a function of its inputs and of its intermediate values."""
    recorder, layer, count = record.copy.recorder, record.copy.layer, len(record.context.inputs)

    def forward(*arrays: Array) -> Array:
        moved = zip(several, arrays[count:], strict=True)
        recorder.start(merged([one.move(value) for one, value in moved]))
        return np.asarray(layer(*copies(arrays[:count]))[0])

    return forward
