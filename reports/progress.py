"""A progress bar, on stderr and only on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from gradcheck.budget import PATIENCE as LONG
from gradcheck.render import printable
from reports.terminal import width

T = TypeVar("T")

QUICKER = "--effort directional takes a few dozen evaluations"
"""What may be done instead of waiting."""


class Progress:
    """Shows how far long work is, where somebody is looking."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()

    def over(self, work: Sequence[T], what: str) -> Iterator[T]:
        """Go through `work`, with a bar."""
        if not self.shown:
            yield from work
            return
        from rich.console import Console
        from rich.progress import track

        yield from track(work, what, console=Console(stderr=True), transient=True)

    def counter(self, what: str) -> Callable[[int, int], None] | None:
        """A function of done and total that moves a bar, or None where nobody is looking."""
        if not self.shown:
            return None
        from rich.console import Console
        from rich.progress import Progress as Bar

        bar = Bar(console=Console(stderr=True), transient=True)
        task = bar.add_task(what, total=None)

        def count(done: int, total: int) -> None:
            if done == 1:
                bar.start()
            bar.update(task, completed=done, total=total)
            if done == total:
                bar.stop()

        return count


class Waiting:
    """One line on stderr, where somebody is looking, for work of more than two seconds.

    Several threads may tell it how far their work is. Of a check that takes long it is said, once, what
    is quicker.
    """

    PATIENCE = 2.0

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.since: dict[str, float] = {}
        self.lock = threading.Lock()
        self.written = False
        self.hinted: set[str] = set()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Say how much is done of how much, and about how long the rest will take; of 0, how long it took."""
        now = time.monotonic()
        since = now if done == 1 else self.since.setdefault(name, now)
        self.since[name] = since
        if now - since >= self.PATIENCE:
            self._hint(name, _left(now - since, done, total))
            self.say(_going(name, now - since, done, total))

    def _hint(self, name: str, left: float) -> None:
        """Say what takes less, where nobody would wait for the rest; only a complete check takes so long."""
        if not self.shown or left < LONG or name in self.hinted:
            return
        self.hinted.add(name)
        text = printable(f"{name}: {left:,.0f} s more for every entry of a gradient; {QUICKER}")
        with self.aside():
            print(text, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Put a text in place of the one before."""
        if self.shown:
            with self.lock:
                self._write(printable(text)[: width() - 1])
                self.written = True

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Out of the way, while a result is printed."""
        with self.lock:
            if self.written:
                self._write("")
                self.written = False
            yield

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def _going(name: str, spent: float, done: int, total: int) -> str:
    if not (done and total):
        return f"{name}: {spent:.0f} s so far"
    left = _left(spent, done, total)
    return f"{name}: {done} of {total} groups of entries, about {left:.0f} s left"


def _left(spent: float, done: int, total: int) -> float:
    """Seconds for the rest, if it goes on as it has; 0 where nobody knows."""
    return spent / done * (total - done) if done else 0.0
