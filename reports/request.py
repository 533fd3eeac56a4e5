"""What a run is asked to do, and what each of its stages finds."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradcheck
from gradcheck.digests import digest_of, digest_of_files
from gradcheck.journal import Changed, Journal
from gradcheck.result import Array
from layers.network import Network
from layers.networks import NETWORKS
from reports.data import Digits, load
from reports.errors import UserError
from reports.progress import Progress
from reports.table import Line

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Request:
    """What a run is asked to do.

    `jobs` says how many processes check the layers, `executor` who else does (dask:ADDRESS); `resume`
    goes on with what is finished in the folder; `verbose` prints every row, not a line a layer;
    `started` is when it was asked for, on the clock that stages are timed by.
    """

    source: str
    out: Path
    tape: bool = True
    seed: int = 0
    quick: bool = False
    architecture: str = "digits_cnn"
    jobs: int = 1
    executor: str | None = None
    resume: bool = False
    verbose: bool = False
    progress: Progress = field(default_factory=Progress, compare=False)
    started: float = field(default_factory=time.perf_counter, compare=False)

    @cached_property
    def data(self) -> Digits:
        """The digits, read once.

        Raises:
            UserError: if they cannot be had.
        """
        return load(self.source)

    @cached_property
    def journal(self) -> Journal:
        """What is finished of this run, in its folder.

        Raises:
            UserError: if it is to be gone on with, and something that it depends on has changed.
        """
        beside = Path(__file__).parents[1]
        packages = [Path(gradcheck.__file__).parent, beside / "layers", beside / "reports"]
        data = self.data
        facts = {
            "version": gradcheck.__version__,
            "code": digest_of_files(file for one in packages for file in one.rglob("*.py")),
            "inputs": digest_of([data.x_train, data.y_train]),
            "options": self.command,
        }
        try:
            return Journal(self.out / "journal", facts, resume=self.resume)
        except Changed as changed:
            raise UserError(f"--resume: {changed}") from changed

    @property
    def command(self) -> str:
        """What to type to have this run again."""
        options = {"data": self.source, "network": self.architecture, "seed": str(self.seed)}
        named = [part for name, value in options.items() for part in (f"--{name}", value)]
        switches = {"--quick": self.quick, "--no-tape": not self.tape}
        return shlex.join(["gradcheck", "run", *named, *(s for s, on in switches.items() if on)])

    @property
    def network(self) -> Network:
        """The network that is checked and trained, for images of this size."""
        return NETWORKS[self.architecture](self.data.x_train.shape[1:], self.data.classes)


@dataclass(frozen=True)
class Found:
    """What a stage found: whether anything failed, its table, and what is to be said of it.

    `facts` are written to the report; `figures` gives for each file the function that draws it, and
    `arrays` what the page draws. A stage that was left out has failed nothing.
    """

    passed: bool
    table: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    seconds: float = 0.0
