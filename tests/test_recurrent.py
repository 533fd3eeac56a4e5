"""Recurrences as people spell them: a gradient before the activation is right, and the wrong line is found."""

import inspect
import linecache
import random

import numpy as np
import pytest
from examples import SAMPLE_SEED, few_quick, first_wrong

from gradcheck import Verdict, check
from tests.strangers import recurrent
from tests.strangers.recurrent import GATES, MISTAKES, SHAPES

CHANGES = [(layer, right, wrong) for layer, found in MISTAKES.items() for right, wrong in found]


def inputs(layer):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape) for shape in SHAPES[layer]]


def changed(layer, right, wrong):
    """The layer in a copy of its module with one line changed, and the number of that line."""
    source = inspect.getsource(recurrent)
    start = source.index(f"def {layer.__name__}(")
    at = source.index(right, start)
    text, name = source[:at] + source[at:].replace(right, wrong, 1), f"<{wrong}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope = {}
    exec(compile(text, name, "exec"), scope)
    return scope[layer.__name__], source[:at].count("\n") + 1


SAMPLE = random.Random(SAMPLE_SEED).sample(CHANGES, 1)


@pytest.mark.parametrize("layer", few_quick([*SHAPES], 4), ids=lambda layer: layer.__name__)
def test_no_line_of_a_right_recurrence_is_doubted(layer):
    report = check(layer, *inputs(layer), lines=True)
    assert report.passed
    assert set(GATES[layer].split()) <= {line.name for line in report.lines}
    assert {line.verdict for line in report.lines} == {Verdict.PASS}


def blamed(layer, right, wrong):
    """Whether the changed line is the one that is named."""
    planted, line = changed(layer, right, wrong)
    report = check(planted, *inputs(layer), lines=True)
    assert report.verdict is Verdict.FAIL
    return report.by_line.first_wrong.evidence["line"] == line


@pytest.mark.parametrize("change", SAMPLE, ids=lambda change: change[2])
def test_the_changed_line_of_a_recurrence_is_blamed(change):
    assert blamed(*change), f"GRADCHECK_SAMPLE_SEED={SAMPLE_SEED}"


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[2])
def test_every_changed_line_of_a_recurrence_is_blamed(change):
    assert blamed(*change)


def test_a_mask_that_is_left_out_is_the_fault_of_the_line_that_should_have_it():
    def unmasked(x, W1, W2):
        h = np.maximum(0, x @ W1)

        def backward(dy):
            dW2 = h.T @ dy
            dh = dy @ W2.T
            dW1 = x.T @ dh
            dx = dh @ W1.T
            return dx, dW1, dW2

        return h @ W2, backward

    rng = np.random.default_rng(0)
    point = rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    report = check(unmasked, *point, lines=True)
    assert report.by_line.first_wrong.evidence["source"] == "dh = dy @ W2.T"


def test_what_is_added_has_no_activation_of_the_sum():
    """Of h += tanh(z) dh is the gradient of h alone: that of z is no other meaning of it."""

    def added(x, W):
        h = x.copy()
        h += np.tanh(x @ W)
        y = h * h

        def backward(dy):
            dh = 2 * dy * h * (1 - np.tanh(x @ W) ** 2)
            dx = dh @ W.T + dh
            dW = x.T @ dh
            return dx, dW

        return y, backward

    rng = np.random.default_rng(0)
    report = check(added, rng.normal(size=(4, 3)), rng.normal(size=(3, 3)), lines=True)
    verdicts = {line.name: line.verdict for line in report.lines}
    assert "dh" not in verdicts


def last_state(x, W, U, V):
    """Only the last state is read: each step back begins with what the one after it gave, or was given before."""
    c, cs, fs, hs = np.zeros(U.shape[0]), [], [], [np.zeros(U.shape[0])]
    for k in range(len(x)):
        f = 1 / (1 + np.exp(-(x[k] @ W + hs[k] @ U)))
        c = f * c + x[k].sum()
        h = np.tanh(c) * f
        cs.append(c)
        fs.append(f)
        hs.append(h)

    def backward(dy):
        dW, dU, dV = np.zeros_like(W), np.zeros_like(U), np.outer(h, dy)
        dh = V @ dy
        dc = np.zeros_like(c)
        for k in reversed(range(len(x))):
            dc = dc + dh * fs[k] * (1 - np.tanh(cs[k]) ** 2)
            held = cs[k - 1] if k else np.zeros_like(c)
            dz = (dh * np.tanh(cs[k]) + dc * held) * fs[k] * (1 - fs[k])
            dc = dc * fs[k]
            dW += np.outer(x[k], dz)
            dU += np.outer(hs[k], dz)
            dh = U @ dz
        return None, dW, dU, dV

    return h @ V, backward


