"""A page of planted mistakes, read: Markdown for a lecturer, and the one room that knows its form.

    ## dense                        the layer; below it, inputs that its catalogue entry does not have
    ### dense-W-over-batch          the mistake
    The loss has already …          what went wrong, in a sentence
    ```diff                         the lines that change, under a line of facts
    @@ gradient: W · code: scaled · shows: plain · hides: batch of one @@
    - dW = x.T @ dy
    + dW = x.T @ dy / len(x)

`gradient` is the input whose gradient is wrong, left out if the mistake is one of conduct; `code` what should
be said of it; `shows` and `hides` the inputs on which it is seen and is not; `in` a function that the
layer calls, if the lines stand there.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from layers.catalogue import Configuration
from layers.catalogue import draw as drawing
from layers.catalogue.entry import case, catalogued
from layers.families import family_of, layers_of
from layers.mistakes.diff import Diff
from layers.mistakes.planted import Function, Mistake, PageError
from layers.types import Layer

FACTS = ("gradient", "code", "shows", "hides", "in")
"""What the line of facts may say, each as `fact: value`, with a dot between two of them."""


@dataclass
class Section:
    """What stands under a heading: its prose, and its fenced blocks by language with their line."""

    level: int
    title: str
    line: int
    prose: list[str] = field(default_factory=list)
    blocks: dict[str, tuple[int, list[str]]] = field(default_factory=dict)


def read(path: Path, family: str) -> list[Mistake]:
    """The mistakes of a page about the layers of `family`, in the order of the page.

    Raises:
        PageError: if the page is not of the form above, or speaks of what does not exist.
    """
    return _Reader(path, family).mistakes()


def sections(path: Path) -> Iterator[Section]:
    """A Markdown page cut at its headings.

    Raises:
        PageError: if a fenced block is not closed.
    """
    section, fence = Section(0, "", 1), None
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if line.startswith("```"):
            opened = number, section.blocks.setdefault(line[3:], (number + 1, []))[1]
            fence = opened if fence is None else None
        elif fence is not None:
            fence[1].append(line)
        elif line.startswith("#"):
            yield section
            marks, _, title = line.partition(" ")
            section = Section(len(marks), title.strip(), number)
        elif line.strip():
            section.prose.append(line.strip())
    if fence is not None:
        raise PageError(f"{path}:{fence[0]}: this block is never closed")
    yield section


@dataclass(frozen=True)
class Change:
    """What a section tells of a mistake: a story, facts with their line, and the lines that change."""

    story: str
    line: int
    facts: Mapping[str, str]
    diff: Diff


def change_of(
    section: Section, path: Path, *, known: Sequence[str], needed: Sequence[str]
) -> Change:
    """The mistake of a section, with facts that are among `known`, the `needed` ones among them.

    Raises:
        PageError: if the section has no sentence, no diff, or facts that are not of that form.
    """
    if not section.prose:
        raise PageError(
            f"{path}:{section.line}: {section.title} has no sentence that says what it is"
        )
    if "diff" not in section.blocks:
        raise PageError(f"{path}:{section.line}: {section.title} has no block of the language diff")
    line, block = section.blocks["diff"]
    head, *changed = block or [""]
    for number, text in enumerate(changed, start=line + 1):
        if text[:2] not in ("- ", "+ ", "  "):
            raise PageError(
                f"{path}:{number}: a line of a diff begins with '- ', '+ ' or two spaces"
            )
    if not any(text.startswith("- ") for text in changed):
        raise PageError(f"{path}:{line}: this diff takes no line away")
    facts = _facts(head, f"{path}:{line}", known, needed)
    return Change(" ".join(section.prose), line, facts, Diff(tuple(changed)))


def _facts(head: str, place: str, known: Sequence[str], needed: Sequence[str]) -> Mapping[str, str]:
    if not (head.startswith("@@ ") and head.endswith(" @@")):
        raise PageError(f"{place}: a diff begins with its facts, @@ gradient: … · code: … @@")
    pairs = [part.partition(": ") for part in head[3:-3].split(" · ")]
    facts = {name.strip(): value.strip() for name, _, value in pairs}
    for name, value in facts.items():
        if name not in known or not value:
            raise PageError(f"{place}: {name!r} is none of {', '.join(known)}, or has no value")
    for name in needed:
        if name not in facts:
            raise PageError(f"{place}: the facts have no {name}")
    return facts


class _Reader:
    """Reads one page; knows the layer whose section it is in."""

    def __init__(self, path: Path, family: str) -> None:
        self.path, self.family = path, family
        self.layer: Layer | None = None
        self.cases: dict[str, Configuration] = {}

    def mistakes(self) -> list[Mistake]:
        found: list[Mistake] = []
        for section in sections(self.path):
            if section.level == 2:
                self._turn_to(section)
            elif section.level == 3:
                found.append(self._mistake(section))
        return found

    def _turn_to(self, section: Section) -> None:
        """The layer that the next mistakes belong to, and its inputs by label."""
        layers = layers_of(self.family)
        if section.title not in layers:
            raise self._error(section.line, f"{section.title!r} is no layer of {self.family}")
        self.layer = layers[section.title]
        self.cases = {one.label: one for one in catalogued(self.family).get(section.title, ())}
        if "python" in section.blocks:
            self._run(*section.blocks["python"])

    def _run(self, line: int, block: list[str]) -> None:
        """A block of `case(label, inputs, **options)`, with what the catalogue draws from at hand."""

        def collect(label: str, inputs: drawing.Inputs, **options: Any) -> None:
            self.cases[label] = case(label, inputs, **options)

        scope = {**vars(drawing), **vars(family_of(self.family, "layers.catalogue"))}
        # Empty lines before it, so that Python counts as the page does.
        source = "\n" * (line - 1) + "\n".join(block)
        try:
            exec(compile(source, str(self.path), "exec"), scope | {"np": np, "case": collect})
        except Exception as error:
            raise self._error(_raised_at(error, self.path, line), f"{error}") from error

    def _mistake(self, section: Section) -> Mistake:
        if self.layer is None:
            raise self._error(section.line, f"{section.title} stands under no layer")
        change = change_of(section, self.path, known=FACTS, needed=("code", "shows"))
        line, facts = change.line, change.facts
        return Mistake(
            name=section.title,
            layer=self.layer,
            diff=change.diff,
            code=facts["code"],
            gradient=self._gradient(line, facts),
            story=change.story,
            shows=self._case(line, facts["shows"]),
            hides=self._case(line, facts["hides"]) if "hides" in facts else None,
            helper=self._helper(line, facts),
            place=f"{self.path}:{section.line}",
        )

    def _gradient(self, line: int, facts: Mapping[str, str]) -> str:
        gradient = facts.get("gradient", "")
        assert self.layer is not None
        if gradient and gradient not in inspect.signature(self.layer).parameters:
            raise self._error(line, f"{self.layer.__name__} has no input {gradient!r}")
        return gradient

    def _case(self, line: int, label: str) -> Configuration:
        if label not in self.cases:
            known = ", ".join(repr(one) for one in self.cases)
            raise self._error(line, f"there are no inputs {label!r}; there are {known}")
        return self.cases[label]

    def _helper(self, line: int, facts: Mapping[str, str]) -> Function | None:
        if "in" not in facts:
            return None
        assert self.layer is not None
        helper = vars(sys.modules[self.layer.__module__]).get(facts["in"])
        if not inspect.isfunction(helper):
            raise self._error(line, f"{self.layer.__name__} calls no function {facts['in']!r}")
        return helper

    def _error(self, line: int, message: str) -> PageError:
        return PageError(f"{self.path}:{line}: {message}")


def _raised_at(error: Exception, path: Path, line: int) -> int:
    """The line of the page at which its own Python failed."""
    if isinstance(error, SyntaxError):
        return error.lineno or line
    frames = traceback.extract_tb(error.__traceback__)
    here = [frame.lineno for frame in frames if frame.filename == str(path)]
    return (here[-1] if here else None) or line
