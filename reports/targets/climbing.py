"""Inputs found step by step: a change is kept with which a function comes further before it raises."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from traceback import walk_tb

from reports.targets.draws import Draw

Far = tuple[float, ...]
"""How far a function came: the instruction at which it stood, and those of the helpers that it was in."""

THROUGH: Far = (float("inf"),)
"""It ran to its end."""

NEARLY: Far = (2.0**31,)
"""It ran to its end, further than any instruction, and returned what cannot be checked."""

Draws = tuple[Draw, ...]


def how_far(error: BaseException) -> Far:
    """How far a function came that raised."""
    return tuple(frame.f_lasti for frame, _ in walk_tb(error.__traceback__))


Choices = Sequence[Sequence[Draw]]
"""For each input what it may be, the likely first."""


def climbed(
    usual: Choices, choices: Choices, far: Callable[[Draws], Far], seconds: float
) -> Iterator[Draws]:
    """Choices with which a function runs to its end; it begins with the first of each input.

    Where no change of one leads on two are changed at once, to the `usual` alone.
    """
    if not all(choices):
        return
    until = time.process_time() + seconds
    here = tuple(choice[0] for choice in choices)
    reached = far(here)
    while reached < THROUGH and time.process_time() < until:
        further = _further(here, reached, usual, choices, far)
        if further is None:
            return
        reached, here = further
    if reached >= THROUGH:
        yield here
        yield from (there for there in _single(here, choices) if far(there) >= THROUGH)


def _further(
    here: Draws, reached: Far, usual: Choices, choices: Choices, far: Callable[[Draws], Far]
) -> tuple[Far, Draws] | None:
    """The change of one that leads furthest, the likeliest of those; else the first of two that leads on."""
    one = max(((far(there), there) for there in _single(here, choices)), key=itemgetter(0))
    two = ((far(there), there) for there in _double(here, usual))
    return next((found for found in itertools.chain([one], two) if found[0] > reached), None)


def _single(here: Draws, choices: Choices) -> Iterator[Draws]:
    """Every change of one input, the likely first."""
    for k, choice in enumerate(choices):
        yield from ((*here[:k], one, *here[k + 1 :]) for one in choice)


def _double(here: Draws, choices: Choices) -> Iterator[Draws]:
    """Every change of two inputs."""
    for j, k in itertools.combinations(range(len(here)), 2):
        for one, other in itertools.product(choices[j], choices[k]):
            yield (*here[:j], one, *here[j + 1 : k], other, *here[k + 1 :])
