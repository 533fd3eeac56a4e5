"""Work that is done again whenever a file among the targets, or one beside it, is saved."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gradcheck.render import printable
from reports.commands.arguments import INTERRUPTED
from reports.errors import UserError

PATTERNS = ("*.py", "*.ipynb")
"""What a target and its neighbours are written in."""

EVERY = 0.3
"""Seconds between two looks: nobody saves faster, and looking costs next to nothing."""

Saved = dict[Path, tuple[int, int]]
"""When each file was saved, and its size: two saves within one tick of the clock differ in it."""


def whenever_saved(targets: Iterable[str], work: Callable[[], int]) -> int:
    """Do the work, and again whenever a file is saved, until Ctrl-C; the exit status of the last time.

    Raises:
        UserError: if no target is a file or a module.
    """
    folders = {folder for target in targets for folder in _folders(target)}
    if not folders:
        raise UserError("--watch waits for a FILE.py to be saved, and no target is one")
    status = INTERRUPTED
    try:
        seen: Saved | None = None
        while True:
            now = dict(_saved(folders))
            if now != seen:
                if seen is not None:
                    _say(_changed(seen, now))
                seen, status = now, INTERRUPTED
                status = work()
                _say("(checked again when a file is saved; Ctrl-C ends)")
            time.sleep(EVERY)
    except KeyboardInterrupt:
        # That is how one leaves; what was seen last is what the shell is told.
        return status


def _folders(target: str) -> Iterator[Path]:
    """Where the files of a target lie: beside it, or in the folder of its package."""
    from reports.targets import FILES, taken_apart

    place, _ = taken_apart(target)
    if place.endswith(FILES):
        yield Path(place).parent
    elif place:
        yield Path(*place.split(".")).parent


def _saved(folders: Iterable[Path]) -> Iterator[tuple[Path, tuple[int, int]]]:
    for folder in folders:
        for file in (file for pattern in PATTERNS for file in folder.glob(pattern)):
            try:
                told = file.stat()
            except OSError:
                continue  # Removed between two looks.
            yield file, (told.st_mtime_ns, told.st_size)


def _changed(before: Saved, now: Saved) -> str:
    files = {str(file) for file, _ in now.items() ^ before.items()}
    return f"{', '.join(sorted(files))} changed:"


def _say(text: str) -> None:
    """What is no result, where somebody is looking."""
    if sys.stderr.isatty():
        print(f"\n{printable(text)}", file=sys.stderr, flush=True)
