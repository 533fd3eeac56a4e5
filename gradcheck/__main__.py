"""The launcher: `gradcheck` and `python -m gradcheck` start the command line of the course.

Whatever the user's folder holds, a `layers.py` or a `reports.py` that raises among it, is not
mistaken for ours: the course comes first on the path.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

EXTRA = ("tensorflow", "scipy", "sklearn", "matplotlib", "rich", "latex2mathml", "markdown_it")
"""What `pip install 'gradcheck[course]'` adds to the checker; some commands need it."""

MISUSED = 2
"""Exit status for usage, as in `reports.cli`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    import_module("gradcheck.course")
    try:
        return int(import_module("reports.cli").main(argv))
    except ModuleNotFoundError as missing:
        if missing.name not in EXTRA:
            raise
        print(
            f"gradcheck: this needs {missing.name}: pip install 'gradcheck[course]'",
            file=sys.stderr,
        )
        return MISUSED


if __name__ == "__main__":
    sys.exit(main())
