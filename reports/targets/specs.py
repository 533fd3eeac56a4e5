"""What may be typed for an array: `--input NAME=SPEC` and `--upstream @FILE.npy`."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from reports.archives import refuse_giants
from reports.errors import UserError

SPEC = "a shape (3,5), int:SHAPE:LOW..HIGH, a number with a point, or @FILE.npy"
INTEGERS = re.compile(r"int:([\d,]*):(-?\d+)\.\.(-?\d+)")
FLOATS = re.compile(r"(?:(float32|float64):)?(\d+(?:,\d+)*,?)")


def parsed(text: str) -> tuple[str, str]:
    """NAME=SPEC, taken apart.

    Raises:
        UserError: if there is no NAME or no SPEC.
    """
    name, equals, spec = text.partition("=")
    if not (name and equals and spec):
        raise UserError(f"--input {text!r}: expected NAME=SPEC, as in x=3,5 or labels=int:5:0..9")
    return name, spec


def upstream_of(spec: str) -> Any:
    """The upstream gradient in a file, @dy.npy.

    Raises:
        UserError: if it is no file that can be read.
    """
    if not spec.startswith("@"):
        raise UserError(f"--upstream {spec}: expected @FILE.npy")
    return _from_file("--upstream ", spec[1:])


def of_spec(name: str, spec: str, rng: np.random.Generator) -> Any:
    """An input from its specification.

        3,5           normal numbers of shape (3, 5); float32:3,5 in that dtype
        int:5:0..9    integers from 0 to 9, of shape (5,)
        0.5           a number
        @weights.npy  the array in a file; @data.npz:W one of several

    Raises:
        UserError: for a specification that is none of these; the text names the input.
    """
    if spec.startswith("@"):
        return _from_file(f"--input {name}=", spec[1:])
    if integers := INTEGERS.fullmatch(spec):
        low, high = int(integers[2]), int(integers[3])
        if low > high:
            raise UserError(f"--input {name}={spec}: {low} is above {high}, expected LOW..HIGH")
        return rng.integers(low, high + 1, _shape(integers[1]))
    if floats := FLOATS.fullmatch(spec):
        return rng.normal(size=_shape(floats[2])).astype(floats[1] or "float64")
    try:
        return float(spec)
    except ValueError:
        raise UserError(f"--input {name}={spec}: expected {SPEC}") from None


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


def _from_file(option: str, place: str) -> Any:
    """The array in FILE.npy, or in FILE.npz:NAME; `option` is what was typed in front of it."""
    path, _, member = place.partition(":")
    try:
        if zipfile.is_zipfile(path):
            refuse_giants(Path(path))
        # Mapped, an array says what it holds before any of it is read.
        loaded = np.load(Path(path), mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return _numbers(loaded)
        if member in loaded:
            return _numbers(loaded[member])
    except UserError as giant:
        raise UserError(f"{option}@{giant}") from giant
    except OSError as error:
        raise UserError(f"{option}@{place}: cannot be read: {error.strerror or error}") from error
    except Exception as error:
        # Text, objects, a file that is cut off, more memory than there is: NumPy has an error for each.
        raise UserError(f"{option}@{place}: holds no numbers as np.save writes them") from error
    if not loaded.files:
        raise UserError(f"{option}@{place}: {path} holds no arrays")
    known = " or ".join(f"@{path}:{name}" for name in loaded)
    raise UserError(f"{option}@{place}: {path} holds arrays by name: expected {known}")


def _numbers(given: Any) -> Any:
    """An array of numbers, in memory.

    Raises:
        TypeError: if it is none: text, dates, records, or entries that take no bytes.
    """
    if not (isinstance(given, np.ndarray) and given.dtype.kind in "biufc"):
        raise TypeError("no numbers")
    return np.array(given)
