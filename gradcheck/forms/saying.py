"""Remarks on how code was understood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcheck.result import Finding


def said(message: str, **evidence: Any) -> Finding:
    """A remark on how the code was understood."""
    return Finding("adapted", message, evidence)


def said_of(names: Sequence[str], message: str, **evidence: Any) -> list[Finding]:
    """A remark with names in the place of {}; none where there are no names."""
    return [said(message.format(", ".join(names)), **evidence)] if names else []
