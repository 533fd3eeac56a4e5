"""What a subject says to inputs that are tried on it: how far it comes, whether its gradients fit, and why not."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gradcheck.result import Report, Verdict
from reports.targets.asking import Taking, asked, is_whole, taking
from reports.targets.climbing import NEARLY, THROUGH, Far, how_far
from reports.targets.draws import Inputs
from reports.targets.found import Subject
from reports.targets.loading import at, said
from reports.targets.proposals import are_square, template
from reports.targets.showing import shown

MOST = 40
"""Combinations on which the forward pass runs: a way back that fits none of so many is at fault itself."""

MOST_BEHIND = 10
"""The same where some came close."""

ROUNDING = 1e-12
"""What cancels of numbers as large as one leaves less."""

HOLLOW = 4
"""Inputs on which a gradient is zero that are passed over: where it is zero on so many it is so by nature."""

UNFIT = ("raises", "not-finite", "wrong-shape")
"""What is found where inputs do not fit, or where the backward pass is wrong: nobody can tell."""

SHAPES_ALONE = (ValueError, IndexError)
"""What is raised where arrays of the wrong shapes meet; what else is raised is no matter of shapes."""


@dataclass
class Attempts:
    """What was tried on a subject: inputs on which its forward pass ran, each with what was found then.

    On those that got `stuck` an object raised what no other shapes would mend.

    Of what was accepted last there is a `report`. `close` are inputs on which only an axis of length one is too
    many or too few, `misshaped` those on which gradients came back in other shapes, `hollow` those on which all
    passes and a gradient is zero.
    """

    subject: Subject
    given: Inputs
    seed: int
    tried: list[tuple[Inputs, list[str]]] = field(default_factory=list)
    report: Report | None = None
    close: Inputs | None = None
    misshaped: list[tuple[Inputs, Report]] = field(default_factory=list)
    hollow: list[Inputs] = field(default_factory=list)
    stuck: tuple[Inputs, str] | None = None

    def far(self, inputs: Inputs) -> Far:
        """How far the forward pass of a function comes; of a class it takes an object to tell."""
        if len(self.tried) >= (MOST if self.close is None else MOST_BEHIND):
            return ()
        if self.subject.made is None:
            with np.errstate(all="ignore"):
                try:
                    values, words = self.taking.arguments({**inputs, **self.given})
                    result = self.subject.forward(*values, **words)
                    return THROUGH if is_whole(self.subject, result) else NEARLY
                except Exception as error:
                    return how_far(error)
        return THROUGH

    def accepts(self, inputs: Inputs) -> bool:
        """Whether gradients of the right shapes come back, so that their numbers can be judged."""
        if self.tried and not any(map(np.ndim, inputs.values())):
            # What does not fit for arrays is not right because it fits for single numbers.
            return False
        try:
            report = self._asked(inputs)
        except Exception as error:
            # Of a function the forward pass ran; what it returns may be at fault, and not the inputs.
            if self.subject.made is None:
                self.tried.append((inputs, [f"{_sentence(error)}."]))
            elif self.stuck is None and not isinstance(error, SHAPES_ALONE):
                self.stuck = inputs, self._unready(error)
            return False
        found = [one for one in report.all_findings() if one.code in UNFIT]
        unfit = [one.message for one in found]
        self.tried.append((inputs, unfit))
        # Of an output without entries nothing is learnt.
        learnt = any(row.verdict is not Verdict.INCONCLUSIVE for row in report.rows)
        is_close = bool(found) and all(one.evidence.get("numbers") for one in found)
        if self.close is None and report.rows and is_close:
            self.close = {**inputs}
        if {one.code for one in found} == {"wrong-shape"}:
            self.misshaped.append((inputs, report))
        # What is wrong where everything fits by chance may be right elsewhere.
        by_chance = not report.passed and are_square(taking(self.subject), inputs)
        self.report = report
        fits = learnt and not unfit and not by_chance
        if fits and _proves_little(report) and len(self.hollow) < HOLLOW:
            self.hollow.append({**inputs})
            return False
        return fits

    @property
    def has_passed(self) -> bool:
        """Whether what was accepted last passes."""
        return self.report is not None and self.report.passed

    def judged(self, inputs: Inputs) -> Report | None:
        """The verdict on inputs; None where they cannot be checked."""
        with contextlib.suppress(Exception):
            return self._asked(inputs)
        return None

    def is_narrow(self, inputs: Inputs) -> bool:
        """Whether the value comes back in fewer digits than went in."""
        found = self._asked(inputs).all_findings()
        return any(one.code == "low-precision" for one in found)

    def _asked(self, inputs: Inputs) -> Report:
        """The verdict on inputs; whatever user code raises is raised."""
        options = {"effort": "verdict", "lines": False}
        with np.errstate(all="ignore"):
            return asked(self.subject, {**inputs, **self.given}, self.seed, options)

    def nothing(self) -> str:
        """What is said where nothing fits: what the backward pass does on what the forward pass takes, and a
        function to paste."""
        name, guess = self.subject.name, self.tried[0][0] if self.tried else {}
        said_of_them = ((one, why[0]) for one, why in self.tried if why)
        seen = next(said_of_them, self.stuck)
        mistaken = ""
        if seen is not None:
            guess, why = seen
            mistaken = f"for {shown({**guess, **self.given})}: {why} If that is not the mistake, "
        pasted = template(name, taking(self.subject), {**guess, **self.given})
        return f"no inputs for {name}: {mistaken}expected a function {name}_inputs(rng), as in: {pasted}"

    def _unready(self, error: Exception) -> str:
        """What is said of an object that raises where no other shapes would help."""
        line = at(error)
        return (
            f"It raises {_sentence(error)}{f' in line {line[1]}' if line else ''}. Where it must be prepared "
            f"first, write make_{self.subject.name}(rng), which returns one that is."
        )

    @cached_property
    def taking(self) -> Taking:
        """How the subject takes its inputs."""
        return Taking.of(self.subject)


def _proves_little(report: Report) -> bool:
    """Whether all passes, and of a gradient that is zero more would."""
    largest = (np.abs(row.analytic).max(initial=0.0) for row in report.rows)
    return report.passed and min(largest, default=1.0) < ROUNDING


def _sentence(error: Exception) -> str:
    return said(error).rstrip("?.")
