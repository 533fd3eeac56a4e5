"""A journal of finished work in a folder, so that what was interrupted goes on, even after `kill -9`.

Each entry is a file of its own, written beside its place and then moved there: it is whole or it is not
there. Beside the entries stands what they depend on (version, code, inputs, options); where any of it has
changed, they are worth nothing, and going on is refused.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gradcheck.digests import digest_of, digest_of_files
from gradcheck.slices import Key, Ledger, Part
from gradcheck.sources import sources_of
from gradcheck.version import __version__

T = TypeVar("T")

FACTS = "journal.json"


class Changed(ValueError):
    """What the entries of a journal depend on is not what it was."""


class Journal:
    """Finished work in a folder, which is made if it is not there, and what it depends on.

    Without `resume` the entries that are there are removed.

    Raises:
        Changed: if there are entries to go on with, and a fact is another, or cannot be read; the text
            says which.
    """

    def __init__(self, folder: str | Path, facts: Mapping[str, str], *, resume: bool) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if resume and (self.folder / FACTS).exists():
            _same(_read(self.folder / FACTS), facts, self.folder)
            return
        for entry in self.folder.glob("*.pickle"):
            entry.unlink()
        _write(self.folder / FACTS, json.dumps(dict(facts), indent=2).encode())

    def get(self, key: object) -> Any:
        """What was finished under a key; None if nothing was."""
        try:
            noted, value = pickle.loads(self._place(key).read_bytes())
        except Exception:
            # Not there, or damaged: it is done again.
            return None
        return value if noted == key else None

    def put(self, key: object, value: Any) -> None:
        """Note what is finished."""
        _write(self._place(key), pickle.dumps((key, value)))

    def done(self, key: object, work: Callable[[], T]) -> T:
        """What was finished under a key, or is now."""
        known: T | None = self.get(key)
        if known is None:
            known = work()
            self.put(key, known)
        return known

    def through(
        self, tasks: Sequence[T], mapped: Callable[[Sequence[T]], Iterable[Any]]
    ) -> Iterator[Any]:
        """The results of tasks in order, those that are not known worked out by `mapped` and noted."""
        known = [self.get(str(task)) for task in tasks]
        left = [task for task, result in zip(tasks, known, strict=True) if result is None]
        fresh = iter(mapped(left))
        for task, result in zip(tasks, known, strict=True):
            yield self.done(str(task), lambda: next(fresh)) if result is None else result

    def remove(self) -> None:
        """All of it, where the work has come to its end."""
        for place in [*self.folder.glob("*.pickle"), self.folder / FACTS]:
            place.unlink(missing_ok=True)
        self.folder.rmdir()

    def _place(self, key: object) -> Path:
        return self.folder / f"{digest_of(repr(key))[:32]}.pickle"


class Noting(Ledger):
    """A ledger that has each slice done on the spot, once, and notes it under the name of its task."""

    def __init__(self, journal: Journal, task: object) -> None:
        self.journal, self.task = journal, task

    def part(self, key: Key, work: Callable[[], Part]) -> Part:
        """What is known of the slice, or found now."""
        return self.journal.done((self.task, key), work)


def facts_of(tasks: Iterable[Any]) -> dict[str, str]:
    """What the results of tasks depend on: the files of their functions and what
    those import, their inputs and what functions have closed over, their options."""
    tasks = list(tasks)
    return {
        "version": __version__,
        "code": digest_of_files(sources_of(tasks)),
        "inputs": digest_of([_arguments(task) for task in tasks]),
        "options": digest_of([_options(task) for task in tasks]),
    }


def _read(place: Path) -> Mapping[str, str]:
    try:
        before = json.loads(place.read_text())
    except ValueError:  # No JSON, or no text.
        before = None
    if not isinstance(before, Mapping):
        raise Changed(
            f"{place} is damaged: what the work that is finished there depends on cannot be read; begin "
            "anew, without resuming"
        )
    return before


def _same(before: Mapping[str, str], now: Mapping[str, str], folder: Path) -> None:
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if changed:
        raise Changed(
            f"the {' and the '.join(changed)} changed since the work in {folder} was begun: what is "
            "finished there says nothing any more; begin anew, without resuming"
        )


def _write(place: Path, content: bytes) -> None:
    """All of it or nothing, whenever the process ends."""
    beside = place.with_suffix(f".{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(place)


def _arguments(task: Any) -> Any:
    """What is called and with what; of a function all that it has closed over."""
    return (task.func, task.args) if isinstance(task, partial) else task


def _options(task: Any) -> Mapping[str, Any]:
    return task.keywords if isinstance(task, partial) else {}
