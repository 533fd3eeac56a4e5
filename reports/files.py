"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder, renamed to `path` once the block has written it whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        raise UserError(f"cannot write to {path.parent}: {error.strerror or error}") from error
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    """What the user withholds from the files that they make; it is told only by setting it."""
    withheld = os.umask(0o077)
    os.umask(withheld)
    return withheld


def tried(folder: Path) -> None:
    """Try a folder before any work is done whose result is to lie there.

    Raises:
        UserError: if nothing can be written there.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    with replacing(folder / ".tried") as path:
        path.touch()
    (folder / ".tried").unlink()
    for path in made:
        path.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
