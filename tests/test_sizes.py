"""What a fitted factor is called: every size at hand and every form of one has its name, and nothing else."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck.diagnosis import sizes
from gradcheck.diagnosis.margins import NAMED

SHAPES = {"x": (2, 3, 5, 7), "W": (11, 13), "b": (17,), "s": ()}


def context(first="x", dy=(2, 19), **options):
    named = [(name, np.zeros(shape)) for name, shape in SHAPES.items()]
    named.sort(key=lambda one: one[0] != first)
    inputs = [x for _, x in named]
    return SimpleNamespace(inputs=inputs, named_inputs=named, dy=np.zeros(dy), options=options)


def test_the_sizes_of_an_array_by_their_names():
    images, matrix, row = (sizes._sizes_of(name, np.zeros(SHAPES[name])) for name in "xWb")
    assert images == {
        "axis 0 of x": 2,
        "axis 1 of x": 3,
        "axis 2 of x": 5,
        "axis 3 of x": 7,
        "the spatial positions of x": 15,
        "the number of entries of x": 210,
        "the rows of x": 30,
        "axes 0, 1 of x": 6,
        "axes 1, 2 of x": 15,
        "axes 2, 3 of x": 35,
        "axes 1, 2, 3 of x": 105,
        "axes 0, 2, 3 of x": 70,
        "axes 0, 1, 3 of x": 42,
        "axes 0, 1, 2 of x": 30,
    }
    assert matrix == {
        "axis 0 of W": 11,
        "axis 1 of W": 13,
        "the number of entries of W": 143,
        "the rows of W": 11,
        "axes 0, 1 of W": 143,
    }
    assert row == {"axis 0 of b": 17, "the number of entries of b": 17, "the rows of b": 1}


@pytest.mark.parametrize(
    ("factor", "name"),
    [
        (13, "axis 1 of W"),
        (1 / 13, "1 over axis 1 of W"),
        (13**0.5, "the root of axis 1 of W"),
        (13**-0.5, "1 over the root of axis 1 of W"),
        (169, "axis 1 of W, squared"),
        (2 / 13, "2 over axis 1 of W"),
        (-13, "axis 1 of W, negative"),
        (2, "the batch size"),
        (19, "axis 1 of the output"),
        (0.3, "rate"),
        (0.7, "1 − rate"),
        (13 * (1 + 0.9 * NAMED), "axis 1 of W"),
        (13 * (1 - 0.9 * NAMED), "axis 1 of W"),
        (13 * (1 + 1.1 * NAMED), None),
        (13 * (1 - 1.1 * NAMED), None),
        (23, None),
        (0, None),
    ],
)
def test_a_factor_has_the_name_of_the_likeliest_size(factor, name):
    here = context(rate=0.3)
    assert next(sizes.sizes_equal_to(here, factor), None) == name
    assert sizes.sizes_or_none(here, factor)[0] == name
    assert sizes.sizes_or_none(here, factor)[-1] is None


@pytest.mark.parametrize(
    ("first", "dy", "batch"),
    [
        ("x", (2, 19), True),
        ("x", (3, 2), False),  # The output has another first axis.
        ("b", (17,), False),  # One axis may be the features.
        ("x", (), False),  # A loss, and nothing that could be labels.
    ],
)
def test_the_first_axis_is_a_batch_if_the_output_has_it_too(first, dy, batch):
    assert ("the batch size" in sizes._sizes(context(first, dy))) is batch


def test_of_a_loss_the_labels_tell_the_batch():
    labelled = SimpleNamespace(inputs=[np.zeros((2, 3)), np.zeros(2)], dy=np.zeros(()))
    assert sizes._is_batch(labelled, labelled.inputs[0])
    alone = SimpleNamespace(inputs=[np.zeros(()), np.zeros(())], dy=np.zeros(()))
    assert not sizes._is_batch(alone, alone.inputs[0])


def test_small_numbers_are_called_by_what_they_are():
    called = {k: sizes.small_number(k) for k in (2, 1 / 2, 3, 1 / 3, 4, 1 / 4, -2, 5, 1, 0)}
    assert [*called.values()] == [
        "2",
        "1/2",
        "3",
        "1/3",
        "4",
        "1/4",
        "2, negative",
        None,
        None,
        None,
    ]


def test_a_factor_is_written_with_as_many_digits_as_tell_it_from_one():
    told = {k: sizes.written(k) for k in (1, 2 / 3, 1 + 1e-9, 1 - 1e-12, 12345678)}
    assert [*told.values()] == ["1", "0.666667", "1.000000001", "0.999999999999", "1.23457e+07"]
    assert sizes.said("rate") == " (rate)" and sizes.said(None) == ""
