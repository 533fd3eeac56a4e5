"""The second witness: TensorFlow's GradientTape on a separately written forward pass, the twin."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcheck.layer import Function
from gradcheck.result import Array


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
        ValueError: if the twin's value has not the upstream gradient's shape.
    """
    tf = tensorflow()
    tensors = [tf.constant(np.array(value)) for value in inputs]
    watched = [tensors[position] for position in wrt]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        value = tf.convert_to_tensor(twin(*tensors))
    if tuple(value.shape) != np.shape(upstream):
        raise ValueError(
            f"the twin returns shape {tuple(value.shape)}, the layer {np.shape(upstream)}"
        )
    gradients = tape.gradient(
        value,
        watched,
        output_gradients=tf.constant(upstream, dtype=value.dtype),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    # A gather's gradient comes back as slices; a tensor is what everybody else expects.
    return value.numpy(), [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
