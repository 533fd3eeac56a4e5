"""Runs what a page of the documentation shows, and compares it with what the page says comes out.

A page is worked through from the top, in a folder of its own that holds the Python files beside it
and those of `examples/`, where it has one:

    ```python title="f.py"   is written to that file
    ```python                is run, and what a ```text right after it shows is what it prints
    ```console               after each `$ command` comes what it prints

A line `...` stands for any number of lines. What rounding or the clock decides is not compared.
`python tests/pages.py PAGE...` runs pages and writes their outputs anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r'^```(python|text|console)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)
ANY = "..."
INSTALLED = any("gradcheck" in point.value for point in entry_points(group="pytest11"))
PLUGIN = "" if INSTALLED else "-p gradcheck.pytest_plugin"
"""An installed package is a plugin by itself; a checkout that is only on the path is not."""
PROGRAMS = {
    "gradcheck": "-m gradcheck",
    "python": "",
    "pytest": f"-m pytest -p no:cacheprovider {PLUGIN}",
}
WIDTH = "96"
"""Columns of the terminal that a page shows: what fits a page of the site without a scroll bar."""


class Excerpt(NamedTuple):
    """A piece of a page that shows what comes out: where it stands, what it says, what is true."""

    start: int
    end: int
    shown: str
    printed: str

    @property
    def agrees(self) -> bool:
        """Whether the page tells the truth, but for figures that rounding or the clock decides."""
        chunks = blurred(self.shown).split(f"\n{ANY}\n")
        pattern = r"\n(?:.*\n)*?".join(re.escape(chunk) for chunk in chunks)
        return re.fullmatch(pattern, blurred(self.printed)) is not None


def blurred(text: str) -> str:
    """Without figures that rounding or the clock decides, and the entries that they choose.

    Below 1e-7 an error is rounding's and a resolution the machine's; above, it is the mistake's own.
    """
    text = re.sub(r"\d\.\d+e-(?:0[89]|[1-9]\d)|\b0\.0e\+00", "0.0e-00", text)
    text = re.sub(r"\b\d+\.\d+ ?s\b", "0 s", text)
    text = re.sub(r" +\[[\d, ]+\]", " [0]", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.M).strip("\n")


def excerpts(page: Path, folder: Path) -> Iterator[Excerpt]:
    """Work through a page in an empty folder; each excerpt with what was really printed."""
    for pattern in ("*.py", "wrong/*.py", "examples/*.py"):
        for file in page.parent.glob(pattern):
            copy = folder / file.relative_to(page.parent)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(file, copy)
    printed: str | None = None
    for fence in FENCE.finditer(page.read_text()):
        kind, title, body = fence.groups()
        if kind == "console":
            yield from _transcript(fence, folder)
        elif kind == "text" and printed is not None:
            yield Excerpt(*fence.span(3), body, printed)
        printed = None
        if kind == "python" and title:
            (folder / title).write_text(body)
        elif kind == "python":
            (folder / "_page.py").write_text(body)
            printed = _run("python _page.py", folder)


def _transcript(fence: re.Match[str], folder: Path) -> Iterator[Excerpt]:
    for command in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", fence[3], re.M):
        start, end = command.span(2)
        printed = _run(command[1], folder)
        yield Excerpt(fence.start(3) + start, fence.start(3) + end, command[2], printed)


def _run(command: str, folder: Path) -> str:
    """What a command prints, on a terminal of `WIDTH` columns and with this checkout installed."""
    with tempfile.TemporaryDirectory() as programs:
        for name, arguments in PROGRAMS.items():
            program = Path(programs, name)
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            program.chmod(0o755)
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        told = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        shown = {"COLUMNS": WIDTH, "NO_COLOR": "1", "MPLBACKEND": "Agg"}
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=own | told | shown | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return done.stdout


def refresh(page: Path) -> list[str]:
    """Write the outputs of a page anew; return those that hold `...` and do not agree."""
    text, stale = page.read_text(), []
    with tempfile.TemporaryDirectory() as folder:
        for excerpt in reversed(list(excerpts(page, Path(folder)))):
            if excerpt.agrees:
                continue
            if f"\n{ANY}\n" in f"\n{excerpt.shown}":
                stale.append(excerpt.printed)
                continue
            printed = excerpt.printed.strip("\n")
            text = text[: excerpt.start] + printed + "\n" + text[excerpt.end :]
    page.write_text(text)
    return stale


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        for output in refresh(path):
            print(f"{path}: an abridged excerpt must be mended by hand; it prints\n{output[:999]}")
