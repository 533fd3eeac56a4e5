"""What comes of a check: a report with its rows, findings and marked lines, and an edit that mends them."""

from gradcheck.codes import CODES, Code
from gradcheck.result.checked import Along
from gradcheck.result.edits import Edit, Repair
from gradcheck.result.marked import Line, Lines, Traced
from gradcheck.result.report import Report, Smallest
from gradcheck.result.row import COLUMNS, Row, failing
from gradcheck.result.verdict import Array, Finding, Verdict, fault, plain

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
    "Smallest",
    "Traced",
    "Verdict",
    "failing",
    "fault",
    "plain",
]
