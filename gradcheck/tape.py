"""The second witness: TensorFlow's GradientTape on a separately written forward pass, the twin."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from gradcheck.layer import SEVERAL, Function
from gradcheck.meant import a_kind
from gradcheck.result import Array
from gradcheck.trees import Packing, flat


class TensorFlowMissing(ImportError):
    """TensorFlow is not installed, or its import failed."""


def tensorflow() -> Any:
    """Import TensorFlow, without its start-up chatter unless the import fails.

    Raises:
        TensorFlowMissing: with TensorFlow's own words, if it cannot be imported.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    try:
        # The C++ side logs straight to file descriptor 2, so that is what has to be held back.
        with _standard_error_withheld():
            import tensorflow as tf

            # The devices are looked for at first use, with words of their own.
            tf.config.list_logical_devices()
    except ImportError as error:
        raise TensorFlowMissing(f"TensorFlow cannot be imported: {error}") from error
    tf.get_logger().setLevel("ERROR")
    return tf


@contextmanager
def _standard_error_withheld() -> Iterator[None]:
    """Keep file descriptor 2 in a temporary file, and replay it if the block raises."""
    sys.stderr.flush()
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as withheld:
        os.dup2(withheld.fileno(), 2)
        try:
            yield
        except BaseException:
            withheld.seek(0)
            os.write(terminal, withheld.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            os.environ["TF_CPP_MIN_LOG_LEVEL"] = level


def tape_gradients(
    twin: Function, inputs: Sequence[Array], upstream: Array, wrt: Sequence[int]
) -> tuple[Array, list[Array]]:
    """The twin's value, and an array for each input that `wrt` numbers: zeros where the tape saw no path.

    Raises:
        TypeError: if the twin takes other arguments, or returns what is no tensor of floats as precise.
        ValueError: if its value has not the upstream gradient's shape.
    """
    tf = tensorflow()
    tensors = [tf.constant(np.array(value)) for value in inputs]
    _must_take(twin, tensors)
    watched = [tensors[position] for position in wrt]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        parts = _tensors(tf, twin(*tensors))
    arrays = _as_arrays(parts)
    packing = Packing.of(arrays)
    value = packing.as_precise_as_all(arrays)
    _must_be_like(upstream, value)
    given = packing.unpacked(upstream.astype(value.dtype))
    zero = tf.UnconnectedGradients.ZERO
    found = tape.gradient(parts, watched, list(map(tf.constant, given)), unconnected_gradients=zero)
    # A gather's gradient comes back as slices; a tensor is what everybody else expects.
    return value, _as_arrays(map(tf.convert_to_tensor, found))


def _as_arrays(tensors: Iterable[Any]) -> list[Array]:
    return [tensor.numpy() for tensor in tensors]


def _must_take(twin: Function, tensors: Sequence[Any]) -> None:
    """Raise TypeError for a twin that cannot be called with one tensor for each input."""
    try:
        signature = inspect.signature(twin)
    except (TypeError, ValueError):
        return  # It tells none, as of some functions in C.
    try:
        signature.bind(*tensors)
    except TypeError as error:
        expected = f"one argument for each input of the layer, {len(tensors)} by position"
        raise TypeError(f"twin takes {signature}, expected {expected}") from error


def _tensors(tf: Any, returned: Any) -> list[Any]:
    """What a twin returned: one tensor, also a list of its rows, or one for each of several outputs.

    What is no tensor was not computed by TensorFlow: the tape would have seen no path, and called every
    gradient zero.
    """
    parts = flat(returned, lambda value: not isinstance(value, (*SEVERAL, list)))
    if all(map(tf.is_tensor, parts)):
        with suppress(ValueError, TypeError, tf.errors.InvalidArgumentError):
            return _outputs(tf, parts if isinstance(returned, SEVERAL) else [returned])
    hint = ": is its `return` forgotten?" if returned is None else ""
    raise TypeError(
        f"twin returns {a_kind(returned)}, expected a tensor that TensorFlow computes from its arguments{hint}"
    )


def _outputs(tf: Any, parts: Sequence[Any]) -> list[Any]:
    """The tensors among which an input can move some, or all of them where it can move none."""
    tensors = [tf.convert_to_tensor(part) for part in parts]
    return [tensor for tensor in tensors if tensor.dtype.is_floating] or tensors


def _must_be_like(upstream: Array, value: Array) -> None:
    """Raise TypeError for a value coarser than the layer's, or of no floats, ValueError for another shape."""
    if value.dtype.kind != "f" or np.finfo(value.dtype).eps > np.finfo(upstream.dtype).eps:
        raise TypeError(
            f"twin returns dtype {value.dtype}, the layer {upstream.dtype}: expected floats as precise"
        )
    if value.shape != np.shape(upstream):
        raise ValueError(f"the twin returns shape {value.shape}, the layer {np.shape(upstream)}")
