"""The one error that a user can mend: shown as one line, exit status 2."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Wrong usage or bad input; its text is the line that the user reads."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to append to a message about an unknown name: the known ones that look most like it."""
    close = get_close_matches(name, list(known), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
