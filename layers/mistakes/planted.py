"""A planted mistake: a right layer with a line of its way back changed, and what should be said of it."""

from __future__ import annotations

import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from layers.catalogue import Configuration
from layers.types import Layer


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
    helper: Callable[..., Any] | None = None

    @property
    def planted(self) -> Layer:
        """The layer with the mistake in it, compiled from the changed source."""
        place = self.helper or self.layer
        source = textwrap.dedent(inspect.getsource(place))
        if source.count(self.right) != 1:
            raise ValueError(f"{self.name}: {self.right!r} is not exactly once in {place.__name__}")
        scope = dict(vars(sys.modules[self.layer.__module__]))
        _define(source.replace(self.right, self.wrong), f"<{self.name}>", scope)
        if self.helper is not None:
            _define(inspect.getsource(self.layer), f"<{self.name}, layer>", scope)
        layer: Layer = scope[self.layer.__name__]
        return layer


def _define(source: str, filename: str, scope: dict[str, Any]) -> None:
    # With the lines in the cache, tracebacks and inspect find the changed source.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), scope)
