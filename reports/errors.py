"""The one error that a user can mend: shown as one line, exit status 2."""


class UserError(Exception):
    """Wrong usage or bad input; its text is the line that the user reads."""
