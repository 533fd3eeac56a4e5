"""One value of the backward pass, compared: how wrong it is, from which line and moment on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.diagnosis.margins import FEWEST
from gradcheck.diagnosis.wrong import WrongGradient
from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.match import Match
from gradcheck.lines.sites import Label, Site
from gradcheck.result import Array, Line, Row, Verdict


@dataclass(frozen=True)
class Compared:
    """One value of the backward pass, compared: its row, and the site and time it is wrong from.

    `part` is the line of the statement that a loop passes first for it, with the place it gives a value to.
    """

    label: Label
    site: Site
    time: int
    row: Row
    suspect: WrongGradient
    match: Match
    file: str
    part: tuple[int, Any] | None = None

    @property
    def intermediate(self) -> Intermediate:
        """The value of the forward pass whose gradient it should be."""
        return self.match.intermediate

    @property
    def is_wrong(self) -> bool:
        """Whether it is convicted."""
        return self.row.verdict is Verdict.FAIL

    @property
    def can_be_set_right(self) -> bool:
        """Whether it is known what it should be, where it is computed."""
        return self.match.fits and not self.label.returned

    @property
    def is_right(self) -> bool:
        """Whether nothing can be said against it."""
        return self.row.verdict is Verdict.PASS

    @property
    def is_unclear(self) -> bool:
        """Whether it cannot be told if it is right."""
        return self.row.verdict is Verdict.INCONCLUSIVE and not self.label.returned

    @cached_property
    def multiple(self) -> float | None:
        """The number that it is times the gradient it is named for, if it is one."""
        if not self.tells_a_multiple:
            return None
        k, model = self.suspect.times_itself()
        return k if k and self.suspect.is_(model) else None

    @property
    def tells_a_multiple(self) -> bool:
        """Whether it has entries enough to tell whether it is a multiple of its gradient."""
        return self.can_be_set_right and bool(np.count_nonzero(self.row.numeric) >= FEWEST)

    def was_right(self, until: int) -> bool:
        """Whether it has a name and was right, or at first was, before a moment."""
        return not self.label.returned and (self.is_right or self.began < until < self.time)

    @property
    def began(self) -> int:
        """When its first part was computed."""
        return min(time for time, _ in self.match.times)

    @property
    def settled(self) -> int:
        """When the first wrong part of it had its final value: until then it is still being summed."""
        if not (self.is_wrong and self.match.fits):
            return self.time
        last = np.full(self.match.hand.shape, self.time)
        for time, place in self.match.times:
            last[place] = time
        return min(last[wrong_entries(self.match, self.row)].tolist(), default=self.time)

    @property
    def line(self) -> Line:
        """As a report says it."""
        row, site = self.row, self.site
        return Line(
            str(self.label), site.line, site.text, row.relative_error, row.bound, row.verdict,
            row.analytic, row.numeric, self.file, self.part,
        )  # fmt: skip


def wrong_entries(match: Match, row: Row) -> Array:
    """Which entries of a value are wrong; of one of another shape there is only one answer."""
    if not match.fits:
        return np.array(row.verdict is Verdict.FAIL)
    return np.asarray(~(np.abs(match.hand - row.numeric) <= row.bound))
