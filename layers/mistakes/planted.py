"""A planted mistake: a right layer with a line of its way back changed, and what should be said of it."""

from __future__ import annotations

import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layers.catalogue import Configuration
from layers.mistakes.diff import Diff
from layers.types import Layer

Function = Callable[..., Any]


class PageError(ValueError):
    """A page of mistakes that cannot be used: file, line, and what is wrong there, in one line."""


@dataclass(frozen=True)
class Mistake:
    """One mistake: the lines that change, and where it shows or hides.

    `code` is what a diagnosis should say of `gradient`, the input whose gradient is wrong; codes of
    conduct belong to no gradient, and `gradient` is empty. `helper` is a function that the layer calls
    and in which the lines stand, if it is not the layer itself. `place` is the page and the line that
    tell of it.
    """

    name: str
    layer: Layer
    diff: Diff
    code: str
    gradient: str
    story: str
    shows: Configuration
    hides: Configuration | None = None
    helper: Function | None = None
    place: str = ""

    @property
    def changed(self) -> tuple[str, str]:
        """The function in which the lines stand, its text as it is right, and as it is wrong.

        Raises:
            PageError: if the right lines don't stand there exactly once.
        """
        function = self.helper or self.layer
        source = source_of(function)
        try:
            wrong, _ = self.diff.applied(source)
        except ValueError as error:
            raise PageError(f"{self.place}: in {function.__name__}, {error}") from error
        return source, wrong

    @property
    def planted(self) -> Layer:
        """The layer with the mistake in it, compiled from the changed source."""
        helpers = [] if self.helper is None else [self.helper]
        _, wrong = self.changed
        return plant(self.layer, self.helper or self.layer, wrong, helpers, self.name)


def source_of(function: Function) -> str:
    """The text of a function, moved to the left margin."""
    return textwrap.dedent(inspect.getsource(function))


def plant(
    layer: Layer, place: Function, source: str, helpers: Sequence[Function], name: str
) -> Layer:
    """The layer compiled anew, with `source` in place of itself or of one of the helpers it calls."""
    # What is planted may need NumPy where the right line does not.
    scope: dict[str, Any] = {"np": np}
    for function in (*helpers, layer):
        scope |= vars(sys.modules[function.__module__])
    for function in (*helpers, layer):
        text = source if function is place else source_of(function)
        filename = f"<{name}: {function.__name__}>"
        # With the lines in the cache, tracebacks and inspect find the changed source.
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(compile(text, filename, "exec"), scope)
    planted: Layer = scope[layer.__name__]
    return planted
