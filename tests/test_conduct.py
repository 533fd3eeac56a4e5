"""What a backward pass must not do is named, and what only looks like it is not."""

import numpy as np
import pytest
from examples import relu, tanh

from gradcheck import Verdict, check, check_module, check_pair


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def codes(report):
    return [finding.code for finding in report.all_findings()]


# What looks like misconduct and is none.


def test_a_buffer_that_is_filled_again_is_no_nonlinearity():
    buffer = np.empty((3, 4))

    def layer(x):
        return np.sin(x), lambda dy: np.multiply(dy, np.cos(x), out=buffer)

    assert check(layer, normal(3, 4)).passed


def test_float32_inside_is_low_precision_and_no_nonlinearity():
    def layer(x):
        w = np.cos(x).astype(np.float32)
        return np.sin(x), lambda dy: (dy.astype(np.float32) * w).astype(np.float64)

    assert "ignores-upstream" not in codes(check(layer, normal(40)))


def test_cancellation_is_no_nonlinearity():
    """What is left of two large terms is rounding on the scale of the terms, not of the result."""

    def layer(x):
        return x.copy(), lambda dy: (dy * 1e9 + dy) - dy * 1e9

    assert "ignores-upstream" not in codes(check(layer, normal(40)))


def test_random_values_are_one_finding_not_two():
    rng = np.random.default_rng(0)

    def layer(x):
        keep = rng.random(x.shape) < 0.5
        return x * keep, lambda dy: dy * keep

    found = check(layer, normal(30)).findings
    assert [finding.code for finding in found] == ["nondeterministic"]


def test_a_scalars_upstream_gradient_is_a_number_that_nobody_can_write_to():
    def loss(x):
        def backward(dy):
            dy *= 2
            return dy * x

        return (x * x).sum(), backward

    assert check(loss, normal(5)).passed


def test_a_scalars_upstream_gradient_is_one():
    seen = []

    def loss(x):
        return (x * x).sum(), lambda dy: (seen.append(float(dy)), 2 * x * dy)[1]

    check(loss, normal(5))
    assert seen[0] == 1.0


def test_a_way_back_that_works_once_is_judged_by_its_first_call():
    def layer(x):
        cache = [x]

        def backward(dy):
            return 2 * cache.pop() * dy

        return x * x, backward

    report = check(layer, normal(5))
    assert report.passed
    (finding,) = report.findings
    assert finding.code == "accumulates" and "works once" in finding.message
    wrong = check(lambda x: (x * x, lambda dy, c=None: layer(x)[1](dy) * 1.5), normal(5))
    assert not wrong.passed


# What is misconduct, and named for what it is.


@pytest.mark.parametrize(
    "backward",
    [
        lambda x, dy: np.cos(x),
        lambda x, dy: np.cos(x) * np.abs(dy),
        lambda x, dy: np.cos(x) * dy**2,
        lambda x, dy: np.cos(x) * np.sign(dy),
        lambda x, dy: np.cos(x) * np.clip(dy, -2, 2),
        lambda x, dy: np.cos(x) * dy / np.linalg.norm(dy),
    ],
)
def test_what_is_not_linear_in_the_upstream_gradient_is_convicted(backward):
    report = check(lambda x: (np.sin(x), lambda dy: backward(x, dy)), normal(4, 5))
    assert "ignores-upstream" in codes(report) and report.verdict is Verdict.FAIL


@pytest.mark.parametrize("most", [0.5, 5])
def test_a_gradient_that_is_clipped_is_said_to_be(most):
    clipped = check(lambda x: (3 * x, lambda dy: np.clip(3 * dy, -most, most)), normal(4, 5))
    (said,) = [one for one in clipped.findings if one.code == "ignores-upstream"]
    assert said.message.startswith("dx is cut off where it is large"), said.message


