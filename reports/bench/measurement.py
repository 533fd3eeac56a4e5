"""A measurement and the promise it is compared with: a figure, a direction, kept or broken."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Unit = Callable[[float], str]
"""How a figure is written, the measured one and the promised one alike."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "≤": operator.le,
    "<": operator.lt,
    "≥": operator.ge,
    "=": operator.eq,
}


def count(value: float) -> str:
    """How many."""
    return f"{value:,.0f}"


def percent(value: float) -> str:
    """A share, to a hundredth of a percent."""
    return f"{value:.2%}"


def scientific(value: float) -> str:
    """An error or a resolution."""
    return f"{value:.1e}"


def seconds(value: float) -> str:
    """A time, to the digit that a person would notice."""
    return f"{value:.4f} s" if value < 0.1 else f"{value:.2f} s"


def times(value: float) -> str:
    """A ratio."""
    return f"{value:.2f}×" if value < 100 else f"{value:,.0f}×"


@dataclass(frozen=True)
class Promise:
    """What a figure is promised to be: `sign` is ≤, <, ≥ or =, and stands before `limit`."""

    sign: str
    limit: float

    def kept_by(self, value: float) -> bool:
        """Whether `value` keeps it; NaN keeps none."""
        return bool(_COMPARISONS[self.sign](value, self.limit))


def at_most(limit: float) -> Promise:
    """`limit` or less."""
    return Promise("≤", limit)


def below(limit: float) -> Promise:
    """Less than `limit`."""
    return Promise("<", limit)


def at_least(limit: float) -> Promise:
    """`limit` or more."""
    return Promise("≥", limit)


def exactly(limit: float) -> Promise:
    """`limit` and nothing else."""
    return Promise("=", limit)


NONE, ALL = exactly(0), exactly(1)
"""Not a single one; every one (of a share)."""


@dataclass(frozen=True)
class Measurement:
    """One figure: what it is, what was measured, what was promised, if anything was.

    `detail` says what stands behind the figure, "37 of 40".
    """

    name: str
    value: float
    promise: Promise | None = None
    unit: Unit = count
    detail: str = ""

    @property
    def broken(self) -> bool:
        """Whether there is a promise, and the figure does not keep it."""
        return self.promise is not None and not self.promise.kept_by(self.value)

    def cells(self) -> tuple[str, str, str, str]:
        """Name, figure, promise, and what came of it, as text."""
        shown = self.unit(self.value) + (f" ({self.detail})" if self.detail else "")
        if self.promise is None:
            return self.name, shown, "-", ""
        promised = f"{self.promise.sign} {self.unit(self.promise.limit)}"
        return self.name, shown, promised, "BROKEN" if self.broken else "kept"

    def to_dict(self) -> dict[str, Any]:
        """The measurement as plain Python values."""
        promise = self.promise and {"sign": self.promise.sign, "limit": self.promise.limit}
        return {
            "name": self.name,
            "value": self.value,
            "detail": self.detail,
            "promise": promise,
            "kept": None if self.promise is None else not self.broken,
        }


def share(name: str, hits: int, total: int, promise: Promise | None = None) -> Measurement:
    """So many of so many; of nothing, the share is not a number, and no promise is kept."""
    value = hits / total if total else float("nan")
    return Measurement(name, value, promise, percent, f"{hits:,} of {total:,}")
