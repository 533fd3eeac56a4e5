"""Golden files: what the program prints, kept beside the tests, compared but for figures that rounding decides.

`GRADCHECK_GOLDEN=write pytest $(grep -l golden_files tests/test_*.py)` writes them anew;
then look at `git diff tests/golden`.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"
WRITES = os.environ.get("GRADCHECK_GOLDEN") == "write"

VARYING = (
    # Errors are a few ulp, which the processor's sums decide; an error may be none at all.
    (r"(?<=error\": )\d+\.\d+(?=,)|(?<=,)\d+\.\d+(?=,)", "#"),
    (r"\$\d\.\d\\times10\^\{-\d+\}\$", "$#$"),
    (r"-?\d\.\d+e[-+]\d+|-?\d+\.\d{4,}(e[-+]\d+)?|(?<=[ ,\"])0(?=[ ,]+(#|[\d.]+e-))", "#"),
    (r"\b\d+(\.\d+)? ?s\b|time=\"[\d.]+\"", "# s"),
    # So is the entry that is worst where all are right, and how often it was looked again.
    (r"\[[\d,\s]*\]", "[#]"),
    (r",\d+,[\d ]*,(?=PASS)", ",#,#,"),
    (r"(\"evaluations\": )\d+", r"\1#"),
    # Where the checker itself lies, and its line numbers, are nobody's business.
    (r"File (\\?\")[^\"\\]*/(gradcheck/\w+\.py)\\?\", line \d+", r"File \1\2\1, line #"),
    # Each Python underlines another part of a line in its tracebacks.
    (r"\\n *[~^]+(?=\\n)", ""),
    # The widths of columns follow from all this.
    (r" {2,}(?=\S)|(?<=\S) {2,}", "  "),
    (r"-{3,}", "---"),
    (r"[ \t]+$", ""),
)
"""What differs from machine to machine, and what stands in its place."""


def steady(text: str) -> str:
    """The text without what differs from machine to machine."""
    for pattern, instead in VARYING:
        text = re.sub(pattern, instead, text, flags=re.M)
    return text.strip() + "\n"


def agrees(name: str, text: str) -> None:
    """Assert that a text is that of a golden file but for what varies, or write it there."""
    agrees_to_the_letter(name, steady(text))


def agrees_to_the_letter(name: str, text: str) -> None:
    """Assert that a text is that of a golden file, or write it there."""
    assert text == kept(name, text), DIFFERS.format(name)


NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]\d+)?")
CLOSE = 0.02
"""What the last digit of a step may make of a figure that hangs on it; any other step makes more."""


def agrees_in_figures(name: str, text: str) -> None:
    """Assert that a text is that of a golden file, its figures but for two in a hundred, or write it there."""
    before = kept(name, text)
    for now, then in zip(text.splitlines(), before.splitlines(), strict=True):
        assert NUMBER.sub("#", now) == NUMBER.sub("#", then), DIFFERS.format(name)
        pairs = zip(map(float, NUMBER.findall(now)), map(float, NUMBER.findall(then)), strict=True)
        close = (math.isclose(a, b, rel_tol=CLOSE) for a, b in pairs)
        assert all(close), DIFFERS.format(name) + f"\n{now}\n{then}"


DIFFERS = "what is found is not what {} says; if it should be, GRADCHECK_GOLDEN=write"


def kept(name: str, text: str) -> str:
    """What a golden file holds, which is the text now if that is asked for."""
    path = FOLDER / name
    if WRITES:
        path.write_text(text)
    assert path.exists(), f"there is no {path.name}: GRADCHECK_GOLDEN=write makes it"
    return path.read_text()
