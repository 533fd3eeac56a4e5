"""A planted mistake: a right layer with a line of its way back changed, and what should be said of it."""

from __future__ import annotations

import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from layers.catalogue import Configuration
from layers.types import Layer

Function = Callable[..., Any]


@dataclass(frozen=True)
class Mistake:
    """One mistake: the line that is right, the line that is wrong, and where it shows or hides.

    `code` is what a diagnosis should say of `gradient`, the input whose gradient is wrong; codes of
    conduct belong to no gradient, and `gradient` is empty. `helper` is a function that the layer
    calls and in which the line stands, if it is not the layer itself.
    """

    name: str
    layer: Layer
    right: str
    wrong: str
    code: str
    gradient: str
    story: str
    shows: Configuration
    hides: Configuration | None = None
    helper: Function | None = None

    @property
    def planted(self) -> Layer:
        """The layer with the mistake in it, compiled from the changed source."""
        place = self.helper or self.layer
        source = source_of(place)
        if source.count(self.right) != 1:
            raise ValueError(f"{self.name}: {self.right!r} is not exactly once in {place.__name__}")
        helpers = [] if self.helper is None else [self.helper]
        changed = source.replace(self.right, self.wrong)
        return plant(self.layer, place, changed, helpers, self.name)


def source_of(function: Function) -> str:
    """The text of a function, moved to the left margin."""
    return textwrap.dedent(inspect.getsource(function))


def plant(
    layer: Layer, place: Function, source: str, helpers: Sequence[Function], name: str
) -> Layer:
    """The layer compiled anew, with `source` in place of itself or of one of the helpers it calls."""
    scope: dict[str, Any] = {}
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
