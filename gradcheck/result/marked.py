"""The backward pass line by line: the values that were compared, a mark at each line, values there and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradcheck.render import escape, source_line
from gradcheck.result.verdict import Array, Finding, Verdict


@dataclass(frozen=True, eq=False)
class Line:
    """One value on the way back, compared: `name` is given it last in line `line`, which reads `source`.

    `analytic` is the value as computed, `numeric` what it should be; `bound`, of that shape, limits the
    error of the numerical witness. Of what a loop computes part by part, `part` is the first of them, with
    the line that computes it.
    """

    name: str
    line: int
    source: str
    relative_error: float
    bound: Array
    verdict: Verdict
    analytic: Array
    numeric: Array
    file: str = ""
    part: tuple[int, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line as plain Python values, without its bound."""
        return {
            "name": self.name,
            "line": self.line,
            "source": self.source,
            "relative_error": self.relative_error,
            "verdict": str(self.verdict),
        }


@dataclass(frozen=True, eq=False)
class Lines:
    """What was found line by line: `listing` is the backward pass with its line numbers, in `file`.

    `solved` is what a line without a counterpart should have computed, as far as the gradients tell;
    `explains` says whether all gradients come right once the first wrong value does, None if that is not known.
    """

    compared: tuple[Line, ...] = ()
    listing: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    first_wrong: Finding | None = None
    solved: tuple[Line, ...] = ()
    explains: bool | None = None
    file: str = ""

    @property
    def right(self) -> list[int]:
        """The lines that hold compared values, all of them right."""
        return [number for number, mark in self.marks().items() if mark == "right"]

    def marks(self) -> dict[int, str]:
        """For each line number that holds a compared value: `right`, `wrong` or `unclear`."""
        found: dict[int, set[Verdict]] = {}
        for line in self.compared:
            found.setdefault(line.line, set()).add(line.verdict)
        words = {Verdict.PASS: "right", Verdict.FAIL: "wrong", Verdict.INCONCLUSIVE: "unclear"}
        return {number: words[Verdict.of(verdicts)] for number, verdicts in found.items()}

    def text(self, around: int | None = None, within: int = 2, width: int | None = None) -> str:
        """The backward pass with a mark at each line that was compared.

        Args:
            around: the line to show, with the lines `within` on either side; all by default.
            within: how many of them.
            width: characters a line; source that is longer goes on under itself.
        """
        marks = self.marks()
        return "\n".join(
            source_line(
                f"{'>' if number == around else ' '} {number:>5}  {marks.get(number, '-'):<7}  ",
                text,
                width,
            )
            for number, text in self.listing
            if around is None or abs(number - around) <= within
        )

    def html(self) -> str:
        """The backward pass with its marks, wrong lines set off by colour and by word."""
        marks = self.marks()
        colours = {"right": "#e6f4ea", "wrong": "#fce8e6", "unclear": "#fef7e0"}
        rows = ""
        for number, text in self.listing:
            mark = marks.get(number, "-")
            style = f"background:{colours[mark]};color:#000" if mark in colours else ""
            code = f'<pre style="margin:0">{escape(text, "html")}</pre>'
            rows += (
                f'<tr style="{style}"><td>{number}</td><td>{mark}</td>'
                f'<td style="text-align:left">{code}</td></tr>'
            )
        told = "<caption>The way back, line by line</caption>"
        return f"<table>{told}{rows}</table>" if rows else ""


@dataclass(frozen=True, eq=False)
class Traced:
    """One value on the way there, and its gradient as the way back computes it, None where it has none.

    `reads` are the values that it is computed from, by name; `line` and `gradient_line` are those of
    the file, 0 for an input. Where there are time steps, they stand first.
    """

    name: str
    value: Array
    gradient: Array | None
    reads: tuple[str, ...] = ()
    line: int = 0
    source: str = ""
    gradient_line: int = 0
    gradient_source: str = ""
