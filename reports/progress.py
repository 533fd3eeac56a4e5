"""A progress bar, on stderr and only on a terminal."""

from __future__ import annotations

import sys
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
