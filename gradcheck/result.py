"""What comes of a check: the report, with its rows and findings, its lines, and an edit that mends them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gradcheck import written
from gradcheck.codes import CODES, Code
from gradcheck.marked import Line, Lines
from gradcheck.row import COLUMNS, Row, failing
from gradcheck.verdict import Array, Finding, Verdict, fault, plain

if TYPE_CHECKING:
    from gradcheck.again import Again
    from gradcheck.lines import Traced
    from gradcheck.smallest import Smallest

__all__ = [
    "CODES",
    "COLUMNS",
    "Along",
    "Array",
    "Code",
    "Edit",
    "Finding",
    "Line",
    "Lines",
    "Repair",
    "Report",
    "Row",
    "Verdict",
    "failing",
    "fault",
    "plain",
]


@dataclass(frozen=True)
class Edit:
    """One line of a file changed: what stands in line `line`, before and after, without its indentation."""

    line: int
    before: str
    after: str

    @property
    def code(self) -> str:
        """What stands there then, without a remark at its end."""
        return self.after.split("  #")[0]


@dataclass(frozen=True)
class Repair:
    """What was changed, one mistake or two, so that every gradient passes at three draws.

    `diff` is that as a patch of the file, `text` the function that holds the backward pass as it then
    is; `gradients` are those that pass; `names` holds what each mistake is called, as far as its edit
    says it, with the gradients that it makes wrong in its evidence. `only_here` says that it was proved
    in the sizes given alone: the layer takes no others, or not of the size that the edit reads.
    """

    edits: tuple[Edit, ...]
    diff: str
    text: str
    gradients: tuple[str, ...] = ()
    names: tuple[Finding, ...] = ()
    only_here: bool = False

    @property
    def code(self) -> Code | None:
        """What the mistake is called, if there is one and its edit says it."""
        return self.names[0].code if len(self.names) == len(self.edits) == 1 else None

    @property
    def line(self) -> int:
        """The line of the file that changes, the first of them."""
        return self.edits[0].line

    @property
    def before(self) -> str:
        """What stands there."""
        return self.edits[0].before

    @property
    def after(self) -> str:
        """What stands there then."""
        return self.edits[0].after

    def __str__(self) -> str:
        changes = " and ".join(f"`{one.code}` in line {one.line}" for one in self.edits)
        here = " That was proved in these sizes only." if self.only_here else ""
        return f"With {changes} {_all_pass(len(self.gradients))}.{here}"

    def to_dict(self) -> dict[str, Any]:
        """The repair as plain Python values."""
        return {
            "line": self.line,
            "before": self.before,
            "after": self.after,
            "edits": [asdict(one) for one in self.edits],
            "diff": self.diff,
            "code": self.code,
            "only_here": self.only_here,
            "names": [one.to_dict() for one in self.names],
            "message": str(self),
        }


def _all_pass(count: int) -> str:
    """In words, as far as people write numbers in words."""
    if count == 1:
        return "the gradient passes"
    words = {2: "both", 3: "all three", 4: "all four", 5: "all five", 6: "all six"}
    return f"{words.get(count, f'all {count}')} gradients pass"


class Along(NamedTuple):
    """What a check differentiates, Σ dy·layer(…), as a function of one input."""

    f: Callable[[Array], Array]
    """The function, a scalar."""
    df: Callable[[Array], Array]
    """Its hand-derived gradient, of the input's shape."""
    x: Array
    """The input at which it was checked."""


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The outcome of one check: a row for each gradient, and the findings that concern the whole.

    A report is true if every gradient was seen to be right; `report["W"]` is the row of input W; two
    reports are equal only if they are the same.
    """

    name: str
    """What was checked."""
    rows: tuple[Row, ...]
    """One for each gradient, in the order of the inputs."""
    findings: tuple[Finding, ...] = ()
    """What concerns the whole: conduct, the twin, the first wrong line."""
    seed: int = 0
    """What was drawn, was drawn from this seed: the same seed gives the same report to the byte."""
    method: str = "extrapolated"
    """How the numerical witness differentiates."""
    evaluations: int = 0
    """How often the forward pass was run for the gradients."""
    by_line: Lines = field(default_factory=Lines)
    """The backward pass line by line, where its lines were compared."""
    file: str | None = None
    """The file it was found in, where it was found in one."""
    _again: Again | None = field(default=None, repr=False, compare=False)
    """The check, to run it again; it stays behind where the report goes to another process."""

    @property
    def again(self) -> Again | None:
        """The check behind the report, to go on with; None where the report has left it behind."""
        return self._again

    @cached_property
    def repair(self) -> Repair | None:
        """An edit of the backward pass after which every gradient passes, at three draws.

        It is searched when it is first asked for, for a few seconds, and only where a gradient is
        wrong and its lines were compared. None if none was found.
        """
        return None if self._again is None else self._again.repair()

    def tensors(self) -> list[Traced]:
        """Every value that the layer computes at this point, there and back, in order; for a drawing.

        Raises:
            ValueError: if the report has come from another process, where the layer has stayed.
            Unreadable: if the layer's source cannot be followed.
        """
        return self._here.tensors()

    def along(self, name: str) -> Along:
        """What was differentiated as a function of one input, for figures of errors against steps.

        Args:
            name: the input, `W` or `dW`.

        Raises:
            KeyError: if no such gradient was checked.
            ValueError: if the report has come from another process, where the layer has stayed.
        """
        return self._here.along(self[name].name)

    def smallest(self) -> Smallest:
        """The smallest case in which the same is said, to print.

        Raises:
            ValueError: for a report that comes from a file or another process: it cannot be run again.
        """
        return self._smallest

    @cached_property
    def _smallest(self) -> Smallest:
        return self._here.smallest()

    @property
    def _here(self) -> Again:
        if self._again is None:
            raise ValueError("this report has left its layer behind: check again")
        return self._again

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_again": None}

    @property
    def lines(self) -> tuple[Line, ...]:
        """The values on the way back that were compared, in the order in which they are computed."""
        return self.by_line.compared

    @property
    def verdict(self) -> Verdict:
        """FAIL if any gradient or any finding fails; INCONCLUSIVE if anything could not be told."""
        if any(finding.fails for finding in self.findings):
            return Verdict.FAIL
        return Verdict.of(row.verdict for row in self.rows)

    @property
    def passed(self) -> bool:
        """Whether every gradient was seen to be right."""
        return self.verdict is Verdict.PASS

    @property
    def title(self) -> str:
        """What was checked, with its file where there is one."""
        return self.name if self.file is None else f"{self.file}:{self.name}"

    def __bool__(self) -> bool:
        return self.passed

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if name in (row.name, f"d{row.name}"):
                return row
        known = ", ".join(row.name for row in self.rows) or "none"
        raise KeyError(f"no gradient of {name!r} was checked; checked were: {known}")

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return self.to_text()

    def all_findings(self) -> tuple[Finding, ...]:
        """The findings on the whole, then those of each row."""
        return self.findings + tuple(finding for row in self.rows for finding in row.findings)

    def notes(self) -> list[str]:
        """The findings as sentences, each under its code and the gradient that it is about."""
        notes = [str(finding) for finding in self.findings]
        return notes + [f"d{row.name} {finding}" for row in self.rows for finding in row.findings]

    def to_text(self, width: int | None = None) -> str:
        """The table with the findings, the first wrong line and its repair under it.

        Args:
            width: characters a line; the least needed columns are left out and sentences wrapped.
        """
        return written.text(self, width)

    def to_dict(self, *, arrays: bool = False) -> dict[str, Any]:
        """The report as plain Python values, ready for JSON; `schema` is the version of its form."""
        return written.record(self, arrays=arrays)

    def to_json(self, *, arrays: bool = False, indent: int | None = 2) -> str:
        """The report as strict JSON; figures that are not finite become null."""
        return json.dumps(plain(self.to_dict(arrays=arrays)), indent=indent, allow_nan=False)

    def to_markdown(self) -> str:
        """A heading, the table and a list of the findings, as GitHub reads them."""
        return written.markdown(self)

    def to_latex(self) -> str:
        """The table as booktabs LaTeX, the findings as comments above it."""
        return written.latex(self)

    def to_csv(self) -> str:
        """A line for each gradient, figures in full, the codes of its findings in the last column."""
        return written.spreadsheet(self)

    def to_html(self) -> str:
        """The table, the findings and the marked lines as HTML that stands by itself, without script."""
        return written.page(self)

    def save(self, path: str | Path) -> None:
        """Write the report in the form that the ending says: txt, json, md, tex, csv or html.

        Raises:
            ValueError: for another ending.
        """
        path = Path(path)
        if path.suffix not in written.ENDINGS:
            raise ValueError(f"{path.name} ends in none of {', '.join(written.ENDINGS)}")
        text = written.ENDINGS[path.suffix](self)
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> Mapping[str, str]:
        """What a notebook may choose from."""
        return written.bundle(self)
