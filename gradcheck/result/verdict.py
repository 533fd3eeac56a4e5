"""What can be said of a gradient: a verdict, and findings with the numbers behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.codes import CODES, Code

Array = NDArray[Any]


class Verdict(Enum):
    """PASS: agree within the bound. FAIL: differ by more. INCONCLUSIVE: the bound is too wide to tell."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    def __str__(self) -> str:
        return self.value

    @staticmethod
    def of(verdicts: Iterable[Verdict]) -> Verdict:
        """The verdict on a whole: one FAIL fails it, and nothing at all proves nothing."""
        order = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL)
        return max(verdicts, key=order.index, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class Finding:
    """Something seen: a stable code, a sentence for a student, and the numbers behind it.

    `fails` says whether the finding alone convicts, as a mutated input does and a kink does not.
    """

    code: Code
    message: str
    evidence: dict[str, Any] = field(default_factory=dict, hash=False)
    fails: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain Python values."""
        return {
            "code": self.code,
            "kind": CODES[self.code].kind,
            "message": self.message,
            "evidence": plain(self.evidence),
            "fails": self.fails,
        }


def fault(code: Code, message: str, evidence: dict[str, Any] | None = None) -> Finding:
    """A finding that convicts by itself."""
    return Finding(code, message, evidence or {}, fails=True)


def plain(value: Any) -> Any:
    """NumPy values as Python's own, and what JSON cannot write as null."""
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case np.ndarray() | np.generic():
            return plain(value.tolist())
        case list() | tuple():
            return [plain(item) for item in value]
        case complex():
            return str(value)
        case float():
            return value if np.isfinite(value) else None
        case _:
            return value
