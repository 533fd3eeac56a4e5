"""Pairs of functions as strangers write them: caches, parameters in dicts, several outputs, extra arguments."""

from __future__ import annotations

import numpy as np
import pytest
from edited import edited
from examples import few_quick
from strangers import course_pairs, specialization

from gradcheck import Verdict, check_pair


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


RNN = {
    "Wax": normal(5, 3),
    "Waa": normal(5, 5),
    "Wya": normal(2, 5),
    "ba": normal(5, 1),
    "by": normal(2, 1),
}
AFFINE = normal(3, 4), normal(4, 3), normal(3)
CONV = normal(2, 2, 5, 5), normal(2, 2, 3, 3), normal(2), {"stride": 2, "pad": 1}
NORM = normal(5, 3), normal(3), normal(3, seed=1), {"mode": "train", "eps": 1e-5}
RUNNING = {"mode": "train", "running_mean": np.zeros(3), "running_var": np.zeros(3)}
LSTM = (
    *(normal(2, 3), normal(2, 4), normal(2, 4, seed=1)),
    *(normal(3, 16), normal(4, 16), normal(16)),
)
COLUMNS = normal(3, 4), normal(2, 3), normal(2, 1)
IDS = np.array([[0, 1, 1], [2, 0, 3]])

RIGHT = [
    (course_pairs, "affine_forward", "affine_backward", AFFINE, {}),
    (course_pairs, "affine_relu_forward", "affine_relu_backward", AFFINE, {}),
    (course_pairs, "relu_forward", "relu_backward", (normal(3, 4),), {}),
    (course_pairs, "batchnorm_forward", "batchnorm_backward", NORM, {}),
    (course_pairs, "batchnorm_forward", "batchnorm_backward", (*NORM[:3], RUNNING), {}),
    (course_pairs, "conv_forward_naive", "conv_backward_naive", CONV, {}),
    (
        *(course_pairs, "dropout_forward", "dropout_backward"),
        *((normal(4, 5), {"mode": "train", "p": 0.5}), {"seed": 1}),
    ),
    (
        *(course_pairs, "dropout_forward", "dropout_backward"),
        *((normal(4, 5), {"mode": "train", "p": 0.5, "seed": 123}), {}),
    ),
    (course_pairs, "lstm_step_forward", "lstm_step_backward", LSTM, {}),
    (course_pairs, "word_embedding_forward", "word_embedding_backward", (IDS, normal(5, 3)), {}),
    (specialization, "linear_forward", "linear_backward", COLUMNS, {}),
    (
        *(specialization, "linear_activation_forward", "linear_activation_backward"),
        *((*COLUMNS, "relu"), {}),
    ),
    (
        *(specialization, "linear_activation_forward", "linear_activation_backward"),
        *(COLUMNS, {"activation": "sigmoid"}),
    ),
    (
        specialization,
        "pool_forward",
        "pool_backward",
        (normal(2, 4, 4, 2), {"f": 2, "stride": 1}),
        {},
    ),
    (
        *(specialization, "pool_forward", "pool_backward"),
        *((normal(2, 4, 4, 2), {"f": 2, "stride": 2}), {"mode": "average"}),
    ),
    (
        *(specialization, "rnn_cell_forward", "rnn_cell_backward"),
        *((normal(3, 4), normal(5, 4), RNN), {}),
    ),
    (specialization, "rnn_forward", "rnn_backward", (normal(3, 4, 3), normal(5, 4), RNN), {}),
]


@pytest.mark.parametrize(("module", "forward", "backward", "inputs", "named"), RIGHT)
def test_a_strangers_pair_passes_as_it_is(module, forward, backward, inputs, named):
    report = check_pair(getattr(module, forward), getattr(module, backward), *inputs, **named)
    assert report.passed, str(report)


