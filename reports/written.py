"""The folder a run leaves behind: the tables in every form, the facts of the run, and the figures."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.result import plain
from reports.files import write_text
from reports.request import Found, Request
from reports.table import render

TABLES = {"gradients.txt": "text", "gradients.md": "github", "gradients.csv": "csv"}


def write(request: Request, stages: Mapping[str, Found], passed: bool) -> None:
    """Write everything that was found."""
    from reports import figures

    table = [line for found in stages.values() for line in found.table]
    for name, form in TABLES.items():
        write_text(request.out / name, render(table, form))
    facts = {
        **_facts(request, stages, passed),
        "gradients": json.loads(render(table, "json")),
    }
    write_text(request.out / "gradients.json", json.dumps(plain(facts), indent=2, allow_nan=False))
    data = request.data
    shown = figures.digits(data.x_train, data.y_train, Path(data.source).name)
    figures.save(shown, request.out / "digits.png")
    for found in stages.values():
        for name, draw in found.figures.items():
            figures.save(draw(), request.out / name)


def _facts(request: Request, stages: Mapping[str, Found], passed: bool) -> dict[str, Any]:
    """Everything that somebody needs to judge the tables, or to make them again."""
    return {
        "passed": passed,
        "data": str(request.data),
        "seed": request.seed,
        "quick": request.quick,
        "tape": request.tape,
        "network": request.architecture,
        "python": platform.python_version(),
        "numpy": np.__version__,
        **{name: found.facts for name, found in stages.items() if found.facts},
        "seconds": {name: round(found.seconds, 3) for name, found in stages.items()},
        "notes": [note for found in stages.values() for note in found.notes],
    }
