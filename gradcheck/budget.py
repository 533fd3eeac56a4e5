"""How thoroughly each gradient is looked at: what that takes is known before it begins, and said."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from gradcheck.numeric import NumericalWitness, Progress
from gradcheck.result import Finding

PATIENCE = 20.0
"""Seconds from which on nobody waits without a word."""

INTERVAL = 2.0
"""Seconds between two words about progress."""


def efforts_for(
    witness: NumericalWitness, positions: Sequence[int], effort: str, budget: float
) -> dict[int, str]:
    """`complete` or `directional` for each input; `auto` is decided here, anything else stands.

    What the witness has evaluated so far tells how long an evaluation takes; the budget is seconds for all
    of them together, and the cheapest are completed first.
    """
    if effort != "auto":
        return dict.fromkeys(positions, effort)
    chosen = dict.fromkeys(positions, "directional")
    left = budget - seconds_each(witness) * witness.expected_once
    for position in sorted(positions, key=witness.expected):
        left -= seconds_each(witness) * witness.expected(position)
        if left < 0:
            break
        chosen[position] = "complete"
    return chosen


def covered(
    witness: NumericalWitness, names: Sequence[str], efforts: Mapping[int, str], budget: float
) -> Iterator[Finding]:
    """What a budget was enough for, where it was not enough for everything."""
    if set(efforts.values()) != {"complete", "directional"}:
        return
    done = [f"d{names[p]}" for p in _with(efforts, "complete")]
    left = _with(efforts, "directional")
    rest = ", ".join(f"d{names[p]} ({witness.forward.inputs[p].size:,} entries)" for p in left)
    takes = expected(witness, left)
    yield Finding(
        "directional",
        f"Within {budget:g} s every entry of {', '.join(done)} was checked; {rest} along random "
        f"directions: every entry takes about {takes:,} evaluations more.",
        {"complete": done, "directional": [f"d{names[p]}" for p in left], "evaluations": takes},
    )


def _with(efforts: Mapping[int, str], which: str) -> list[int]:
    """The inputs that are looked at so."""
    return [p for p, effort in efforts.items() if effort == which]


def expected(witness: NumericalWitness, positions: Sequence[int]) -> int:
    """About how many evaluations of the forward pass a complete check of these inputs takes."""
    return witness.expected_once + sum(map(witness.expected, positions))


def seconds_each(witness: NumericalWitness) -> float:
    """What one evaluation of the forward pass has taken so far."""
    forward = witness.forward
    return forward.seconds / forward.evaluations


def announced(witness: NumericalWitness, efforts: Mapping[int, str], name: str) -> Progress | None:
    """Say at once what a long check will take, where somebody is looking; and what tells how far it is."""
    complete = _with(efforts, "complete")
    if not complete or witness.progress is not None or not _looked_at():
        return witness.progress
    evaluations = expected(witness, complete)
    seconds = evaluations * seconds_each(witness)
    if seconds < PATIENCE:
        return None
    print(
        f"{name}: every entry takes about {evaluations:,} evaluations of the forward pass, "
        f'{seconds:,.0f} s here; effort="directional" takes a few dozen.',
        file=sys.stderr,
    )
    return Going()


class Going:
    """A line on stderr every now and then: how much of a gradient is done, how long the rest will take."""

    def __init__(self) -> None:
        self.began = self.said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """So many groups of so many are done."""
        now = time.monotonic()
        if done == 1:
            self.began = now
        if now - self.said < INTERVAL:
            return
        self.said = now
        left = (now - self.began) * (total - done) / max(1, done - 1)
        print(f"{done / total:4.0%} of a gradient, {left:,.0f} s left", file=sys.stderr)


def _looked_at() -> bool:
    """Whether somebody sees what is written on stderr: at a terminal, or under a notebook's cell."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
