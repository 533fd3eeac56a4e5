"""Patience with what is tried: a loop that an edit has made endless is left after a moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SECONDS = 0.25
"""How long one trial may take beyond what the layer takes as it is written: nearly all take a thousandth."""


class TooLong(Exception):
    """What is tried takes far longer than what was written."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise `TooLong` at the next call of any function once the seconds are over.

    Works in every thread, where an alarm of the system would not; a profiler that listens is put back.
    """
    until, before = time.monotonic() + seconds, sys.getprofile()

    def listen(frame: FrameType, event: str, argument: Any) -> None:
        # What returns may be a generator that is being thrown away, of which nobody hears.
        if "call" in event and time.monotonic() > until:
            sys.setprofile(None)
            raise TooLong

    sys.setprofile(listen)
    try:
        yield
    finally:
        sys.setprofile(before)
