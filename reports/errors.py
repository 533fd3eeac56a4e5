"""The one error that a user can mend: shown as one line, exit status 2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

At = tuple[str, int]
"""A line of the user's own: its file and its number."""


class UserError(Exception):
    """Wrong usage or bad input; its text is the line that the user reads, `at` the line that is at fault."""

    def __init__(self, text: str, at: At | None = None) -> None:
        super().__init__(text)
        self.at = at


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to append to a message about an unknown name: the known ones that look most like it.

    Of a mapping the keys are what a name may look like, the values what is meant then.
    """
    meant = known if isinstance(known, Mapping) else {word: word for word in known}
    words = {word.lower(): meaning for word, meaning in meant.items()}
    close = dict.fromkeys(words[word] for word in _near(name.lower(), words))
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _near(name: str, words: Mapping[str, str]) -> list[str]:
    """The words that look most like a name: itself, else those that hardly differ, else similar ones."""
    from difflib import get_close_matches  # Whoever writes everything right need not wait for it.

    if name in words:
        return [name]
    return get_close_matches(name, words, n=3, cutoff=0.8) or get_close_matches(name, words, n=3)
