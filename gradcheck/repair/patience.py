"""Patience, counted in steps and not in seconds: what is found does not depend on how fast a machine is.

A step is a call or a return that the interpreter reports while something is tried. The clock, that of this
thread's processor, is asked only so that nobody waits forever for what takes long in a single step.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import CO_GENERATOR
from types import FrameType
from typing import Any

SECONDS = 20.0
"""When the clock ends a search that its steps have not ended: four times what they take at a desk."""
STEPS = 1_000
"""How many steps one expression may take: nearly all take fewer than ten."""
AGAIN = 500_000
"""For how many steps something better than what was found is searched at least: about half a second."""
NOW_AND_THEN = 64
"""Every so many steps the clock is looked at."""


class TooLong(Exception):
    """What is tried takes far more steps than what was written."""


@dataclass(eq=False)
class Meter:
    """The steps that a search has taken, how many it may take, and the moment when the clock ends it."""

    limit: int
    until: float
    steps: int = 0

    def hurry(self) -> None:
        """Search no longer than as long again: something was found that will do if nothing better is."""
        self.limit = min(self.limit, self.steps + max(self.steps, AGAIN))

    @property
    def is_over(self) -> bool:
        """Whether nothing more is tried."""
        return self.steps >= self.limit or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether the clock has ended it, and another machine might have come further."""
        return time.thread_time() > self.until


_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def counted(meter: Meter) -> Iterator[None]:
    """Have a meter count the steps of all that is tried within."""
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)


@contextmanager
def patience(steps: int = STEPS) -> Iterator[None]:
    """Raise `TooLong` once so many steps are taken, or the clock has ended the search.

    Works in every thread, where an alarm of the system would not; a profiler that listens is put back.
    No garbage is collected meanwhile: its callbacks are calls too, which nobody wrote and no two runs share.
    """
    meter, before, taken = _METER.get(), sys.getprofile(), 0

    def listen(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal taken
        taken += 1
        if taken <= steps and taken % NOW_AND_THEN:
            return
        late = taken % NOW_AND_THEN == 0 and meter is not None and meter.is_late
        # A generator that returns or is resumed may be one that is thrown away, of which nobody hears.
        if (taken > steps or late) and "call" in event and not _is_resumed(frame, event):
            sys.setprofile(None)
            raise TooLong

    collects = gc.isenabled()
    gc.disable()
    sys.setprofile(listen)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()
        if meter is not None:
            meter.steps += taken


def _is_resumed(frame: FrameType, event: str) -> bool:
    """Whether a generator goes on, be it to its end."""
    return event == "call" and bool(frame.f_code.co_flags & CO_GENERATOR) and frame.f_lasti >= 0
