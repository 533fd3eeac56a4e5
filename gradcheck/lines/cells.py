"""In which cell a line of a notebook is, for whoever looks at the notebook."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path


def in_its_cell(file: str, line: int) -> str:
    """The sentence, with a blank before it, that places a line of a notebook; nothing for other files."""
    found = cell_of(file, line)
    return f" In the notebook that is {found}." if found else ""


def cell_of(file: str, line: int) -> str:
    """Where a line of a notebook is, in words; nothing for other files."""
    lengths = _lengths(Path(file)) if file.endswith(".ipynb") else []
    for number, length in enumerate(lengths, 1):
        if line <= length:
            return f"line {line} of code cell {number}"
        line -= length
    return ""


def _lengths(notebook: Path) -> list[int]:
    with suppress(OSError, ValueError, KeyError, TypeError):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        return [len(code.split("\n")) for code in codes]
    return []
