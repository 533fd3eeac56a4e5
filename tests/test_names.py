"""A name is said only if it is true: random wrong gradients get none, kinks or not."""

import inspect
import runpy

import numpy as np
import pytest
from examples import few_quick

from gradcheck import Verdict, check
from gradcheck.binding import input_names
from gradcheck.diagnosis.sizes import written
from layers import relu
from layers.catalogue import CATALOGUE

UNNAMED = {"unknown", "kink", "vacuous", "unresolved"}


def random_gradients(layer, inputs, seed):
    """The layer with gradients that have nothing to do with it."""

    def wrong(*inputs):
        y, _ = layer(*inputs)
        rng = np.random.default_rng((seed, 7))
        floats = [np.asarray(x).dtype.kind == "f" for x in inputs]
        drawn = [rng.normal(size=np.shape(x)) for x in inputs]
        return y, lambda dy: tuple(g if f else None for g, f in zip(drawn, floats, strict=True))

    wrong.input_names = tuple(input_names(layer, len(inputs)))
    return wrong


def named(layer, inputs, seed):
    report = check(random_gradients(layer, inputs, seed), *inputs, seed=seed, lines=False)
    assert report.verdict is Verdict.FAIL
    return {finding.code for row in report.rows for finding in row.findings} - UNNAMED


KINKED = {
    *(("relu", "zeros"), ("leaky_relu", "zeros"), ("elu", "alpha=0.3, zeros")),
    *(("max_pool2d", "ties"), ("max_pool2d", "overlapping ties"), ("global_max_pool2d", "ties")),
}


def configured(name, label):
    """A layer of the catalogue in one of its configurations, and the inputs of that."""
    entry = CATALOGUE[name]
    one = next(one for one in entry.configurations if one.label == label)
    return entry.bound(one), list(one.inputs(np.random.default_rng(0)).values())


def is_kinked(name, label):
    layer, inputs = configured(name, label)
    return any(f.code == "kink" for f in check(layer, *inputs, lines=False).all_findings())


@pytest.mark.slow
def test_no_configuration_with_a_kink_is_left_out():
    every = [
        (entry.name, one.label) for entry in CATALOGUE.values() for one in entry.configurations
    ]
    assert {one for one in every if is_kinked(*one)} == KINKED


@pytest.mark.parametrize(("name", "label"), sorted(KINKED))
@pytest.mark.parametrize("seed", few_quick(range(2), 1))
def test_a_random_wrong_gradient_at_kinks_has_no_name(name, label, seed):
    assert not named(*configured(name, label), seed)


@pytest.mark.parametrize("seed", range(20))
def test_a_random_wrong_gradient_with_one_kinked_entry_has_no_name(seed):
    x = np.random.default_rng(seed).normal(size=(4, 5))
    x[1, 2] = 0
    assert not named(relu, [x], seed)


@pytest.mark.parametrize(
    "name", few_quick(["dense", "conv2d", "softmax", "layer_norm", "multiply", "lstm"], 2)
)
def test_a_random_wrong_gradient_has_no_name(name):
    assert not named(*configured(name, CATALOGUE[name].configurations[0].label), 0)


def biased(factor):
    """x + b over batch, height and width, with db multiplied by `factor(number of copies)`."""

    def layer(x, b):
        def backward(dy):
            copies = dy[..., 0].size
            return dy, factor(copies) * dy.sum(axis=(0, 1, 2))

        return x + b, backward

    return layer


def test_a_number_that_happens_to_be_a_size_is_not_called_by_it():
    rng = np.random.default_rng(0)
    x, b = rng.normal(size=(2, 3, 3, 5)), rng.normal(size=5)
    always = check(biased(lambda copies: 1 / 18), x, b)["b"].findings[0]
    assert (always.code, always.evidence["equals"]) == ("scaled", None)
    averaged = check(biased(lambda copies: 1 / copies), x, b)["b"].findings[0]
    assert averaged.code == "averaged"


