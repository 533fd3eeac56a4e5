"""What comes of a check: the report, which says what was found in every form, and the smallest case of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.result import written
from gradcheck.result.checked import Along, Behind, Checked
from gradcheck.result.marked import Traced
from gradcheck.result.row import Row
from gradcheck.result.verdict import Array


@dataclass(frozen=True, eq=False, repr=False)
class Report(Checked):
    """The outcome of one check: a row for each gradient, and the findings that concern the whole.

    A report is true if every gradient was seen to be right; `report["W"]` is the row of input W; two
    reports are equal only if they are the same.
    """

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
        found: Smallest = self._here.smallest()
        return found

    @property
    def _here(self) -> Behind:
        if self._again is None:
            raise ValueError("this report has left its layer behind: check again")
        return self._again

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return self.to_text()

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
        return written.strict(self, arrays=arrays, indent=indent)

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
        """The table, the findings and the marked lines as HTML without script: a part, for a page or a cell.

        `save("report.html")` writes a whole page, whose policy lets a browser do nothing but show it.
        """
        return written.part_of_a_page(self)

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


@dataclass(frozen=True, eq=False)
class Smallest:
    """The smallest case found, with everything that is computed in it.

    `inputs` and `upstream` are where the layer is called; `forward` and `backward` hold what each pass has
    given a name to, if its source can be read; `report` is the check there; `row` is the gradient that
    is wrong, or the first, and `index` the entry where the two sides part, None if they do not.
    """

    inputs: Mapping[str, Array]
    upstream: Array
    forward: Mapping[str, Array]
    backward: Mapping[str, Array]
    report: Report
    row: Row
    index: tuple[int, ...] | None

    def __str__(self) -> str:
        groups = [
            ("given", {**self.inputs, "upstream": self.upstream}),
            ("forward", self.forward),
            ("backward", self.backward),
            (f"d{self.row.name}", {"hand-derived": self.row.analytic, "true": self.row.numeric}),
        ]
        parts = [f"{self.report.title}, the smallest case: {self.report.verdict}"]
        for title, values in groups:
            if values:
                parts += [f"{title}:", *map(_written, values, values.values())]
        return "\n".join([*parts, *self._parting()])

    def _parting(self) -> Iterator[str]:
        """Where the two sides part, if they do."""
        if self.index is not None:
            hand, true = self.row.analytic[self.index], self.row.numeric[self.index]
            place = f"[{', '.join(map(str, self.index))}]" if self.index else ""
            yield f"they part at d{self.row.name}{place}: {hand:.6g}, true {true:.6g}"


def _written(name: str, value: Array) -> str:
    """A value under its name, its rows below each other."""
    head = f"  {name} = "
    text = np.array2string(
        np.asarray(value),
        precision=4,
        suppress_small=True,
        threshold=64,
        prefix=head,
        floatmode="maxprec",
    )
    return head + text
