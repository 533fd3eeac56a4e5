"""Gradients in a test suite: `assert_gradients` raises the table and the findings as one text."""

import numpy as np
import pytest
from layer import dense, dense_inputs

from gradcheck import assert_gradients, check


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dense(dtype):
    inputs = {name: x.astype(dtype) for name, x in dense_inputs(np.random.default_rng(0)).items()}
    assert_gradients(dense, **inputs)


def test_huge_weights_along_random_directions():
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(8, 300)), rng.normal(size=(300, 200)), rng.normal(size=200)
    assert_gradients(dense, x, W, b, effort="directional")


def test_the_gradient_of_the_weights_alone():
    report = check(dense, **dense_inputs(np.random.default_rng(0)), wrt="W")
    assert report.passed
    assert [row.name for row in report.rows] == ["W"]