def test_what_a_step_begins_with_is_the_gradient_of_the_state_before_it():
    rng = np.random.default_rng(2)
    point = [rng.normal(size=shape) for shape in ((4, 3), (3, 2), (2, 2), (2, 3))]
    report = check(last_state, *point, wrt=["W", "U", "V"], lines=True)
    verdicts = {line.name: line.verdict for line in report.lines}
    assert report.passed and verdicts["dh"] is verdicts["dc"] is Verdict.PASS


def wrong_way(x, W, U, V):
    h = [np.zeros(len(U))]
    for k in range(len(x)):
        h.append(np.tanh(x[k] @ W + h[k] @ U))

    def backward(dy):
        dW, dU, carried = np.zeros_like(W), np.zeros_like(U), V @ dy
        for k in reversed(range(len(x))):
            da = carried * (1 - h[k + 1] ** 2)
            dW += np.outer(x[k], da)
            dU += np.outer(h[k], da)
            carried = U.T @ da
        return None, dW, dU, np.outer(h[-1], dy)

    return h[-1] @ V, backward


def test_of_a_carry_is_known_what_it_should_be_though_the_last_is_read_by_none():
    rng = np.random.default_rng(2)
    point = [rng.normal(size=shape) for shape in ((3, 3), (3, 2), (2, 2), (2, 3))]
    report = check(wrong_way, *point, wrt=["W", "U", "V"], lines=True)
    (carried,) = (one for one in report.by_line.solved if one.name == "carried")
    # At first everything was right but for the transpose.
    da = np.linalg.solve(point[2].T, carried.analytic[0])
    np.testing.assert_allclose(carried.numeric[0], point[2] @ da, rtol=1e-5)


def test_what_is_summed_over_the_steps_is_not_known_of_the_first():
    rng = np.random.default_rng(2)
    point = [rng.normal(size=shape) for shape in ((3, 3), (3, 2), (2, 2), (2, 3))]
    report = check(last_state, *point, wrt=["W", "U", "V"], lines=True)
    parts = {line.name: line.part for line in report.lines}
    assert parts["dW"] is parts["dU"] is None and parts["dc"] is not None


def kept_in_buffers(x, W, U):
    A, C, H = (np.zeros((len(x), 2)) for _ in range(3))
    c_prev, h_prev = np.zeros((2, 2))
    for t in range(len(x)):
        a_t = np.tanh(x[t] @ W + h_prev @ U)
        c_t = 0.8 * c_prev + a_t
        h_t = np.tanh(c_t)
        A[t], C[t], H[t] = a_t, c_t, h_t
        c_prev, h_prev = c_t, h_t

    def backward(dH):
        dW, dU = np.zeros_like(W), np.zeros_like(U)
        dh_next, dc_next = np.zeros((2, 2))
        for t in reversed(range(len(x))):
            dh = dH[t] + dh_next
            dc = dh * (1 - H[t] ** 2) - dc_next
            da = dc * (1 - A[t] ** 2)
            dW += np.outer(x[t], da)
            dU += np.outer(H[t - 1], da) * (t > 0)
            dh_next, dc_next = da @ U.T, 0.8 * dc
        return None, dW, dU

    return H, backward


def test_what_is_put_into_a_buffer_that_nothing_reads_is_moved_where_it_is_computed():
    rng = np.random.default_rng(2)
    point = [rng.normal(size=shape) for shape in ((4, 3), (3, 2), (2, 2))]
    report = check(kept_in_buffers, *point, wrt=["W", "U"])
    assert first_wrong(report)["source"] == "dc = dh * (1 - H[t] ** 2) - dc_next"
    assert report.repair is not None and "+ dc_next" in report.repair.after


def slopes_in_a_buffer(x, W, u):
    h = np.zeros((len(x) + 1, 2))
    for t in range(len(x)):
        h[t + 1] = np.tanh(x[t] @ W + u * h[t])

    def backward(dy):
        dW, du, dh = np.zeros_like(W), np.zeros_like(u), np.zeros_like(h)
        for t in reversed(range(len(x))):
            dh[t + 1] = dy[t]
            da = dh[t + 1] * (1 - h[t + 1] ** 2)
            dW += np.outer(x[t], da)
            du += h[t] * da
            dh[t] = u * da
        return None, dW, du

    return h[1:], backward


def test_of_what_is_written_over_in_a_buffer_the_last_line_is_blamed():
    rng = np.random.default_rng(2)
    point = [rng.normal(size=shape) for shape in ((4, 3), (3, 2), (2,))]
    report = check(slopes_in_a_buffer, *point, wrt=["W", "u"])
    (dh,) = (line for line in report.lines if line.name == "dh")
    assert dh.source == first_wrong(report)["source"] == "dh[t + 1] = dy[t]"
    assert report.repair is not None and report.repair.after.strip() == "dh[t + 1] += dy[t]"
