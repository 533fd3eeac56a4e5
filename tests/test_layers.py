"""The layers: fast against plain loops, complex step as a witness of its own, and their manners."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import Chebyshev, Polynomial
from scipy.special import erfcx, ndtr

import layers
from layers import (
    avg_pool2d,
    conv2d,
    flatten,
    max_pool2d,
    reference,
    relu,
    softmax,
    softmax_cross_entropy,
)
from layers.catalogue import CATALOGUE
from layers.families import FAMILIES, layers_of
from layers.memory import outermost_first
from layers.normal import ERFC_FIT, normal_cdf
from layers.sums import total
from reports.training import side_by_side

ALL = [(entry, one) for entry in CATALOGUE.values() for one in entry.configurations]
NAMES = [f"{entry.name}-{one.label}" for entry, one in ALL]
ANALYTIC = [pair for pair in ALL if pair[0].name not in ("relu", "max_pool2d")]


def same(a, b):
    assert a.shape == b.shape
    assert np.allclose(a, b, rtol=1e-12, atol=1e-12 * max(1, np.abs(b).max(initial=0)))


@given(
    n=st.integers(1, 2),
    h=st.integers(3, 6),
    w=st.integers(3, 6),
    c=st.integers(1, 2),
    kh=st.integers(1, 3),
    kw=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    seed=st.integers(0, 999),
)
def test_convolution_is_what_the_loops_say(n, h, w, c, kh, kw, stride, padding, seed):
    rng = np.random.default_rng(seed)
    x, W, b = rng.normal(size=(n, h, w, c)), rng.normal(size=(kh, kw, c, 2)), rng.normal(size=2)
    y, backward = conv2d(x, W, b, stride=stride, padding=padding)
    plain, plain_backward = reference.conv2d(x, W, b, stride=stride, padding=padding)
    same(y, plain)
    dy = rng.normal(size=y.shape)
    for ours, theirs in zip(backward(dy), plain_backward(dy), strict=True):
        same(ours, theirs)


@given(
    h=st.integers(3, 7),
    w=st.integers(3, 7),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    ties=st.booleans(),
    seed=st.integers(0, 999),
)
def test_max_pooling_is_what_the_loops_say(h, w, size, stride, ties, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, h, w, 2))
    x = np.round(x) if ties else x
    y, backward = max_pool2d(x, size=size, stride=stride)
    plain, plain_backward = reference.max_pool2d(x, size=size, stride=stride)
    same(y, plain)
    dy = rng.normal(size=y.shape)
    same(backward(dy)[0], plain_backward(dy)[0])


def test_what_lies_pixel_by_pixel_comes_out_so_and_is_the_same():
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(5, 6, 8, 2)), rng.normal(size=(3, 3, 2, 4)), rng.normal(size=4)
    single, alone = rng.normal(size=(5, 6, 8, 1)), rng.normal(size=(3, 3, 1, 4))
    ways = [
        (partial(conv2d, padding=1), x, W, b),
        (partial(conv2d, padding=1, groups=2), x, W[:, :, :1], b),
        (partial(conv2d, padding=1), single, alone, b),
        (max_pool2d, x),
        (relu, x),
        (flatten, x),
    ]
    for layer, images, *parameters in ways:
        y, backward = layer(images, *parameters)
        dy = rng.normal(size=y.shape)
        beside, its_backward = layer(side_by_side(images), *parameters)
        its_gradients = its_backward(side_by_side(dy) if y.ndim == 4 else dy)
        same(beside, y)
        for one, other in zip(its_gradients, backward(dy), strict=True):
            same(one, other)
        laid_out = [its_gradients[0], *([beside] if y.ndim == 4 else [])]
        assert all(outermost_first(array) == [1, 2, 0] for array in laid_out), layer


def test_a_tie_goes_to_the_first_and_is_not_multiplied():
    x = np.full((1, 4, 4, 1), 0.5)
    _, backward = max_pool2d(x)
    (dx,) = backward(np.ones((1, 2, 2, 1)))
    assert dx.sum() == 4
    assert dx[0, ::2, ::2, 0].tolist() == [[1, 1], [1, 1]]


def test_overlapping_windows_add_up():
    x = np.zeros((1, 3, 3, 1))
    x[0, 1, 1, 0] = 1.0
    _, backward = max_pool2d(x, size=2, stride=1)
    assert backward(np.ones((1, 2, 2, 1)))[0][0, 1, 1, 0] == 4


def test_nan_is_not_swallowed():
    x = np.zeros((1, 4, 4, 1))
    x[0, 1, 1, 0] = np.nan
    assert np.isnan(max_pool2d(x)[0][0, 0, 0, 0])
    assert np.isnan(relu(np.array([np.nan, 1.0]))[0][0])


def test_padding_never_wins_and_is_not_averaged_in():
    x = -np.ones((1, 3, 3, 1))
    assert (max_pool2d(x, size=3, stride=1, padding=1)[0] == -1).all()
    assert np.allclose(avg_pool2d(x, size=3, stride=1, padding=1)[0], -1)


def test_a_probability_of_zero_gives_a_finite_loss():
    logits = np.array([[1000.0, 0.0], [0.0, -800.0]])
    loss, backward = softmax_cross_entropy(logits, np.array([1, 1]))
    assert loss == 900
    assert np.isfinite(backward(np.ones(()))[0]).all()
    assert np.isfinite(softmax(np.array([[1e4, -1e4]]))[0]).all()


def drawn(one, dtype=np.float64, seed=0):
    inputs = one.inputs(np.random.default_rng(seed))
    return {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in inputs.items()}


@pytest.mark.parametrize(("entry", "one"), ALL, ids=NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_that_goes_in_comes_out(entry, one, dtype):
    inputs = drawn(one, dtype)
    kept = {name: value.copy() for name, value in inputs.items()}
    y, backward = entry.bound(one)(*inputs.values())
    assert y.dtype == dtype
    dy = np.ones_like(y)
    for x, dx in zip(inputs.values(), backward(dy), strict=True):
        assert (dx is None) == (x.dtype.kind != "f")
        if dx is not None:
            assert dx.dtype == dtype
            assert dx.shape == x.shape
    assert all(np.array_equal(kept[name], inputs[name]) for name in kept)


@pytest.mark.parametrize(("entry", "one"), ANALYTIC)
def test_the_complex_step_agrees(entry, one):
    """A witness that shares nothing with the checker: Im f(x + ihv)/h along a random direction."""
    inputs, rng, h = drawn(one), np.random.default_rng(7), 1e-30
    layer = entry.bound(one)
    y, backward = layer(*inputs.values())
    dy = rng.normal(size=y.shape)
    gradients = backward(dy)
    for k, (name, x) in enumerate(inputs.items()):
        if x.dtype.kind != "f":
            continue
        v = rng.normal(size=x.shape)
        moved = {**inputs, name: x + 1j * h * v}
        slope = (dy * layer(*moved.values())[0].imag).sum() / h
        assert np.isclose((gradients[k] * v).sum(), slope, rtol=1e-11, atol=1e-13), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex128])
@pytest.mark.parametrize("shape", [(7,), (5, 3), (2, 3, 4, 5), (0, 3)])
def test_a_total_is_the_sum_over_all_axes_but_the_last(shape, dtype):
    a = np.random.default_rng(0).normal(size=shape).astype(dtype)
    found = total(a)
    assert found.dtype == dtype
    assert np.allclose(found, a.reshape(-1, shape[-1]).sum(axis=0), rtol=1e-5)


def test_an_infinity_stays_in_its_channel():
    assert np.isfinite(total(np.array([[np.inf, 1.0], [np.nan, 2.0]]))).tolist() == [False, True]


def test_the_normal_distribution_in_float32_is_scipys_to_its_precision():
    x = np.linspace(-12, 12, 20_001, dtype=np.float32)
    found, exact = normal_cdf(x), ndtr(x.astype(np.float64))
    assert found.dtype == np.float32
    # x²/2 is rounded before the exponential is taken, whose relative error is that absolute one.
    assert np.all(np.abs(found / exact - 1) < (8 + x * x) * np.finfo(np.float32).eps)
    with np.errstate(all="ignore"):
        extremes = normal_cdf(np.array([-np.inf, np.inf, np.nan], dtype=np.float32))
    assert np.array_equal(extremes, [0, 1, np.nan], equal_nan=True)


def test_the_fit_of_the_normal_distribution_is_chebyshevs():
    # 100 nodes are ten times as many as the fit has coefficients: the choice of them does not show.
    fitted = Chebyshev.interpolate(_log_of_scaled_erfc, 100, domain=[0, 1]).truncate(ERFC_FIT.size)
    coefficients = fitted.convert(kind=Polynomial, domain=[-1, 1], window=[-1, 1]).coef[::-1]
    np.testing.assert_allclose(ERFC_FIT, coefficients, atol=1e-6)


def _log_of_scaled_erfc(t):
    """log(erfc z e^{z²} / t) at z = 2 / t − 2."""
    return np.log(erfcx(2 / t - 2) / t)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="channels"):
        conv2d(np.ones((1, 5, 5, 3)), np.ones((3, 3, 2, 4)), np.ones(4))
    with pytest.raises(ValueError, match="window of size"):
        max_pool2d(np.ones((1, 2, 2, 1)), size=3)
    with pytest.raises(ValueError, match="labels"):
        softmax_cross_entropy(np.ones((2, 3)), np.array([0, 3]))


def test_a_layer_without_its_docstring_is_listed_without_formula(monkeypatch):
    """As `python -OO` leaves it."""
    monkeypatch.setattr(CATALOGUE["dense"].layer, "__doc__", None)
    assert (CATALOGUE["dense"].formula, CATALOGUE["dense"].shapes) == ("", "")


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_entry_has_formula_shapes_and_two_configurations(entry):
    assert "=" in entry.formula
    assert "->" in entry.shapes
    assert len(entry.configurations) >= 2


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_of_a_family_is_in_the_catalogue_and_in_the_package(family):
    layers_here = layers_of(family)
    assert layers_here
    assert set(layers_here) == {name for name in CATALOGUE if name in layers_here}
    for name, layer in layers_here.items():
        assert getattr(layers, name) is layer
        assert name in layers.__all__


def test_the_families_have_the_same_names_everywhere():
    package = Path(layers.__file__).parent
    families = set(FAMILIES)
    helpers = {"arguments", "memory", "normal", "reference", "sums", "types", "windows"}
    shared = {"families", "network", "networks", *helpers}
    assert {page.stem for page in package.glob("[a-z]*.py")} - shared == families
    assert {page.stem for page in (package / "twins").glob("[a-z]*.py")} - shared == families
    rooms = {page.stem for page in (package / "catalogue").glob("[a-z]*.py")}
    assert rooms - {"draw", "entry"} == families
    assert {page.stem for page in (package / "mistakes").glob("*.md")} - {"survivors"} == families