WRONG = [
    (
        *(course_pairs, "affine_forward", "affine_backward", AFFINE, {}),
        *("db = np.sum(dout, axis=0)", "db = np.mean(dout, axis=0)", "b", "averaged"),
    ),
    (
        *(course_pairs, "conv_forward_naive", "conv_backward_naive", CONV, {}),
        *("dw[f] += x_pad", "dw[f] = x_pad", "w", None),
    ),
    (
        *(course_pairs, "batchnorm_forward", "batchnorm_backward", NORM, {}),
        *("dxhat - dxhat.mean(axis=0) -", "dxhat -", "x", "statistics-held-constant"),
    ),
    (
        *(course_pairs, "lstm_step_forward", "lstm_step_backward", LSTM, {}),
        *("dc = dnext_c + dnext_h", "dc = dnext_h", "prev_c", None),
    ),
    (
        *(course_pairs, "dropout_forward", "dropout_backward"),
        *((normal(4, 5), {"mode": "train", "p": 0.5}), {"seed": 1}),
        *("dx = dout * mask", "dx = dout * (mask > 0)", "x", "scaled"),
    ),
    (
        *(specialization, "rnn_forward", "rnn_backward", (normal(3, 4, 3), normal(5, 4), RNN), {}),
        *("da[:, :, t] + da_prevt", "da[:, :, t]", "parameters.Waa", None),
    ),
    (
        *(specialization, "linear_activation_forward", "linear_activation_backward"),
        *(COLUMNS, {"activation": "sigmoid"}),
        *("dA * s * (1 - s)", "dA * s", "A_prev", None),
    ),
    (
        *(specialization, "pool_forward", "pool_backward"),
        *((normal(2, 4, 4, 2), {"f": 2, "stride": 2}), {"mode": "average"}),
        *("dA[i, h, w, c] / (f * f)", "dA[i, h, w, c]", "A_prev", "scaled"),
    ),
]


@pytest.mark.parametrize(
    ("module", "forward", "backward", "inputs", "named", "old", "new", "gradient", "code"),
    few_quick(WRONG, 2),
)
def test_one_wrong_line_is_convicted_and_named(
    tmp_path, module, forward, backward, inputs, named, old, new, gradient, code
):
    wrong = edited(module, tmp_path, old, new)
    passes = getattr(wrong, forward), getattr(wrong, backward)
    report = check_pair(*passes, *inputs, **named, lines=None if code else False)
    row = {row.name: row for row in report.rows}[gradient]
    assert row.verdict is Verdict.FAIL, str(report)
    if code:
        assert code in {finding.code for finding in report.all_findings()}, str(report)


def double(x, w):
    return 2 * x * w, (x, w)


def test_the_cache_may_come_first():
    def backward(cache, dout):
        x, w = cache
        return 2 * dout * w, 2 * dout * x

    assert check_pair(double, backward, normal(3), normal(3, seed=1)).passed


@pytest.mark.parametrize(("factor", "verdict"), [(2, Verdict.PASS), (3, Verdict.FAIL)])
def test_what_a_lambda_returns_is_read_as_well(factor, verdict):
    x = normal(3)
    report = check_pair(lambda x: (x * x, x), lambda dy, x: factor * x * dy, x)
    assert report.verdict is verdict
    # An output that is no cache would have made a gradient of another shape.
    assert report.rows[0].analytic.shape == x.shape


def test_the_inputs_may_come_instead_of_a_cache():
    def forward(x, w, scale=3.0):
        return scale * x * w

    def backward(dout, x, w, scale):
        return scale * dout * w, scale * dout * x

    x, w = normal(3), normal(3, seed=1)
    assert check_pair(forward, backward, x, w).passed
    assert check_pair(forward, backward, x, w, scale=2.0).passed
    assert not check_pair(
        forward, lambda dout, x, w: (dout * w, dout * x), x, w, lines=False
    ).passed


@pytest.mark.parametrize(("factor", "verdict"), [(2, "PASS"), (3, "FAIL")])
def test_an_input_that_is_returned_beside_the_output_is_the_cache(factor, verdict):
    def forward(x):
        return x**2, x

    def backward(dy, x):
        return factor * x * dy

    for x in (normal(3, 4), np.array(1.5), np.ones((2, 3, 1))):
        report = check_pair(forward, backward, x)
        assert report.verdict is Verdict[verdict]
        assert not {"adapted", "wrong-shape"} & {f.code for f in report.all_findings()}


def test_an_upstream_gradient_that_is_called_after_the_input_is_the_outputs():
    def forward(z):
        return np.maximum(z, 0), z

    def backward(dz, z):
        return dz * (z > 0)

    report = check_pair(forward, backward, normal(3, 4))
    assert report.passed and not report.findings, str(report)


