"""Hyperparameters out of range: every layer of the catalogue says which one, in one line."""

import inspect
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import concatenate, conv2d, max_pool2d, transpose
from layers.catalogue import CATALOGUE


def hyperparameters(layer):
    return {
        p.name: p for p in inspect.signature(layer).parameters.values() if p.kind == p.KEYWORD_ONLY
    }


JUNK = st.sampled_from(["two", b"2", object(), {}, (), (1, 2, 3), [None, 1], np.ones(3), 1j])
"""What is of no use as any hyperparameter, a number, a pair, a choice or an axis."""
NOT_WHOLE = st.sampled_from([1.5, 2.0, np.float64(2), math.nan, math.inf, True, np.True_, "1"])
TOO_LARGE = st.integers(2**31, 10**20)
TOO_SMALL = st.integers(-(10**20), -1) | st.sampled_from([np.int64(-1), np.int8(-3)])
ZERO = st.sampled_from([0, np.int64(0)])
NOT_FINITE = st.sampled_from([math.nan, math.inf, -math.inf, np.float32("nan"), "0.1", None])


def in_a_pair(bad):
    return bad | st.tuples(bad, st.just(1)) | st.tuples(st.just(1), bad)


COUNTS = NOT_WHOLE | TOO_SMALL | TOO_LARGE | ZERO | st.none()
OUT_OF_RANGE = {
    "stride": in_a_pair(NOT_WHOLE | TOO_SMALL | TOO_LARGE | ZERO),
    "dilation": in_a_pair(COUNTS),
    "size": in_a_pair(COUNTS),
    "factor": in_a_pair(COUNTS),
    "padding": in_a_pair(NOT_WHOLE | TOO_SMALL | TOO_LARGE | st.none()),
    "groups": COUNTS | st.sampled_from([4, 11, 1000]),
    "heads": COUNTS | st.sampled_from([4, 5, 1000]),
    "rate": NOT_FINITE | st.floats(1, 1e300) | st.floats(-1e300, -1e-300),
    "eps": NOT_FINITE | st.floats(-1e300, -1e-300),
    "delta": NOT_FINITE | st.floats(-1e300, 0),
    "base": NOT_FINITE | st.floats(-1e300, 0),
    "label_smoothing": NOT_FINITE | st.floats(1.001, 1e300) | st.floats(-1e300, -1e-300),
    "reduction": st.sampled_from(["none", "MEAN", "", None, 0, np.array(["mean", "sum"])]),
    "causal": st.sampled_from(["no", None, 0, 1]),
    "axis": NOT_WHOLE | st.integers(3, 10**20) | st.integers(-(10**20), -4) | st.none(),
    "axes": st.sampled_from([(0, 0, 1, 2), (0,), (0, 1, 2, 7), (0, 1, 2, 3, 4), 3, (0.0, 1.0)]),
    "shape": st.sampled_from([(7, 7), (-1, -1), (-2, 15), (0, -1), None, (5.0, 6.0), 31]),
    "slope": NOT_FINITE,
    "alpha": NOT_FINITE,
    "margin": NOT_FINITE,
    "strength": NOT_FINITE,
    "value": st.sampled_from(["zero", None, math.nan, np.float32("nan")]),
}
"""For each hyperparameter what no layer that has it can use; a new name is refused as junk at least."""

ALL = [(entry, name) for entry in CATALOGUE.values() for name in hyperparameters(entry.layer)]


@pytest.mark.parametrize(("entry", "name"), ALL, ids=[f"{e.name}-{n}" for e, n in ALL])
@given(data=st.data())
def test_what_is_out_of_range_is_refused_in_one_line_that_names_it(entry, name, data):
    one = data.draw(st.sampled_from(entry.configurations), label="configuration")
    bad = data.draw(JUNK | OUT_OF_RANGE.get(name, JUNK), label=name)
    inputs = one.inputs(np.random.default_rng(0))
    with pytest.raises(ValueError, match=f"^{name} is .*expected ") as raised:
        entry.layer(*inputs.values(), **{**one.options, name: bad})
    assert "\n" not in str(raised.value)


ANYTHING = [
    *(0, -1, 7, 100, 10**20, 1.0, 1.5, 2.0, -0.5, math.nan, math.inf, True, None, 1j, "1", b"x"),
    *(np.int64(2), np.int64(0), np.int8(-1), np.ones(2), np.array(2), {}, object(), [], (1,)),
    *((0, 0), (1, 0), (1, 1, 1)),
]
"""What anybody may type for anything; some of it is right somewhere."""


@pytest.mark.parametrize("name", sorted({name for _, name in ALL}))
def test_what_is_taken_gives_numbers_and_what_is_refused_is_named(name):
    for entry in (entry for entry, its in ALL if its == name):
        one = entry.configurations[0]
        inputs = one.inputs(np.random.default_rng(0)).values()
        for value in ANYTHING:
            said, found = "", ()
            try:
                y, backward = entry.layer(*inputs, **{**one.options, name: value})
                found = y, *backward(np.ones_like(y))
            except ValueError as error:
                said = str(error)
            assert not said or re.fullmatch(rf".*\b{name} .*expected .*", said), (entry.name, value)
            assert not any(np.isnan(a).any() for a in found if a is not None), (entry.name, value)


@pytest.mark.parametrize("number", [np.int64, np.int8, np.uint16])
@pytest.mark.parametrize(("entry", "name"), ALL, ids=[f"{e.name}-{n}" for e, n in ALL])
def test_numpys_integers_are_as_good_as_pythons(entry, name, number):
    for one in entry.configurations:
        value = one.options.get(name, hyperparameters(entry.layer)[name].default)
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        inputs = one.inputs(np.random.default_rng(0))
        right, _ = entry.bound(one)(*inputs.values())
        options = {**one.options, name: np.int64(value) if value < 0 else number(value)}
        y, backward = entry.layer(*inputs.values(), **options)
        assert np.array_equal(y, right)
        assert y.dtype == right.dtype
        backward(np.ones_like(y))


def test_a_window_larger_than_the_padded_image_is_told_with_both_sizes():
    x, W, b = np.ones((1, 3, 5, 2)), np.ones((7, 4, 2, 3)), np.ones(3)
    with pytest.raises(ValueError, match=r"covers 7×4 pixels, expected .* 5×7 of x with its pad"):
        conv2d(x, W, b, padding=1)
    with pytest.raises(ValueError, match=r"covers 4×4 pixels, expected .* 3×5 of x with its pad"):
        max_pool2d(x, size=4)


def test_an_axis_along_which_arrays_do_not_fit_is_told_with_their_shapes():
    x, z = np.ones((2, 3)), np.ones((2, 4))
    with pytest.raises(ValueError, match=r"axis is 0, expected .* x of shape \(2, 3\) and z of"):
        concatenate(x, z, axis=0)
    assert concatenate(x, z, axis=-1)[0].shape == (2, 7)


def test_axes_may_be_counted_from_the_back():
    x = np.arange(24.0).reshape(2, 3, 4)
    y, backward = transpose(x, axes=(-1, 0, 1))
    assert y.shape == (4, 2, 3)
    assert np.array_equal(backward(y)[0], x)


def test_every_name_in_the_table_is_somebodys():
    assert set(OUT_OF_RANGE) <= {name for _, name in ALL}
