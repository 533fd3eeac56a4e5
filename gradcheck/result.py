"""What a check has to say: verdicts, findings, one row for each gradient, and the report around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gradcheck.codes import CODES, Code
from gradcheck.render import (
    Format,
    escape,
    fitting,
    scientific,
    sentence,
    shape_text,
    source_line,
    table,
)

__all__ = [
    "CODES",
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
    "plain",
]

Array = NDArray[Any]

SCHEMA = 1
"""The version of what `to_dict` returns: it grows when a key changes its meaning or goes."""


class Verdict(Enum):
    """PASS: agree within the bound. FAIL: differ by more. INCONCLUSIVE: the bound is too wide to tell."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    def __str__(self) -> str:
        return self.value

    @staticmethod
    def of(verdicts: Iterable[Verdict]) -> Verdict:
        """The verdict on a whole: one FAIL fails it, and nothing at all proves nothing."""
        seen = set(verdicts)
        if Verdict.FAIL in seen:
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in seen or not seen else Verdict.PASS


@dataclass(frozen=True)
class Finding:
    """Something seen: a stable code, a sentence for a student, and the numbers behind it.

    `fails` says whether the finding alone convicts, as a mutated input does and a kink does not.
    """

    code: Code
    message: str
    evidence: dict[str, Any] = field(default_factory=dict, hash=False)
    fails: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain Python values."""
        return {
            "code": self.code,
            "kind": CODES[self.code].kind,
            "message": self.message,
            "evidence": plain(self.evidence),
            "fails": self.fails,
        }


@dataclass(frozen=True, eq=False, repr=False)
class Row:
    """One gradient: what was derived by hand, beside what its witnesses say."""

    name: str
    """The input whose gradient this is."""
    shape: tuple[int, ...]
    """Its shape, which is that of every array here."""
    analytic: Array
    """The hand-derived gradient, as it was returned."""
    numeric: Array
    """The numerical witness; at a kink the middle of the one-sided slopes."""
    bound: Array
    """What limits |numeric − true gradient|, entry by entry; at a kink half the distance of the slopes."""
    tape: Array | None
    """The gradient that TensorFlow's tape found; None without a twin."""
    relative_error: float
    """‖analytic − numeric‖ / max(‖analytic‖, ‖numeric‖), kinks left out: the table's figure."""
    entry_error: float
    """The largest |a − n| / max(|a|, |n|) over the entries large enough for the bound to resolve."""
    tape_error: float | None
    """As `relative_error`, against the tape."""
    resolution: float
    """The relative error below which the numerical witness can see nothing."""
    worst: tuple[int, ...]
    """The index of the entry furthest outside its bound, or nearest to leaving it."""
    evaluations: int
    """How often the forward pass was run for this gradient."""
    verdict: Verdict
    """Whether the two agree within the bound."""
    findings: tuple[Finding, ...] = ()
    """What was found about this gradient."""
    kinks: Array | None = None
    """Marks the entries that sit at a kink."""
    step: float | None = None
    """The step of the differences relative to the input's scale, the median over the entries."""

    def __repr__(self) -> str:
        error, resolution = scientific(self.relative_error), scientific(self.resolution)
        return f"<Row d{self.name}: {self.verdict}, error {error}, resolution {resolution}>"

    def to_dict(self, *, arrays: bool = False) -> dict[str, Any]:
        """The row as plain Python values; the arrays themselves only on request."""
        figures = {
            "name": self.name,
            "gradient": f"d{self.name}",
            "shape": list(self.shape),
            "relative_error": self.relative_error,
            "entry_error": self.entry_error,
            "tape_error": self.tape_error,
            "resolution": self.resolution,
            "worst": [int(i) for i in self.worst],
            "evaluations": self.evaluations,
            "verdict": str(self.verdict),
            "findings": [finding.to_dict() for finding in self.findings],
        }
        if arrays:
            for name in ("analytic", "numeric", "bound", "tape"):
                value = getattr(self, name)
                figures[name] = None if value is None else np.asarray(value).tolist()
        return figures

    def cells(self) -> list[str]:
        """The row as text, under `COLUMNS`: the one place that says how a figure is written."""
        return [
            f"d{self.name}",
            shape_text(self.shape),
            scientific(self.relative_error),
            "-" if self.tape_error is None else scientific(self.tape_error),
            scientific(self.resolution),
            f"[{', '.join(map(str, self.worst))}]" if self.worst else "-",
            str(self.verdict),
        ]


COLUMNS = ("gradient", "shape", "rel. error", "vs tape", "resolution", "worst entry", "verdict")
DROPPABLE = ("vs tape", "worst entry", "shape", "resolution")
"""Columns that a narrow terminal can do without, the least needed first."""