def test_a_number_alone_is_an_input():
    def forward(x):
        return x * x, x

    assert check_pair(forward, lambda dy, x: 2 * x * dy, 3.0).passed
    assert check_pair(forward, lambda dy, x: x * dy, 3.0, lines=False).verdict is Verdict.FAIL


def test_a_state_that_is_put_in_and_returned_is_still_an_output():
    def forward(x, h):
        y = x * h
        h = np.tanh(x + h)
        return y, h

    def backward(dy, dh, x, h):
        flow = dh * (1 - np.tanh(x + h) ** 2)
        return dy * h + flow, dy * x + flow

    report = check_pair(forward, backward, normal(3, 4), normal(3, 4, seed=1))
    assert report.passed, str(report)


def test_the_output_may_come_instead_of_a_cache():
    def forward(x):
        y = np.tanh(x)
        return y

    assert check_pair(forward, lambda dy, y: dy * (1 - y * y), normal(4)).passed
    assert not check_pair(forward, lambda dy, y: dy * (1 - y), normal(4), lines=False).passed


def absolute(predictions, targets):
    return float(np.abs(predictions - targets).mean())


def absolute_gradient(predictions, targets):
    return np.sign(predictions - targets) / predictions.size


@pytest.mark.parametrize("asked", [{}, {"wrt": ["predictions"]}])
def test_a_lone_gradient_of_a_loss_is_that_of_the_prediction(asked):
    """Nobody goes further back from there: no upstream gradient is lacking."""
    x, t = normal(3, 4), normal(3, 4, seed=1)
    report = check_pair(absolute, absolute_gradient, x, t, **asked)
    assert report.passed and [row.name for row in report.rows] == ["predictions"]
    turned = check_pair(lambda x, t: absolute(t, x), lambda x, t: absolute_gradient(x, t), t, x)
    assert [row.name for row in turned.rows] == ["x"]
    lacking = check_pair(lambda p, q: (p * q).sum(), lambda p, q: 1 * q, x, t, lines=False)
    assert "wrong-count" in {finding.code for finding in lacking.findings}


def test_what_only_the_backward_pass_takes_is_given_by_name():
    def backward(dout, cache, factor):
        x, w = cache
        return factor * dout * w, factor * dout * x

    x, w = normal(3), normal(3, seed=1)
    assert check_pair(double, backward, x, w, factor=2.0).passed
    with pytest.raises(TypeError, match="'factor', which is no upstream gradient"):
        check_pair(double, backward, x, w)


def test_several_outputs_each_have_their_upstream_gradient():
    def forward(x):
        return {"up": x[:, :2] ** 2, "down": x.sum(axis=1)}, x

    def backward(d, x):
        dx = np.repeat(d["down"][:, None], x.shape[1], axis=1)
        dx[:, :2] += 2 * x[:, :2] * d["up"]
        return dx

    assert check_pair(forward, backward, normal(3, 4)).passed
    half = check_pair(
        forward, lambda d, x: backward({**d, "up": 0 * d["up"]}, x), normal(3, 4), lines=False
    )
    assert not half


def test_trees_of_parameters_and_gradients_nested_and_by_name():
    def forward(x, params):
        h = np.tanh(x @ params["first"]["W"] + params["first"]["b"])
        return h @ params["second"]["W"], (x, h, params)

    def backward(dy, cache):
        x, h, params = cache
        dz = dy @ params["second"]["W"].T * (1 - h * h)
        first = {"dW": x.T @ dz, "db": dz.sum(axis=0)}
        return {"x": dz @ params["first"]["W"].T, "first": first, "second": {"dW": h.T @ dy}}

    params = {"first": {"W": normal(3, 4), "b": normal(4)}, "second": {"W": normal(4, 2)}}
    report = check_pair(forward, backward, normal(5, 3), params)
    assert report.passed, str(report)
    names = [row.name for row in report.rows]
    assert names == ["x", "params.first.W", "params.first.b", "params.second.W"]
    assert "dW for params.first.W" in str(report)


def test_a_gradient_that_is_missing_among_its_siblings_fails():
    def forward(x, params):
        return x * params["a"] + params["b"], (x, params)

    def backward(dy, cache):
        x, params = cache
        return dy * params["a"], {"a": dy * x}

    report = check_pair(forward, backward, normal(3), {"a": normal(3), "b": normal(3)})
    assert report.verdict is not Verdict.PASS