def test_a_factor_of_two_is_not_the_root_of_a_batch_of_four():
    def layer(x):
        return np.sin(x), lambda dy: 2 * dy * np.cos(x)

    finding = check(layer, np.random.default_rng(0).normal(size=(4, 3)))["x"].findings[0]
    assert finding.code == "scaled"
    assert finding.evidence["equals"] == "2"


def test_a_factor_of_two_is_no_root_where_nothing_shows_that_it_grows():
    """The wanted values are bound to the loss, so that it takes no batch of another size."""
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=(4, 3))

    def loss(p):
        return ((p - wanted) ** 2).sum(), lambda dy: 4 * dy * (p - wanted)

    finding = check(loss, rng.normal(size=(4, 3)), lines=False)["p"].findings[0]
    assert finding.code == "scaled" and finding.evidence["equals"] == "2"
    assert "root" not in finding.message


def test_what_is_true_at_one_point_only_is_no_name():
    def layer(x):
        def backward(dy):
            g = dy * np.cos(x)
            # Transposed by luck of this very input: a branch that other inputs do not take.
            return g.T if x[0, 0] == 0.5 else -2.5 * g + 0.1 * x**3

        return np.sin(x), backward

    x = np.random.default_rng(0).normal(size=(3, 3))
    x[0, 0] = 0.5
    assert check(layer, x, lines=False).rows[0].findings[0].code == "unknown"


@pytest.mark.parametrize(("factor", "said"), [(1, "are right"), (3, "are wrong too")])
def test_a_lost_axis_is_no_reason_not_to_look_at_the_numbers(factor, said):
    def layer(x, b):
        return x + b, lambda dy: (dy, factor * dy.sum(axis=0))

    rng = np.random.default_rng(0)
    report = check(layer, rng.normal(size=(3, 4)), rng.normal(size=(1, 4)), lines=False)
    (finding,) = [f for f in report["b"].findings if f.code == "wrong-shape"]
    assert finding.message.endswith(f"the numbers in it {said}.")


def test_a_factor_that_is_all_but_one_is_written_with_the_digits_that_tell_it():
    assert (written(1 + 2e-8), written(1.0), written(2.5)) == ("1.00000002", "1", "2.5")
    layer = CATALOGUE["tanh"].layer

    def nearly(x):
        y, backward = layer(x)
        return y, lambda dy: backward(dy)[0] * (1 + 2e-6)

    finding = check(nearly, np.random.default_rng(0).normal(size=(3, 4)), lines=False)[
        "x"
    ].findings[0]
    assert finding.code == "inexact"


def test_a_function_without_a_name_is_found_again_by_its_place():
    report = check(lambda x: (x * x, lambda dy: 3 * x * dy), np.ones(2) / 3, lines=False)
    line = test_a_function_without_a_name_is_found_again_by_its_place.__code__.co_firstlineno + 1
    assert str(report).startswith(f"lambda (test_names.py, line {line}): FAIL")


def test_without_a_batch_there_is_no_batch_size():
    def layer(W):
        return (W**2).sum(), lambda dy: dy * 2 * W / len(W)

    W = np.random.default_rng(0).normal(size=(5, 3))
    finding = check(layer, W, lines=False)["W"].findings[0]
    assert finding.code == "scaled"
    assert "batch" not in finding.message and finding.evidence["equals"] == "1 over axis 0 of W"


def recurrent_step(x, h, W, V):
    n = np.tanh(x @ W + h @ V)

    def backward(dn):
        da = dn * (1 - n**2)
        dx = da @ W.T
        dh = da @ V.T
        dW = x.T @ da
        dV = h.transpose(1, 0) @ da
        return dx, dh, dW, dV

    return n, backward


