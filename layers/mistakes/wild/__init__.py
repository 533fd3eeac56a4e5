"""Mistakes in code that is not ours to shape: classes, pairs, dictionaries, losses, other layouts and names.

A page a source, of the kinds that published code contains, in our own words:

    # title, a sentence
    ```python            the whole source, right
    ```python check      what a user would type, with `rng` and the checker's functions at hand; the
                         last expression is the report
    ### NAME             a mistake in it, its story, and the lines that change, under a line of facts:
    @@ gradient: X · code: true, also true · set aside: yes @@

What is set aside is measured and never looked at while the checker is made better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from layers.mistakes.diff import Diff
from layers.mistakes.page import Change, change_of, sections
from layers.mistakes.planted import PageError

__all__ = ["SOURCES", "WILD", "Source", "WildMistake"]

FACTS = ("gradient", "code", "set aside")


@dataclass(frozen=True)
class Source:
    """A right source, and how a user checks it; `place` is the page."""

    title: str
    text: str
    check: str
    place: str


@dataclass(frozen=True)
class WildMistake:
    """A mistake in a source: which row is wrong, and which names for it would be true."""

    name: str
    source: Source
    diff: Diff
    gradient: str
    codes: tuple[str, ...]
    story: str
    set_aside: bool
    place: str

    @property
    def changed(self) -> tuple[str, range]:
        """The wrong source, and which of its lines, counted from 1, are wrong.

        Raises:
            PageError: if the right lines don't stand in the source exactly once.
        """
        try:
            return self.diff.applied(self.source.text)
        except ValueError as error:
            raise PageError(f"{self.place}: {error}") from error


def read(path: Path) -> tuple[Source, list[WildMistake]]:
    """A page: its source, and the mistakes in it.

    Raises:
        PageError: if the page is not of the form above.
    """
    _, head, *rest = sections(path)
    for block in ("python", "python check"):
        if block not in head.blocks:
            raise PageError(f"{path}:{head.line}: there is no block of {block!r}")
    text, check = ("\n".join(head.blocks[block][1]) for block in ("python", "python check"))
    source = Source(head.title, text + "\n", check, str(path))
    changes = [
        (
            section.title,
            f"{path}:{section.line}",
            change_of(section, path, known=FACTS, needed=FACTS[:2]),
        )
        for section in rest
    ]
    return source, [_mistake(name, source, place, change) for name, place, change in changes]


def _mistake(name: str, source: Source, place: str, change: Change) -> WildMistake:
    return WildMistake(
        name,
        source,
        change.diff,
        gradient=change.facts["gradient"],
        codes=tuple(code.strip() for code in change.facts["code"].split(",")),
        story=change.story,
        set_aside=change.facts.get("set aside") == "yes",
        place=place,
    )


def _pages() -> Iterator[tuple[Source, list[WildMistake]]]:
    for path in sorted(Path(__file__).parent.glob("*.md")):
        yield read(path)


SOURCES: dict[str, Source] = {}
"""The right sources by the name of their page."""
WILD: dict[str, WildMistake] = {}
"""The mistakes in them by name."""
for _source, _mistakes in _pages():
    SOURCES[Path(_source.place).stem] = _source
    WILD |= {mistake.name: mistake for mistake in _mistakes}