def test_lists_of_weights():
    def forward(x, weights):
        for W in weights:
            x = x @ W
        return x, None

    def backward(dy, x, weights):
        values = [x]
        for W in weights:
            values.append(values[-1] @ W)
        gradients = []
        for W, value in zip(weights[::-1], values[-2::-1], strict=True):
            gradients.insert(0, value.T @ dy)
            dy = dy @ W.T
        return dy, gradients

    report = check_pair(forward, backward, normal(2, 3), [normal(3, 4), normal(4, 2)])
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["x", "weights.0", "weights.1"]


def test_another_order_of_the_gradients_is_said_not_guessed():
    def backward(dout, cache):
        x, w = cache
        return 2 * dout * x, 2 * dout * w

    x, w = normal(3), normal(3, seed=1)
    assert not check_pair(double, backward, x, w, lines=False).passed
    assert check_pair(double, backward, x, w, gradients="w x").passed


def test_which_item_is_the_cache_can_be_said():
    def forward(x):
        square = x * x
        return x, square

    def backward(d, kept):
        return d * 2 * kept

    assert check_pair(forward, backward, normal(3), cache=0).passed


def test_constants_are_copied_afresh_for_each_call():
    def forward(x, config):
        config["calls"].append(1)
        return x * len(config["calls"]), len(config["calls"])

    config = {"calls": [], "name": "a string", "nothing": None}
    assert check_pair(forward, lambda d, c: (d * c, None), normal(3), config).passed
    assert config["calls"] == []


def test_a_mask_drawn_anew_on_the_way_back_is_convicted_under_a_seed():
    def forward(x):
        mask = np.random.rand(*x.shape) < 0.5
        return x * mask, None

    def backward(d, cache):
        return d * (np.random.rand(*d.shape) < 0.5)

    before = np.random.get_state()[1].copy()
    assert not check_pair(forward, backward, normal(40), seed=1, lines=False).passed
    assert (np.random.get_state()[1] == before).all()


def test_that_randomness_was_put_back_is_said_and_only_then():
    def forward(x):
        mask = np.random.rand(*x.shape) < 0.5
        return x * mask + 1, mask

    report = check_pair(forward, lambda d, mask: d * mask, normal(40), seed=7)
    assert report.passed
    assert any("state of seed=7" in finding.message for finding in report.findings)
    still = check_pair(
        double, lambda d, c: (2 * d * c[1], 2 * d * c[0]), normal(3), normal(3), seed=7
    )
    assert still.passed and not still.findings


def test_randomness_without_a_seed_is_nondeterministic():
    def forward(x):
        mask = 0.5 + np.random.rand(*x.shape)
        return x * mask, mask

    report = check_pair(forward, lambda d, mask: d * mask, normal(40))
    assert "nondeterministic" in {finding.code for finding in report.findings}


def test_a_missing_input_an_unknown_one_and_one_given_twice_are_named():
    with pytest.raises(TypeError, match="input 'w' is missing"):
        check_pair(double, double, normal(3))
    with pytest.raises(TypeError, match="no input 'v'"):
        check_pair(double, lambda d, c: d, normal(3), v=1)
    with pytest.raises(TypeError, match="by position and by name"):
        check_pair(double, lambda d, c: d, normal(3), normal(3), x=1)


def test_a_backward_pass_that_works_once_is_a_finding():
    def forward(x):
        return x * x, [x]

    report = check_pair(forward, lambda d, cache: 2 * d * cache.pop(), normal(3))
    assert any("works once" in finding.message for finding in report.findings)
    assert report.rows[0].verdict is Verdict.PASS


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("named", [False, True])
def test_gradients_laid_flat_pass_over_whole_numbers_wherever_they_stand(place, named):
    held, which = [("W", normal(4, 3)), ("b", normal(3))], np.array([2, 0, 1])
    held.insert(place, ("which", which))

    def forward(x, params, which):
        return x @ params["W"] + params["b"][params["which"]], (x, params)

    def backward(dy, cache):
        x, params = cache
        dW, db = x.T @ dy, np.zeros(3)
        np.add.at(db, params["which"], dy.sum(axis=0))
        dx = dy @ params["W"].T
        return ({"dW": dW, "db": db}, dx) if named else (dx, dW, db)

    assert check_pair(forward, backward, normal(2, 4), dict(held), which, lines=False).passed


