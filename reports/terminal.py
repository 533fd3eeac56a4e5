"""What is written to a terminal, a pipe or a log: how wide, in which signs, and when it cannot be."""

from __future__ import annotations

import codecs
import os
import re
import shutil
import sys
from typing import TextIO

PLAIN = {
    "×": "x",
    "−": "-",
    "–": "-",
    "…": "...",
    "±": "+-",
    "→": "->",
    "←": "<-",
    "‖": "||",
    "·": "*",
    "⊙": "*",
    "Σ": "sum",
    "ε": "eps",
    "²": "^2",
    "³": "^3",
    "ᵀ": "^T",
    "≤": "<=",
    "≥": ">=",
    "√": "sqrt",
    "∂": "d",
    "“": '"',
    "”": '"',
}
"""How a sign is written where the encoding has none."""

COLOURS = {"PASS": "32", "FAIL": "31", "INCONCLUSIVE": "33"}
"""Green, red, yellow; the words stay, whatever a terminal makes of the colours."""


def prepare() -> None:
    """Let every text be written, in an encoding that lacks some of our signs too."""
    codecs.register_error("plainly", _plainly)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by whoever started us: nobody wants to hear, and the exit status is right all the same.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="plainly")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in text), error.end


def width() -> int:
    """Characters a line: COLUMNS, or what the terminal has, or 80."""
    return shutil.get_terminal_size((80, 24)).columns


def coloured(text: str, stream: TextIO) -> str:
    """The text with its verdicts in colour, where somebody is looking and wants it."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    verdicts = rf"\b({'|'.join(COLOURS)})\b"
    return re.sub(verdicts, lambda found: f"\033[{COLOURS[found[1]]}m{found[1]}\033[0m", text)
