"""TensorFlow where a command needs it: imported once, at its start, or said to be missing in one line."""

from __future__ import annotations

from reports.errors import UserError


def must_be_there(without: bool = False) -> None:
    """Import TensorFlow now, unless the user does without it.

    Raises:
        UserError: if it cannot be imported; the text says how to do without.
    """
    if without:
        return
    from gradcheck.tape import TensorFlowMissing, tensorflow

    try:
        tensorflow()
    except TensorFlowMissing as error:
        raise UserError(f"{error}. Install it, or do without: --no-tape") from error