@pytest.mark.parametrize("what", ["A_shape", "x_shape_A", "input_shape"])
def test_a_way_back_that_takes_a_shape_is_handed_that_of_the_input(what):
    """The first input's, where the name says none."""
    room = {"np": np}
    exec(
        f"def back(dout, {what}, k=2):\n"
        f"    n, h, w = {what}\n"
        "    return np.repeat(dout / k, k, axis=2).reshape(n, h, w)",
        room,
    )

    def forward(A, k=2):
        return A.reshape(*A.shape[:2], -1, k).mean(axis=3)

    assert check_pair(forward, room["back"], np.random.default_rng(0).normal(size=(2, 3, 4))).passed


def test_a_cache_is_taken_whole_though_a_part_of_it_is_called_so_too():
    """What the forward pass calls `c` may be one item of what its way back calls so."""

    def forward(x, W):
        c = x * 2.0
        return x @ W * 2.0, (c, W)

    def whole(d, c):
        kept, W = c
        return 2.0 * d @ W.T, kept.T @ d

    def part(d, c, W):
        return 2.0 * d @ W.T, c.T @ d

    for backward in (whole, part):
        assert check_pair(forward, backward, normal(2, 3), normal(3, 4)).passed


EDGES = np.array([[1.0, 0, 1, 1], [1, 1, 1, 0], [0, 1, 1, 0]])


def aggregate(A, H, W, b):
    return A @ (H @ W) + b, (A, H, W)


def aggregate_back(dout, cache):
    A, H, W = cache
    dZ = A.T @ dout
    dH, dW, db = dZ @ W.T, H.T @ dZ, dout.sum(axis=0)
    return dH, dW, db


def aggregate_back_without_bias(dout, cache):
    dH, dW, _ = aggregate_back(dout, cache)
    return dH, dW


@pytest.mark.parametrize("bias", [normal(2), np.zeros(2)])
def test_edges_of_a_graph_need_no_gradient_but_a_bias_does(bias):
    inputs = EDGES, normal(4, 3), normal(3, 2), bias
    report = check_pair(aggregate, aggregate_back, *inputs)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["H", "W", "b"]
    forgotten = check_pair(aggregate, aggregate_back_without_bias, *inputs)
    assert "wrong-count" in {finding.code for finding in forgotten.findings}
    assert forgotten.verdict is Verdict.FAIL


SPIKES = np.array([[1.0, 0, 1], [0, 1, 1]])


def mixed(x, h, W):
    return (2 * x + h) @ W, (x, h, W)


def mixed_back(dy, cache):
    """The factor of dx is left out, and dh, which it would be."""
    x, h, W = cache
    dx = dy @ W.T
    dW = (2 * x + h).T @ dy
    return dx, dW


@pytest.mark.parametrize("h", [normal(2, 3), SPIKES])
def test_inputs_of_ones_and_zeros_excuse_no_gradient_that_has_a_name(h):
    assert check_pair(mixed, mixed_back, SPIKES, h, normal(3, 2)).verdict is Verdict.FAIL


def test_a_mask_and_a_single_number_need_no_gradient_where_all_others_are_called_by_their_inputs():
    """A bias that is forgotten is none of them."""

    def forward(x, W, mask, scale):
        return (x * mask) @ W / scale, (x, W, mask, scale)

    def backward(dy, kept):
        x, W, mask, scale = kept
        dx = (dy @ W.T) * mask / scale
        dW = (x * mask).T @ dy / scale
        return dx, dW

    def affine(x, W, b):
        return x @ W + b, (x, W, 1.0, 1.0)

    x, W = normal(2, 3), normal(3, 4)
    report = check_pair(forward, backward, x, W, SPIKES, np.array(3.0))
    assert report.passed and [row.name for row in report.rows] == ["x", "W"]
    learned = check_pair(forward, backward, x, W, normal(2, 3, seed=1), np.array(3.0), lines=False)
    assert learned["mask"].verdict is Verdict.FAIL
    forgotten = check_pair(affine, backward, x, W, normal(4), lines=False)
    assert forgotten["b"].verdict is Verdict.FAIL
    assert check_pair(affine, backward, x, W, np.array(3.0)).verdict is Verdict.FAIL
