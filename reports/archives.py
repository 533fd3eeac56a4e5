"""What an archive of arrays will take in memory, known before any of it is unpacked."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from reports.errors import UserError

LARGEST = 2 * 1024**3
"""Bytes; a file that claims more than this once unpacked is neither digits nor an input."""


def refuse_giants(path: Path) -> None:
    """Add up what the arrays will take in memory, as their headers say, before anything is unpacked.

    Raises:
        UserError: if it is too much; whatever zipfile and NumPy trip over, if the file is damaged.
    """
    size = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                size += max(member.file_size, _in_memory(file))
    if size > LARGEST:
        raise UserError(f"{path}: takes {size:,} bytes in memory, more than {LARGEST:,}")


def _in_memory(file: IO[bytes]) -> int:
    """Bytes of an array once it is made float64; its header is read, not its data."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, _ = read[version](file)
    return math.prod(shape) * np.dtype(np.float64).itemsize
