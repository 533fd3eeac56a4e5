"""The networks that are checked and trained."""

from __future__ import annotations

from functools import partial

from layers.activations import relu
from layers.combine import flatten
from layers.conv import conv2d
from layers.dense import dense
from layers.network import Network, Step
from layers.pooling import max_pool2d


def digits_cnn(image_shape: tuple[int, ...], classes: int = 10) -> Network:
    """The worked example: a convolutional network that reads digits.

    Convolution 3×3×8 padding 1, ReLU, max pooling 2, flatten, fully connected 100, ReLU, fully
    connected to the classes; its logits go into `softmax_cross_entropy`. With images (28, 28, 1) it
    has 157,990 parameters.
    """
    height, width, channels = image_shape
    filters, hidden = 8, 100
    features = (height // 2) * (width // 2) * filters
    return Network(
        [
            Step("conv", partial(conv2d, padding=1), _weights(3, 3, channels, filters)),
            Step("relu", relu),
            Step("pool", partial(max_pool2d, size=2)),
            Step("flatten", flatten),
            Step("hidden", dense, _weights(features, hidden)),
            Step("hidden_relu", relu),
            Step("output", dense, _weights(hidden, classes)),
        ],
        image_shape,
    )


def _weights(*shape: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """A weight of that shape, and a bias for each of its last axis."""
    return ("W", shape), ("b", shape[-1:])
