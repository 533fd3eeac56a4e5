"""Digits to train and to check on: never a silent substitute, never a half-read file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.result import Array
from reports.archives import refuse_giants
from reports.errors import UserError

NAMES = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Digits:
    """Images (N, H, W, C) in [0, 1] and labels (N,), to train on and to test on."""

    source: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    @property
    def classes(self) -> int:
        """How many digits there are to tell apart."""
        return int(max(self.y_train.max(), self.y_test.max(), 9)) + 1

    def __str__(self) -> str:
        height, width = self.x_train.shape[1:3]
        return (
            f"{self.source}: {len(self.x_train):,} training and {len(self.x_test):,} test images, "
            f"{height}×{width}"
        )


def load(name: str) -> Digits:
    """`digits`, `mnist`, or the path of an .npz file.

    Raises:
        UserError: if the data cannot be had; its text says what to do.
    """
    if name == "digits":
        return _scikit_digits()
    if name == "mnist":
        return _keras_mnist()
    return from_file(Path(name))


def from_file(path: Path) -> Digits:
    """Read and validate an .npz file with x_train, y_train, x_test, y_test.

    Raises:
        UserError: for whatever is wrong with the file, in one line.
    """
    if not path.is_file():
        raise UserError(f"--data {path}: no such file (or use 'digits' or 'mnist')")
    try:
        refuse_giants(path)
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in NAMES if name not in archive]
            if missing:
                raise UserError(f"{path}: no array {missing[0]!r}; expected {', '.join(NAMES)}")
            arrays = {name: archive[name] for name in NAMES}
    except UserError:
        raise
    except Exception as error:
        # Damaged archives raise what zipfile, zlib, lzma, tokenize and NumPy happen to trip over.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: not a readable .npz file ({reason})") from error
    return _validated(str(path), arrays)


def _validated(source: str, arrays: dict[str, Array]) -> Digits:
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        _must_be_images(f"{source}: x_{part}", x)
        _must_be_labels(f"{source}: y_{part}", y, len(x))
        arrays[f"x_{part}"] = _scaled(x)
        arrays[f"y_{part}"] = y.astype(np.int64)
    if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
        raise UserError(f"{source}: training and test images differ in shape")
    return Digits(source, **arrays)


def _must_be_images(where: str, x: Array) -> None:
    if x.ndim not in (3, 4) or 0 in x.shape:
        raise UserError(f"{where} has shape {x.shape}; expected (N, H, W) or (N, H, W, C)")
    if min(x.shape[1:3]) < 2:
        raise UserError(f"{where} has images of {x.shape[1:3]}; expected 2×2 or more")
    if x.dtype.kind not in "uif" or not np.isfinite(x).all():
        raise UserError(f"{where} ({x.dtype}) must hold finite numbers")


def _must_be_labels(where: str, y: Array, count: int) -> None:
    if y.shape != (count,):
        raise UserError(f"{where} has shape {y.shape}; expected {(count,)}")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() > 999:
        raise UserError(f"{where} ({y.dtype}) must hold integer labels from 0")


def _scaled(x: Array) -> Array:
    """Images as (N, H, W, C) float64 in [0, 1]."""
    x = x if x.ndim == 4 else x[..., None]
    largest = 255.0 if x.dtype == np.uint8 else max(float(np.abs(x).max()), 1.0)
    return x.astype(np.float64) / largest


def _scikit_digits() -> Digits:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UserError("--data digits needs scikit-learn: pip install scikit-learn") from error
    bunch: Any = load_digits()
    x, y = bunch.images[..., None] / 16.0, bunch.target.astype(np.int64)
    # The writers come in order, so the last images are by other hands than the first.
    return Digits("digits (scikit-learn)", x[:1297], y[:1297], x[1297:], y[1297:])


def _keras_mnist() -> Digits:
    cached = Path.home() / ".keras" / "datasets" / "mnist.npz"
    try:
        from gradcheck.tape import tensorflow

        (x_train, y_train), (x_test, y_test) = tensorflow().keras.datasets.mnist.load_data()
    except Exception as error:
        raise UserError(
            f"--data mnist: Keras finds no {cached} and cannot download it "
            f"({type(error).__name__}). Copy mnist.npz there, or pass its path: --data mnist.npz"
        ) from error
    return _validated(
        "mnist (Keras)", dict(zip(NAMES, (x_train, y_train, x_test, y_test), strict=True))
    )
