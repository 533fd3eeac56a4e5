"""A progress bar, on stderr and only on a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


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
    """One line on stderr, where somebody is looking, for work of more than two seconds."""

    PATIENCE = 2.0

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.name, self.since, self.written = "", time.monotonic(), False

    def __call__(self, name: str, done: int, total: int) -> None:
        """Say how much is done of how much, and about how long the rest will take."""
        if name != self.name or done <= 1:
            self.name, self.since = name, time.monotonic()
        spent = time.monotonic() - self.since
        if not self.shown or spent < self.PATIENCE:
            return
        left = spent / done * (total - done)
        text = f"{name}: {done} of {total} groups of entries, about {left:.0f} s left"
        width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        sys.stderr.write(f"\r\033[K{text[:width]}")
        sys.stderr.flush()
        self.written = True

    def clear(self) -> None:
        """Take the line away before a result is printed."""
        if self.written:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self.written = False
