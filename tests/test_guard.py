"""How many evaluations are saved beside two an entry: a ratio, equal on every machine, that must not halve."""

from functools import partial

import numpy as np
import pytest

from gradcheck import check
from layers import Objective, conv2d, dense, digits_cnn, gelu, layer_norm, lstm, max_pool2d

RNG = np.random.default_rng(0)
NETWORK = digits_cnn((8, 8, 1))
LABELS = np.array([3, 7])


def normal(*shape):
    return RNG.normal(size=shape)


CASES = {
    "elementwise": (gelu, [normal(20, 30)], 60.0),
    "dense": (dense, [normal(32, 40), normal(40, 30), normal(30)], 22.3),
    "convolution": (
        partial(conv2d, padding=1),
        [normal(4, 16, 16, 2), normal(3, 3, 2, 4), normal(4)],
        18.7,
    ),
    "pooling": (max_pool2d, [normal(4, 16, 16, 2)], 30.6),
    "normalization": (layer_norm, [normal(8, 16), normal(16), normal(16)], 2.58),
    "recurrent": (
        lstm,
        [normal(2, 5, 3), normal(2, 4), normal(2, 4), normal(3, 16), normal(4, 16), normal(16)],
        0.341,
    ),
    "network as one function": (
        Objective(NETWORK),
        [normal(2, 8, 8, 1), LABELS, *NETWORK.initialize(RNG, scheme="he")],
        14.6,
    ),
}
"""A layer, its inputs, and two evaluations an entry by the evaluations used, as it was."""


def ratio(layer, inputs):
    entries = sum(x.size for x in inputs if x.dtype.kind == "f")
    return 2 * entries / check(layer, *inputs, lines=False).evaluations


@pytest.mark.parametrize("name", CASES)
def test_no_ratio_has_fallen_by_half(name):
    layer, inputs, before = CASES[name]
    assert ratio(layer, inputs) > before / 2
