"""check() and its relatives: right layers pass, wrong ones fail, misconduct and bad input are named."""

import json
import subprocess
import sys

import numpy as np
import pytest
from examples import dense, pairwise_max, relu, smooth_window, softmax, spoiled, tanh
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from gradcheck import (
    Verdict,
    assert_gradients,
    check,
    check_derivative,
    check_pair,
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def codes(report):
    return {finding.code for finding in report.all_findings()}


@given(
    shape=array_shapes(min_dims=1, max_dims=4, max_side=7),
    exponent=st.integers(-6, 0),
    seed=st.integers(0, 10_000),
    layer=st.sampled_from([tanh, relu, softmax]),
)
def test_right_layers_pass_at_any_shape_and_scale(shape, exponent, seed, layer):
    x = 10.0**exponent * np.random.default_rng(seed).normal(size=shape)
    report = check(layer, x, seed=seed)
    assert report.passed, report


@given(
    n=st.integers(1, 5),
    d=st.integers(1, 7),
    m=st.integers(1, 6),
    seed=st.integers(0, 999),
    which=st.integers(0, 2),
)
def test_dense_passes_and_each_wrong_gradient_fails_alone(n, d, m, seed, which):
    inputs = normal(n, d, seed=seed), normal(d, m, seed=seed + 1), normal(m, seed=seed + 2)
    assert check(dense, *inputs, seed=seed).passed
    report = check(spoiled(dense, lambda g: 1.0005 * g, which), *inputs, seed=seed, lines=False)
    verdicts = [row.verdict for row in report.rows]
    assert verdicts[which] is Verdict.FAIL
    assert verdicts.count(Verdict.PASS) == 2


def test_one_wrong_entry_among_ten_thousand_fails():
    def nudge(g):
        g = g.copy()
        g[41, 73] *= 1.001
        return g

    report = check(spoiled(tanh, nudge), normal(100, 100), lines=False)
    assert report.verdict is Verdict.FAIL
    assert report.rows[0].worst == (41, 73)


def test_sign_flipped_on_a_tiny_gradient_fails():
    def tiny(x):
        y, backward = tanh(x)
        return 1e-7 * y, lambda dy: 1e-7 * backward(dy)

    assert check(tiny, normal(7)).passed
    assert not check(spoiled(tiny, np.negative), normal(7), lines=False).passed


def test_swapped_entries_of_a_tiny_slice_fail():
    def flip(g):
        return np.where(np.arange(g.size).reshape(g.shape) % 97 == 5, -g, g)

    assert not check(spoiled(smooth_window, flip), normal(2, 101), lines=False).passed


def test_nan_never_passes():
    report = check(spoiled(tanh, lambda g: g * np.nan), normal(3), lines=False)
    assert report.verdict is Verdict.FAIL
    one = check(spoiled(tanh, lambda g: np.where(np.arange(3) == 1, np.nan, g)), normal(3))
    assert "not-finite" in codes(one) and not one.passed


@pytest.mark.parametrize("at", [0.0, 1e-9, -1e-9, 1e-7])
def test_relu_at_and_near_its_kink(at):
    x = np.array([at, 1.0, -1.0, 2.0])
    assert check(relu, x).passed
    for spoil in (
        lambda g: g + (np.arange(4) == 0) * 3.0,
        lambda g: np.where(np.arange(4) == 1, 2 * g, g),
    ):
        assert not check(spoiled(relu, spoil), x, lines=False).passed


def test_wrong_values_at_a_kink_fail():
    def at_zero(factor):
        def layer(x):
            return np.maximum(x, 0), lambda dy: dy * np.where(x == 0, factor, x > 0)

        return layer

    x = np.array([0.0, 0.0, 0.7])
    for right in (0.0, 0.5, 1.0):
        report = check(at_zero(right), x)
        assert report.passed and "kink" in codes(report)
    for wrong in (2.0, -1.0, 1.001, -0.001):
        assert not check(at_zero(wrong), x, lines=False).passed


def test_ties_in_full_fail_and_split_ties_pass():
    def share(how):
        def layer(x):
            y = x.max(axis=-1)
            tied = (x == y[..., None]).astype(float)
            if how == "split":
                tied /= tied.sum(axis=-1, keepdims=True)
            return y, lambda dy: dy[..., None] * tied

        return layer

    x = np.full((2, 3, 4), 0.7)
    x[0, 1] = [1.0, 2.0, 3.0, 3.0]
    assert check(pairwise_max, x).passed
    assert check(share("split"), x).passed
    report = check(share("full"), x)
    assert report.verdict is Verdict.FAIL
    assert "ties-duplicated" in codes(report)


def test_vacuous_is_said():
    report = check(softmax, normal(3, 5), upstream=np.ones((3, 5)))
    assert report.passed and "vacuous" in codes(report)


def test_too_noisy_is_inconclusive_never_a_pass():
    def noisy(frequency):
        def layer(x):
            ripples = 1e-3 * np.sin(frequency * x)
            return np.tanh(x) + ripples, lambda dy: dy * (1 - np.tanh(x) ** 2)

        return layer

    # From ripples that a short step just resolves to what is noise at any step.
    for frequency in (1e9, 1e13, 1e17):
        report = check(noisy(frequency), normal(5))
        assert report.verdict is Verdict.INCONCLUSIVE, report
        assert "unresolved" in codes(report) and "the forward pass is too noisy" in str(report)


def test_float32_is_judged_as_float32():
    x = normal(4, 6).astype(np.float32)
    report = check(tanh, x)
    assert report.passed and 1e-8 < report.rows[0].resolution < 1e-3
    assert not check(spoiled(tanh, lambda g: np.float32(1.01) * g), x, lines=False).passed


def test_way_back_in_float32_is_low_precision():
    report = check(spoiled(tanh, lambda g: g.astype(np.float32).astype(np.float64)), normal(40))
    assert "low-precision" in codes(report) and not report.passed


def _layer(conduct):
    buffer = np.zeros((3, 4))

    def layer(x):
        if conduct == "mutates-input":
            x *= 1.5
        y = np.sin(x)
        if conduct == "nondeterministic":
            y = y + 1e-3 * np.random.random(x.shape)  # noqa: NPY002

        def backward(dy):
            if conduct == "mutates-upstream":
                dy *= np.cos(x)
                return dy.copy()
            if conduct == "accumulates":
                buffer.__iadd__(dy * np.cos(x))
                return buffer.copy()
            if conduct == "ignores-upstream":
                return np.cos(x)
            return dy * np.cos(x)

        return y, backward

    return layer


@pytest.mark.parametrize(
    "conduct",
    ["mutates-input", "nondeterministic", "mutates-upstream", "accumulates", "ignores-upstream"],
)
def test_misconduct_is_named_and_fails(conduct):
    x = normal(3, 4)
    kept = x.copy()
    report = check(_layer(conduct), x)
    assert conduct in codes(report)
    assert report.verdict is Verdict.FAIL
    assert x.tobytes() == kept.tobytes()
    assert not codes(check(_layer("none"), x))


def test_wrong_count_shape_dtype():
    inputs = normal(2, 3), normal(3, 4), normal(4)

    def returning(change):
        def layer(x, W, b):
            y, backward = dense(x, W, b)
            return y, lambda dy: change(*backward(dy))

        return layer

    few = check(returning(lambda dx, dW, db: (dx, dW)), *inputs)
    assert "wrong-count" in codes(few) and not few.passed
    none = check(returning(lambda dx, dW, db: (dx, None, db)), *inputs)
    assert "wrong-count" in codes(none) and not none.passed
    assert "W" in str(none)
    shape = check(returning(lambda dx, dW, db: (dx, dW.T, db)), *inputs)
    assert "wrong-shape" in codes(shape) and "(4, 3)" in str(shape) and not shape.passed
    single = check(returning(lambda dx, dW, db: (dx, dW.astype(np.float32), db)), *inputs)
    assert "wrong-dtype" in codes(single) and not single.passed
    many = check(returning(lambda dx, dW, db: (dx, dW, db, db)), *inputs)
    assert "wrong-count" in codes(many) and not many.passed


def test_a_way_back_that_raises_fails_with_its_line():
    def layer(x, W, b):
        return x @ W + b, lambda dy: (dy @ W, x.T @ dy, dy.sum(axis=0))

    report = check(layer, normal(2, 3), normal(3, 4), normal(4))
    assert codes(report) >= {"raises"}
    assert [str(row.verdict) for row in report.rows] == ["FAIL"] * 3
    assert "ValueError" in str(report)


def test_a_mask_needs_no_gradient():
    def masked(x, mask):
        return x * mask, lambda dy: (dy * mask, None)

    report = check(masked, normal(5), np.array([1.0, 0, 1, 1, 0]))
    assert report.passed and [row.name for row in report.rows] == ["x"]


def test_bad_input_names_the_argument():
    with pytest.raises(TypeError, match=r"input W is an integer array.*expected float"):
        check(dense, normal(2, 3), np.ones((3, 4), dtype=int), normal(4))
    with pytest.raises(ValueError, match=r"input b holds nan at \[1\]"):
        check(dense, normal(2, 3), normal(3, 4), np.array([0, np.nan, 0, 0]))
    with pytest.raises(TypeError, match="input 'b' is missing"):
        check(dense, normal(2, 3), normal(3, 4))
    with pytest.raises(TypeError, match="no input 'c'"):
        check(dense, normal(2, 3), normal(3, 4), c=normal(4))
    with pytest.raises(TypeError, match=r"\(value, backward\)"):
        check(np.sin, normal(3))
    with pytest.raises(ValueError, match="upstream has shape"):
        check(tanh, normal(3), upstream=np.ones(4))


def test_inputs_by_name_and_wrt():
    report = check(dense, b=normal(4), x=normal(2, 3), W=normal(3, 4), wrt=["W", 2])
    assert [row.name for row in report.rows] == ["W", "b"]
    assert report.passed


def test_check_pair():
    def affine_forward(x, w, b):
        return x * w + b, (x, w)

    def affine_backward(dout, cache):
        x, w = cache
        return dout * w, dout * x, dout

    inputs = normal(5), normal(5, seed=1), normal(5, seed=2)
    assert check_pair(affine_forward, affine_backward, *inputs).passed
    report = check_pair(affine_forward, lambda d, c: affine_backward(d, c[::-1]), *inputs)
    assert [str(row.verdict) for row in report.rows] == ["FAIL", "FAIL", "PASS"]
    assert [row.name for row in report.rows] == ["x", "w", "b"]


def test_check_derivative_of_a_scalar_an_elementwise_and_a_jacobian():
    x = normal(5)
    A = normal(3, 5)
    assert check_derivative(lambda v: (v**2).sum(), lambda v: 2 * v, x).passed
    assert check_derivative(np.sin, np.cos, x).passed
    assert check_derivative(np.sin, np.cos, 0.3).passed
    assert check_derivative(lambda v: A @ v, lambda v: A, x).passed
    assert not check_derivative(lambda v: A @ v, lambda v: 2 * A, x, lines=False).passed
    assert not check_derivative(np.sin, lambda v: -np.cos(v), x, lines=False).passed
    with pytest.raises(ValueError, match="expected"):
        check_derivative(lambda v: A @ v, lambda v: A.T, x)


def test_assert_gradients_raises_the_table():
    assert assert_gradients(tanh, normal(3)).passed
    with pytest.raises(AssertionError, match="verdict") as caught:
        assert_gradients(spoiled(tanh, np.negative), normal(3))
    assert "FAIL" in str(caught.value)


def test_report_in_every_form():
    report = check(spoiled(tanh, np.negative), normal(3))
    assert "resolution" in str(report) and "FAIL" in str(report)
    decoded = json.loads(report.to_json())
    assert decoded["verdict"] == "FAIL" and decoded["rows"][0]["name"] == "input0"
    assert len(json.loads(report.to_json(arrays=True))["rows"][0]["analytic"]) == 3
    assert "<table>" in report._repr_html_()


def test_results_repeat_to_the_bit():
    first, second = (check(softmax, normal(3, 4)).to_json(arrays=True) for _ in range(2))
    assert first == second


def test_a_users_own_layers_py_does_not_disturb(tmp_path):
    (tmp_path / "layers.py").write_text("raise RuntimeError('the checker imported my file')\n")
    script = (
        "import gradcheck, numpy as np, sys\n"
        "assert gradcheck.check_derivative(np.sin, np.cos, np.ones(3) * .3).passed\n"
        "assert 'tensorflow' not in sys.modules and 'reports' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


def test_numbers_without_digits_are_not_compared():
    def underflowing(x):
        return 1e-300 * x * 1e-12, lambda dy: dy * 1e-300 * 1e-12 * 1.5

    assert check(underflowing, np.ones(3)).verdict is not Verdict.FAIL


def test_a_mask_returned_for_a_gradient_and_gradients_in_the_wrong_order_are_findings():
    x = normal(3, 4)
    report = check(lambda x: (np.maximum(x, 0), lambda dy: x > 0), x)
    assert report.verdict is Verdict.FAIL
    assert "wrong-dtype" in codes(report)

    def lookup(ids, table):
        def backward(dy):
            dtable = np.zeros_like(table)
            np.add.at(dtable, ids, dy)
            return dtable, None

        return table[ids], backward

    report = check(lookup, np.array([0, 2, 2]), normal(4, 5))
    assert report.verdict is Verdict.FAIL
    assert "wrong-count" in codes(report)


class Attribute:
    """A layer as students write them first: what the way back needs is kept in an attribute."""

    def __call__(self, x):
        self.x = x

        def backward(dy):
            return dy * 2 * self.x

        return x * x, backward


def test_a_way_back_that_another_forward_pass_breaks_is_named():
    report = check(Attribute(), normal(3, 4))
    assert report.verdict is Verdict.FAIL
    (finding,) = [f for f in report.findings if f.code == "accumulates"]
    assert finding.evidence["after"] == "another forward pass"
    assert report.rows[0].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("backward_of", "array"),
    [
        (lambda x: lambda dy: dy, "the upstream"),
        (lambda x: lambda dy: dy[::-1][::-1], "the upstream"),
    ],
)
def test_a_gradient_that_is_a_view_is_noted_and_passes(backward_of, array):
    report = check(lambda x: (x.copy(), backward_of(x)), normal(3, 4))
    assert report.verdict is Verdict.PASS
    (finding,) = report.findings
    assert (finding.code, finding.evidence["array"]) == ("aliases", array)


def test_a_gradient_that_is_an_input_is_noted():
    def scalar(x):
        return 0.5 * (x * x).sum(), lambda dy: x if dy == 1 else dy * x

    report = check(scalar, normal(3, 4), upstream=np.ones(()))
    assert [f.evidence["array"] for f in report.findings if f.code == "aliases"] == ["x"]


def test_the_checker_repeats_itself_to_the_bit_and_leaves_everything_as_it_was():
    x, W = normal(3, 4), normal(4, 2)
    kept = [x.tobytes(), W.tobytes()]
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002

    def layer(x, W):
        return np.tanh(x @ W), lambda dy: (dy @ W.T, x.T @ dy)

    first, second = check(layer, x, W), check(layer, x, W)
    assert first.to_json() == second.to_json()
    for a, b in zip(first.rows, second.rows, strict=True):
        assert a.numeric.tobytes() == b.numeric.tobytes()
        assert a.bound.tobytes() == b.bound.tobytes()
    assert [x.tobytes(), W.tobytes()] == kept
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002
    assert x.flags.writeable and W.flags.writeable