@dataclass(frozen=True, eq=False)
class Line:
    """One value on the way back, compared: `name` is given it last in line `line`, which reads `source`.

    `analytic` is the value as computed, `numeric` what it should be; `bound`, of that shape, limits the
    error of the numerical witness.
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
    """What was found line by line: `listing` is the backward pass with its line numbers."""

    compared: tuple[Line, ...] = ()
    listing: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    first_wrong: Finding | None = None

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
        return f"<table>{rows}</table>" if rows else ""


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
    is; `gradients` are those that pass; `code` names the mistake, if there is one and the edit says what
    it was.
    """

    edits: tuple[Edit, ...]
    diff: str
    text: str
    gradients: tuple[str, ...] = ()
    code: Code | None = None

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
        return f"With {changes} {_all_pass(len(self.gradients))}."

    def to_dict(self) -> dict[str, Any]:
        """The repair as plain Python values."""
        return {
            "line": self.line,
            "before": self.before,
            "after": self.after,
            "edits": [asdict(one) for one in self.edits],
            "diff": self.diff,
            "code": self.code,
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


class CanRunAgain(Protocol):
    """The check behind a report, which can go on where the report ends."""

    def repair(self) -> Repair | None:
        """Search an edit after which every gradient passes."""
        ...

    def smallest(self) -> Any:
        """Shrink the case as long as the same is said of it."""
        ...

    def tensors(self) -> Any:
        """Every value of the layer with its gradient."""
        ...

    def along(self, name: str) -> Along:
        """What was differentiated, as a function of one input alone."""
        ...


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
    by_line: Lines = Lines()
    """The backward pass line by line, where its lines were compared."""
    file: str | None = None
    """The file it was found in, where it was found in one."""
    _again: CanRunAgain | None = field(default=None, repr=False, compare=False)
    """The check, to run it again; it stays behind where the report goes to another process."""

    @cached_property
    def repair(self) -> Repair | None:
        """An edit of the backward pass after which every gradient passes, at three draws.

        It is searched when it is first asked for, for a few seconds, and only where a gradient is
        wrong and its lines were compared. None if none was found.
        """
        return None if self._again is None else self._again.repair()

    def tensors(self) -> Any:
        """Every value that the layer computes at this point, there and back, in order; for a drawing.

        Raises:
            ValueError: if the report has come from another process, where the layer has stayed.
            Unreadable: if the layer's source cannot be followed.
        """
        if self._again is None:
            raise ValueError("this report has left its layer behind: check it here")
        return self._again.tensors()

    def along(self, name: str) -> Along:
        """What was differentiated as a function of one input, for figures of errors against steps.

        Args:
            name: the input, `W` or `dW`.

        Raises:
            KeyError: if no such gradient was checked.
            ValueError: if the report has come from another process, where the layer has stayed.
        """
        if self._again is None:
            raise ValueError("this report has left its layer behind: check it here")
        return self._again.along(self[name].name)

    def smallest(self) -> Any:
        """The smallest case in which the same is said: a `gradcheck.smallest.Smallest`, to print.

        Raises:
            ValueError: for a report that comes from a file or another process: it cannot be run again.
        """
        if "_smallest" not in self.__dict__:
            self.__dict__["_smallest"] = self._shrunk()
        return self.__dict__["_smallest"]

    def _shrunk(self) -> Any:
        if self._again is None:
            raise ValueError("this report comes without its layer: check again to shrink the case")
        return self._again.smallest()

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
        parts = [sentence(f"{self.title}: {self.verdict}", None)]
        if self.rows:
            parts.append(self._table(width))
        parts += [sentence(note, width) for note in self.notes()]
        wrong = self.by_line.first_wrong
        if wrong is not None:
            parts.append(self.by_line.text(wrong.evidence["line"], width=width))
        if self.repair is not None:
            parts.append(sentence(f"repair: {self.repair}", width))
        return "\n".join(part for part in parts if part)

    def _table(self, width: int | None = None) -> str:
        columns, body = self._cells()
        return fitting(columns, body, width, DROPPABLE)

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Heads and cells, without a column that says nothing: that of the tape where none was asked."""
        silent = {"vs tape"} if all(row.tape_error is None for row in self.rows) else set()
        chosen = [k for k, column in enumerate(COLUMNS) if column not in silent]
        return [COLUMNS[k] for k in chosen], [[row.cells()[k] for k in chosen] for row in self.rows]

    def to_dict(self, *, arrays: bool = False) -> dict[str, Any]:
        """The report as plain Python values, ready for JSON; `schema` is the version of its form."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "file": self.file,
            "verdict": str(self.verdict),
            "passed": self.passed,
            "seed": self.seed,
            "method": self.method,
            "evaluations": self.evaluations,
            "rows": [row.to_dict(arrays=arrays) for row in self.rows],
            "findings": [finding.to_dict() for finding in self.findings],
            "lines": [line.to_dict() for line in self.lines],
            "line_notes": list(self.by_line.notes),
            "repair": None if self.repair is None else self.repair.to_dict(),
        }

    def to_json(self, *, arrays: bool = False, indent: int | None = 2) -> str:
        """The report as strict JSON; figures that are not finite become null."""
        return json.dumps(plain(self.to_dict(arrays=arrays)), indent=indent, allow_nan=False)

    def to_markdown(self) -> str:
        """A heading, the table and a list of the findings, as GitHub reads them."""
        head = f"**{escape(self.title, 'markdown')}: {self.verdict}**"
        listed = "\n".join(f"- {escape(note, 'markdown')}" for note in self.notes())
        excerpt = self._excerpt()
        code = f"```text\n{excerpt}\n```" if excerpt else ""
        patch = f"{self.repair}\n\n```diff\n{self.repair.diff}```" if self.repair else ""
        parts = (head, self._in("markdown"), listed, code, patch)
        return "\n\n".join(part for part in parts if part)

    def to_latex(self) -> str:
        """The table as booktabs LaTeX, the findings as comments above it."""
        notes = [f"% {sentence(note, None)}" for note in self.notes()]
        title = f"% {sentence(self.title, None)}: {self.verdict}"
        return "\n".join([title, *notes, self._in("latex")])

    def to_csv(self) -> str:
        """A line for each gradient, figures in full, the codes of its findings in the last column."""
        return table(CSV_COLUMNS, [csv_cells(self, row) for row in self.rows], "csv") + "\n"

    def to_html(self) -> str:
        """The table, the findings and the marked lines as HTML that stands by itself, without script."""
        head = f"<p><strong>{escape(self.title, 'html')}: {self.verdict}</strong></p>"
        notes = "".join(f"<li>{escape(note, 'html')}</li>" for note in self.notes())
        listed = f"<ul>{notes}</ul>" if notes else ""
        mended = f"<p>{escape(str(self.repair), 'html')}</p>" if self.repair else ""
        return f"{head}{self._in('html')}{listed}{self.by_line.html()}{mended}"

    def save(self, path: str | Path) -> None:
        """Write the report in the form that the ending says: txt, json, md, tex, csv or html.

        Raises:
            ValueError: for another ending.
        """
        path = Path(path)
        forms: dict[str, Callable[[], str]] = {
            ".txt": self.to_text,
            ".json": self.to_json,
            ".md": self.to_markdown,
            ".tex": self.to_latex,
            ".csv": self.to_csv,
            ".html": self.to_html,
        }
        if path.suffix not in forms:
            raise ValueError(f"{path.name} ends in none of {', '.join(forms)}")
        path.write_text(forms[path.suffix]().rstrip("\n") + "\n", encoding="utf-8")

    def _in(self, form: Format) -> str:
        columns, body = self._cells()
        return table(columns, body, form) if self.rows else ""

    def _excerpt(self) -> str:
        wrong = self.by_line.first_wrong
        return "" if wrong is None else self.by_line.text(wrong.evidence["line"])

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> Mapping[str, str]:
        """What a notebook may choose from."""
        return {
            "text/plain": str(self),
            "text/html": self.to_html(),
            "text/markdown": self.to_markdown(),
            "text/latex": self.to_latex(),
        }


CSV_FIGURES = ("relative_error", "entry_error", "tape_error", "resolution", "evaluations")
CSV_COLUMNS = ("file", "layer", "gradient", "shape", *CSV_FIGURES, "worst", "verdict", "findings")


def csv_cells(report: Report, row: Row) -> list[str]:
    """A row for whoever computes on: under `CSV_COLUMNS`, figures in full, empty where there is none."""
    figures = [plain(getattr(row, name)) for name in CSV_FIGURES]
    return [
        report.file or "",
        report.name,
        f"d{row.name}",
        "x".join(map(str, row.shape)) or "scalar",
        *("" if figure is None else str(figure) for figure in figures),
        " ".join(map(str, row.worst)),
        str(row.verdict),
        " ".join(finding.code for finding in (*report.findings, *row.findings)),
    ]


def plain(value: Any) -> Any:
    """NumPy values as Python's own, and what JSON cannot write as null."""
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case np.ndarray():
            return plain(value.tolist())
        case np.generic():
            return plain(value.item())
        case list() | tuple():
            return [plain(item) for item in value]
        case complex():
            return str(value)
        case float():
            return value if np.isfinite(value) else None
        case _:
            return value