def test_weight_decay_inside_a_layer_is_told_from_a_forgotten_upstream_gradient():
    def layer(x):
        return np.sin(x), lambda dy: dy * np.cos(x) + 0.01 * x

    finding = check(layer, normal(4, 5)).findings[0]
    assert finding.evidence["constant"] == "x" and "backward(0) is not zero" in finding.message


# Gradients that are None.


def test_targets_may_have_none_and_are_said_to_be_unchecked():
    def loss(z, targets):
        return 0.5 * ((z - targets) ** 2).sum(), lambda dy: (dy * (z - targets), None)

    report = check(loss, normal(3, 4), normal(3, 4, seed=1))
    assert report.passed and codes(report) == ["unchecked"]
    assert not check(
        loss, normal(3, 4), normal(3, 4, seed=1), wrt=["z", "targets"], lines=False
    ).passed


@pytest.mark.parametrize("factor", [1, 2])
def test_an_input_left_at_its_default_may_have_a_gradient_and_need_not(factor):
    def scale(x, s=2.0):
        return x * s, lambda dy: (factor * dy * s, (dy * x).sum())

    def scale_alone(x, s=2.0):
        return x * s, lambda dy: factor * dy * s

    def forward(x, s=2.0):
        return x * s, (x, s)

    def backward(dy, cache):
        x, s = cache
        return factor * dy * s, (dy * x).sum()

    for report in (
        check(scale, normal(4)),
        check(scale_alone, normal(4)),
        check_pair(forward, backward, normal(4)),
        check_pair(forward, lambda dy, cache: factor * dy * cache[1], normal(4)),
    ):
        assert report.passed == (factor == 1)
        assert [row.name for row in report] == ["x"]
        assert "wrong-count" not in [finding.code for finding in report.all_findings()]
    assert "s too, which was left at its default" in str(check(scale, normal(4)))
    assert check(scale, normal(4), 3.0)["s"].verdict is Verdict.PASS
    strange = check(lambda x, k=2: (k * x, lambda dy: (k * dy, dy)), normal(4))
    assert "wrong-count" in [finding.code for finding in strange.findings]


def test_what_is_left_out_with_wrt_needs_no_none():
    def loss(z, targets):
        return 0.5 * ((z - targets) ** 2).sum(), lambda dy: dy * (z - targets)

    report = check(loss, normal(3, 4), normal(3, 4, seed=1), wrt="z")
    assert report.passed and codes(report) == []


def test_a_parameter_without_a_gradient_is_not_concluded():
    def dense(x, W):
        return x @ W, lambda dy: (dy @ W.T, None)

    report = check(dense, normal(3, 4), normal(4, 2))
    assert report["x"].verdict is Verdict.PASS
    assert report["W"].verdict is report.verdict is Verdict.INCONCLUSIVE
    assert "wrong-count" in codes(report)


def test_what_raises_inside_numpy_is_told_by_the_users_line():
    def layer(x):
        def backward(dy):
            return np.tensordot(dy, np.ones((2, 2)), 1)

        return 2 * x, backward

    (finding,) = [f for f in check(layer, normal(2, 3)).findings if f.code == "raises"]
    assert "(in backward, line " in finding.message


def test_after_raises_nothing_is_said_of_gradients_that_never_were():
    def layer(x, W):
        return x @ W, lambda dy: (dy @ W, x.T @ dy)

    report = check(layer, normal(2, 3), normal(3, 4))
    assert "wrong-count" not in codes(report) and report.findings[0].code == "raises"


# What cannot be honoured is refused.


def test_options_that_do_not_go_together_are_refused():
    x = normal(3)
    with pytest.raises(ValueError, match="effort='directional'"):
        check(np.abs, x, effort="directional", method="complex")
    with pytest.raises(ValueError, match="wrt is empty"):
        check(tanh, x, wrt=[])
    with pytest.raises(ValueError, match="expected one of 'complete'"):
        check(relu, x, effort="lazy")


