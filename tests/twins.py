"""The examples and their wrong twins: imported, and the line that is marked in a twin."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from gradcheck import Report

FOLDER = Path(__file__).resolve().parent.parent / "examples"
MARK = "  # wrong"


def imported(stem: str, folder: str = ".") -> ModuleType:
    """An example, or its twin in the folder `wrong`, as a module."""
    path = FOLDER / folder / f"{stem}.py"
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def marked(stem: str) -> list[int]:
    """The lines that are marked in a wrong twin."""
    lines = (FOLDER / "wrong" / f"{stem}.py").read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith(MARK)]


def named(findings: list[dict]) -> list[int]:
    """The lines that findings name as the first wrong one."""
    return [f["evidence"]["line"] for f in findings if f["code"] == "first-wrong-line"]


def judged_in_half(stem: str, dtype: object) -> tuple[Report, Report]:
    """The reports of an example and of its wrong twin in half precision."""
    right, wrong = (imported(stem, folder).report(dtype, lines=False) for folder in (".", "wrong"))
    return right, wrong
