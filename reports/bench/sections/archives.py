"""Section `archives`: damaged files of digits, each of which is read whole or refused in one line."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gradcheck.result import Array
from reports.bench.measurement import NONE, Measurement
from reports.bench.section import Sample, Section
from reports.data import Digits, from_file
from reports.errors import UserError

WHOLE: dict[str, Array] = {
    "x_train": np.zeros((4, 6, 6), np.uint8),
    "y_train": np.arange(4),
    "x_test": np.zeros((2, 6, 6), np.uint8),
    "y_test": np.arange(2),
}
"""A file that can be read: the smallest there is."""

READ, REFUSED = "read", "refused"


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Up to eight bytes changed, and half of the time the end cut off."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.choice([len(changed), rng.randrange(len(changed))])])


def said(path: Path) -> str:
    """What comes of reading a file: read, refused, or the error that a user would have to decipher."""
    try:
        whole = isinstance(from_file(path), Digits)
    except UserError as error:
        return REFUSED if len(str(error).splitlines()) == 1 else "more than one line"
    except Exception as error:
        return type(error).__name__
    return READ if whole else "half read"


def archives(sample: Sample) -> Iterator[Measurement]:
    """Files of digits with changed bytes and missing ends: a fault is one line, never a traceback."""
    rng = random.Random(sample.seed)
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digits.npz")
        np.savez_compressed(path, **WHOLE)  # type: ignore[arg-type]
        data = path.read_bytes()
        for _ in sample.over(sample.seeds, "archives"):
            path.write_bytes(damaged(data, rng))
            found.append(said(path))
    bad = [one for one in found if one not in (READ, REFUSED)]
    kinds = ", ".join(sorted(set(bad)))
    yield Measurement("neither read nor refused in a line", len(bad), NONE, detail=kinds)
    yield Measurement("refused", found.count(REFUSED), detail=f"of {len(found):,}")


SECTION = Section("archives", archives, "damaged archives", size=5_000, quick=400)
