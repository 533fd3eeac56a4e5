"""What each index of an axis touches is seen by combs, and is what single indices touch."""

import numpy as np
import pytest

from gradcheck.numeric import Forward, NumericalWitness, Variable
from gradcheck.numeric.grouping import find_grouping
from layers import conv2d, max_pool2d

RNG = np.random.default_rng(0)
K = RNG.normal(size=(3, 3, 1, 1))


def conv(**options):
    return lambda x: conv2d(x, K, np.zeros(1), **options)[0]


def permuted(x):
    """A convolution whose rows come out in another order."""
    order = np.random.default_rng(1).permutation(x.shape[1] - 2)
    return conv()(x)[:, order]


def looked_at(f, side):
    """The aligned axes of an image, the evaluations it took, and what single rows touch."""
    x = RNG.normal(size=(1, side, side, 1))
    forward = Forward(f, [x])
    variable = Variable(forward, 0)
    grouping = find_grouping(x.shape, forward.value.shape, variable.touched, RNG)
    used = forward.evaluations
    rows = np.zeros((side, forward.value.shape[1]))
    for k in range(side):
        row = np.zeros(x.shape)
        row[0, k] = RNG.uniform(0.5, 1, size=(side, 1))
        moved = variable.touched(row) | variable.touched(-row)
        rows[k] = moved.any(axis=(0, 2, 3))
    return {axis.input_axis: axis for axis in grouping.axes}, used, rows


@pytest.mark.parametrize(
    "f",
    [conv(), conv(padding=1), conv(stride=2), conv(dilation=2), lambda x: max_pool2d(x)[0]],
    ids=["plain", "padded", "strided", "dilated", "pooled"],
)
def test_a_comb_sees_what_single_indices_touch(f):
    axes, used, rows = looked_at(f, 41)
    assert (axes[1].footprint == rows).all() and set(axes) == {1, 2}
    # Two axes of 41 indices, looked at one by one, are 164 evaluations.
    assert used < 130


def test_as_many_combs_whatever_the_side():
    assert looked_at(conv(), 24)[1] == looked_at(conv(), 48)[1]


@pytest.mark.parametrize(
    "f", [permuted, lambda x: conv()(x)[:, ::-1]], ids=["permuted", "reversed"]
)
def test_windows_in_another_order_are_looked_at_one_by_one(f):
    axes, _, rows = looked_at(f, 30)
    assert 1 not in axes or (axes[1].footprint == rows).all()
    x, dy = RNG.normal(size=(1, 30, 30, 1)), np.ones((1, 28, 28, 1))
    true = conv2d(x, K, np.zeros(1))[1](dy)[0]
    numeric = NumericalWitness(Forward(f, [x]), dy).gradient(0)
    assert (np.abs(numeric.value - true) <= numeric.bound + 1e-12).all()


def test_what_is_elementwise_in_one_half_only_is_not_taken_for_elementwise():
    """Where both entries that are tried lie in the harmless half, a random half of all shows the others."""
    for seed in range(10):
        forward = Forward(
            lambda x: np.concatenate([x[:5], x[5:, ::-1]]), [RNG.normal(size=(10, 10))]
        )
        touched, rng = Variable(forward, 0).touched, np.random.default_rng(seed)
        axes = find_grouping((10, 10), (10, 10), touched, rng).axes
        assert [axis.input_axis for axis in axes if axis.footprint is None] == [0]
