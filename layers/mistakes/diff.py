"""Lines that change: what makes a right source a wrong one, as a lecturer reads it and as it is applied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diff:
    """Lines after "- " are right, after "+ " wrong, after two spaces both; moved to the left margin."""

    lines: tuple[str, ...]

    @property
    def right(self) -> list[str]:
        """The lines as they stand in the right source."""
        return [line[2:] for line in self.lines if line[0] in "- "]

    @property
    def wrong(self) -> list[str]:
        """The lines as they stand in the wrong source."""
        return [line[2:] for line in self.lines if line[0] in "+ "]

    def applied(self, source: str) -> tuple[str, range]:
        """The wrong source, and which of its lines, counted from 1, are other than they should be.

        Raises:
            ValueError: if the right lines don't stand in `source` exactly once.
        """
        lines = source.split("\n")
        found = [start for start in range(len(lines)) if _begins(lines[start:], self.right)]
        if len(found) != 1:
            raise ValueError(f"{self.right[0]!r} stands there {len(found)} times, not once")
        (start,) = found
        indent = _indent(lines[start])
        lines[start : start + len(self.right)] = [indent + line for line in self.wrong]
        return "\n".join(lines), range(start + 1, start + 1 + len(self.wrong))


def _begins(lines: list[str], block: list[str]) -> bool:
    """Whether `lines` begin with a block of lines, moved to the right as a whole."""
    indent = _indent(lines[0])
    return [indent + line for line in block] == lines[: len(block)]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
