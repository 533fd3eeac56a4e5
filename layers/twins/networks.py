"""Twins of whole networks, from their parameters in the same order."""

from __future__ import annotations

from typing import Any

from layers.twins.activations import relu
from layers.twins.images import conv2d, max_pool2d
from layers.twins.linear import dense, flatten

Tensor = Any


def digits_cnn(x: Tensor, *parameters: Tensor) -> Tensor:
    """The network of `network.digits_cnn`, from its parameters in the same order."""
    conv_W, conv_b, hidden_W, hidden_b, output_W, output_b = parameters
    image = max_pool2d(relu(conv2d(x, conv_W, conv_b, padding=1)))
    hidden = relu(dense(flatten(image), hidden_W, hidden_b))
    return dense(hidden, output_W, output_b)
