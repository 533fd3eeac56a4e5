"""How targets are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Options:
    """How targets are checked: what goes to `check`, and how long each may take."""

    seed: int = 0
    tape: bool = True
    timeout: float | None = None
    check: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    twin: str | None = None
    smallest: bool = False
    drawn: bool = False
