"""Section `commands`: command lines put together at random, each of which ends as it is documented."""

from __future__ import annotations

import contextlib
import io
import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reports.bench.measurement import NONE, Measurement
from reports.bench.section import Sample, Section

FILES = {
    "right.py": "def f(x):\n    return x * x, lambda dy: 2 * x * dy\n\n"
    "def f_inputs(rng):\n    return {'x': rng.normal(size=3)}\n",
    "wrong.py": "def f(x):\n    return x * x, lambda dy: x * dy\n\n"
    "def f_inputs(rng):\n    return {'x': rng.normal(size=3)}\n",
    "syntax.py": "def f(x:\n",
    "raising.py": "raise RuntimeError('no')\n",
    "exiting.py": "import sys\nsys.exit(0)\n",
    "empty.py": "",
    "binary.py": "\x00\x01\x02",
    "lone\nFAKE: PASS.py": "x = 1\n",
    "broken.ipynb": "{",
    "notes.txt": "no Python",
}
"""What lies in the folder: files as people have them, and as they have them on a bad day."""

TARGETS = ("relu", "right.py", "right.py:f", "wrong.py", "wrong.py:f")
"""What can be checked."""

BAD_TARGETS = (
    "dens", "right.py:g", "syntax.py", "syntax.py:f", "raising.py", "raising.py:f", "exiting.py",
    "exiting.py:f", "empty.py", "binary.py", "lone\nFAKE: PASS.py", "lone\nFAKE: PASS.py:f",
    "broken.ipynb", "notes.txt", "missing.py", "missing.py:f", ".", "", ":", "a:b:c", "json:dumps",
    "no.such.module:f", "/dev/null",
)  # fmt: skip
"""What cannot be, and is said to be so."""

OPTIONS = {
    "check": (
        "--format=text", "--format=json", "--format=csv", "--format=github", "--format=sarif",
        "--format=junit", "--format=markdown", "--format=latex", "--format=html", "--lines", "--fix",
        "--effort=directional", "--effort=auto", "--method=complex", "--method=forward", "--input=x=3,5",
        "--timeout=20", "--jobs=2", "--quiet", "--seed=3", "--smallest",
    ),
    "list": ("dense", "conv", "--help"),
    "mistakes": ("dense", "relu"),
    "graph": ("dense", "right.py:f", "--out=graph.svg"),
    "bench": ("archives", "trust", "--quick", "--samples=3"),
    "run": ("--quick", "--no-tape", "--seed=1"),
}  # fmt: skip
"""For each subcommand what may follow it."""

FAULTS = (
    "--format=none", "--effort=all", "--input=x=-1", "--input=x=@none.npy", "--input=x", "--nonsense",
    "--upstream=@none.npy", "--timeout=0", "--jobs=0", "--seed=-1", "--seed=x", "--samples=0",
    "--out=/proc/none/x", "--out=/dev/null", "--data=notes.txt", "--network=none", "nonsense", "",
)  # fmt: skip
"""What is wrong wherever it is written, or nearly."""

ALWAYS = {"check": "--no-tape", "run": "--data=missing.npz", "bench": "--list"}
"""Without it, TensorFlow would be waited for, a network trained, everything measured, for hours."""

A_FAULT = 0.2
"""How often something is put in that is wrong: one refusal would hide all that follows it."""

STATUS = {0, 1, 2}
"""As `gradcheck --help` documents them."""


@dataclass(frozen=True)
class Ended:
    """What came of a command line: its status, or the exception that got out."""

    command: tuple[str, ...]
    status: int | str
    text: str

    @property
    def fault(self) -> str | None:
        """What is wrong with it, if anything is."""
        if self.status not in STATUS:
            return f"ended with {self.status}"
        if "Traceback (most recent call last)" in self.text:
            return "a traceback"
        if any(line.startswith("FAKE: PASS") for line in self.text.splitlines()):
            return "a file's name forged a line"
        if self.status and not self.text.strip():
            return "failed without a word"
        return None


def drawn(rng: random.Random) -> tuple[str, ...]:
    """A command line: a subcommand, targets where it takes some, options, now and then a fault."""
    verb = rng.choice(["check"] * len(OPTIONS) + list(OPTIONS))
    words = rng.sample(OPTIONS[verb], rng.randint(0, min(3, len(OPTIONS[verb]))))
    if verb == "check":
        words += rng.sample(TARGETS, rng.randint(0, 2))
        words += rng.sample(BAD_TARGETS, rng.choice([0, 0, 1]))
    if rng.random() < A_FAULT:
        words.append(rng.choice(FAULTS))
    rng.shuffle(words)
    return (verb, *words, *([ALWAYS[verb]] if verb in ALWAYS else []))


def ended(command: tuple[str, ...]) -> Ended:
    """Run a command line in this process, as `gradcheck` would."""
    from reports.cli import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status: int | str = main(command)
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else 1
        except BaseException as error:
            status = type(error).__name__
    return Ended(command, status, said.getvalue())


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder with the files in it, which is where the command lines are run."""
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        for name, text in FILES.items():
            Path(name).write_text(text, encoding="utf-8")
        yield Path(os.getcwd())


def commands(sample: Sample) -> Iterator[Measurement]:
    """Random command lines over good and bad files: status 0, 1 or 2, a word to each failure, no traceback."""
    rng = random.Random(sample.seed)
    with folder():
        found = [ended(drawn(rng)) for _ in sample.over(sample.seeds, "commands")]
    faults = [one for one in found if one.fault]
    yield Measurement("end as nobody documented", len(faults), NONE, detail=f"of {len(found):,}")
    for status in sorted(STATUS):
        count = sum(one.status == status for one in found)
        yield Measurement(f"end with {status}", count)
    for one in faults:
        yield Measurement(f"· {one.fault}: gradcheck {' '.join(map(ascii, one.command))}", 1)


SECTION = Section("commands", commands, "command lines", size=1_000, quick=40)