def weighted_rows(x, w, W, V):
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    y = (p * w[:, :1]) @ W + np.cumsum(w, axis=1) @ V

    def backward(dy):
        dp = (dy @ W.T) * w[:, :1]
        dx = p * (dp - (dp * p).sum(axis=1, keepdims=True))
        dw = (dy @ V.T)[:, ::-1].cumsum(axis=1)[:, ::-1]
        dw[:, :1] += (p * (dy @ W.T)).sum(axis=1, keepdims=True)
        dW = (p * w[:, :1]).T @ dy
        dV = np.cumsum(w, axis=1).T @ dy
        return dx, dw, dW, dV

    return y, backward


def entry_by_entry(x, w, W, V):
    y = np.zeros_like(x)
    for i in range(4):
        for j in range(4):
            y[i, j] = x[i, j] * W[j, i] + V[i, j] * w[i, j] ** 2

    def backward(dy):
        dx, dw, dW, dV = (np.zeros_like(x) for _ in range(4))
        for i in range(4):
            for j in range(4):
                dx[i, j] = dy[i, j] * W[j, i]
                dw[i, j] = dy[i, j] * V[i, j] * w[i, j] * 2
                dW[j, i] = dy[i, j] * x[i, j]
                dV[i, j] = dy[i, j] * w[i, j] ** 2
        return dx, dw, dW, dV

    return y, backward


SLIPS = [
    (entry_by_entry, "dx[i, j] = dy[i, j] *", "dx[i, j] = dy[j, i] *", "x", "transposed"),
    (entry_by_entry, "dy[i, j] * w[i, j] **", "dy[i, j] * w[j, i] **", "V", "transposed"),
    (recurrent_step, "dV = h.tr", "dV = n.tr", "V", "wrong-variable"),
    (recurrent_step, "(1 - n**2)", "(1 + n**2)", "x", "sign-flipped"),
    (recurrent_step, "da = dn * (1 - n**2)", "da = dn * (1 - h**2)", "x", "wrong-variable"),
    (weighted_rows, "(dp * p).sum(axis=1,", "(dp * p).sum(axis=0,", "x", "wrong-axis"),
    (weighted_rows, "dp * p).sum(axis=1", "dp * w).sum(axis=1", "x", "wrong-variable"),
    (weighted_rows, "dW = (p * w[:, :1]).T", "dW = (p * w[:, 1:2]).T", "W", "shifted"),
    (
        weighted_rows,
        "np.cumsum(w, axis=1).T @ dy",
        "np.cumsum(w, axis=0).T @ dy",
        "V",
        "wrong-axis",
    ),
]


@pytest.mark.parametrize(("layer", "right", "wrong", "gradient", "code"), SLIPS)
def test_what_no_number_explains_is_called_by_the_edit_that_was_proved(
    tmp_path, layer, right, wrong, gradient, code
):
    source = inspect.getsource(layer)
    assert source.count(right) == 1
    (tmp_path / "slip.py").write_text("import numpy as np\n\n\n" + source.replace(right, wrong))
    scope = runpy.run_path(str(tmp_path / "slip.py"))
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(4, 4)) for _ in range(4)]
    report = check(scope[layer.__name__], *inputs)
    finding = report[gradient].findings[0]
    assert finding.code == code, str(report)
    assert gradient in finding.evidence["gradients"]
    assert f"line {report.repair.line} " in finding.message


def chosen(x, W):
    h = np.sin(x)
    y = h @ W

    def backward(dy):
        dh = dy @ W.T
        # A multiple by luck of this very input: a branch that other inputs do not take.
        dh = 3 * dh if x[0, 0] == 0.5 else dh + 0.1 * x**3
        return dh * np.cos(x), h.T @ dy

    return y, backward


def test_what_is_true_of_a_line_at_one_point_only_is_no_name():
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    x[0, 0] = 0.5
    report = check(chosen, x, W)
    (where,) = [f for f in report.findings if f.code == "first-wrong-line"]
    assert where.evidence["name"] == "dh"
    assert where.evidence["code"] is None and "times" not in where.message
    assert report["x"].findings[0].code == "unknown"