def test_what_underflows_in_float32_is_no_nonlinearity():
    def layer(x):
        # The product is below float32's smallest normal number on the way, and above it at the end.
        tiny = x.dtype.type(1e-30)
        return x * tiny, lambda dy: (dy * tiny * x.dtype.type(1e-12)) * x.dtype.type(1e12)

    assert "ignores-upstream" not in codes(check(layer, normal(4).astype(np.float32)))


def test_a_way_back_that_cannot_be_called_is_not_placed_in_our_own_code():
    (raised,) = check(lambda x: (2 * x, lambda: 2), np.ones(2)).findings
    assert raised.code == "raises" and raised.message.endswith("but 1 was given.")


def test_gradients_in_a_dict_are_told_that_they_go_by_order():
    report = check(lambda x: (2 * x, lambda dy: {"dx": 2 * dy}), np.ones(2))
    assert "they go by order (check_pair and check_loss read dicts" in report.findings[0].message


# What answers otherwise each time draws at random, or has left something behind.


def drawn_by(draw):
    def layer(x):
        return x * x, lambda dy: 2 * x * dy * draw(x.shape)

    return layer


def decaying(x):
    state = decaying.state = getattr(decaying, "state", {"rate": 1.0})

    def backward(dy):
        state["rate"] *= 0.9
        return 2 * x * dy * state["rate"]

    return x * x, backward


def adding(x):
    total = adding.total = getattr(adding, "total", np.zeros_like(x))

    def backward(dy):
        total[...] += 2 * x * dy
        return total

    return x * x, backward


OWN = np.random.default_rng(3)
ANSWERS = {
    "NumPy's generator": (drawn_by(lambda shape: np.random.rand(*shape) < 0.5), "nondeterministic"),  # noqa: NPY002
    "one number of it": (drawn_by(lambda shape: np.random.rand()), "nondeterministic"),  # noqa: NPY002
    "a generator of its own": (drawn_by(lambda shape: OWN.random(shape) < 0.5), "nondeterministic"),
    "a little noise": (
        drawn_by(lambda shape: 1 + 1e-6 * OWN.normal(size=shape)),
        "nondeterministic",
    ),
    "a rate that decays": (decaying, "accumulates"),
    "a buffer of all layers": (adding, "accumulates"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_draws_on_the_way_back_is_told_from_what_is_left_behind(name):
    layer, code = ANSWERS[name]
    report = check(layer, normal(4, 5), lines=False)
    assert [finding.code for finding in report.findings] == [code]


def test_a_mask_drawn_anew_on_the_way_back_adds_to_no_buffer():
    class Dropout:
        def __init__(self):
            self.W = normal(4, 3)

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dy):
            dy = dy * (np.random.rand(*dy.shape) < 0.5)  # noqa: NPY002
            self.dW = self.x.T @ dy
            return dy @ self.W.T

    said = codes(check_module(Dropout(), normal(5, 4), lines=False))
    assert "nondeterministic" in said and "accumulates" not in said


def test_a_view_that_is_kept_leaves_nothing_behind():
    """Its copy lies otherwise in memory, and is summed up in another order."""

    class Windows:
        def __init__(self):
            self.W = normal(4, 3, 2, 3)

        def forward(self, x):
            self.seen = np.lib.stride_tricks.sliding_window_view(x, (2, 3), axis=(2, 3))
            return np.einsum("nchwkl,fckl->nfhw", self.seen, self.W)

        def backward(self, dy):
            self.dW = np.einsum("nfhw,nchwkl->fckl", dy, self.seen)
            around = np.pad(dy, ((0, 0), (0, 0), (1, 1), (2, 2)))
            windows = np.lib.stride_tricks.sliding_window_view(around, (2, 3), axis=(2, 3))
            return np.einsum("nfhwkl,fckl->nchw", windows, self.W[:, :, ::-1, ::-1])

    assert check_module(Windows(), normal(2, 3, 5, 4)).passed
