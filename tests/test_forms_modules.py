"""Objects with a forward and a backward pass, as people write them who build a library from scratch."""

from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pytest
from edited import edited
from examples import few_quick
from strangers import library_layers as layers

from gradcheck import Verdict, check_module


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


X = normal(5, 4)
LABELS = np.array([0, 1, 2, 3, 0])

RIGHT = [
    (lambda m: m.Dense(4, 3), (X,), {}, ["x", "W", "b"]),
    (lambda m: m.Affine(normal(4, 3), normal(3)), (X,), {}, ["x", "params.0", "params.1"]),
    (lambda m: m.Linear(4, 3), (X,), {}, ["inputs", "w", "b"]),
    (lambda m: m.Relu(), (X,), {}, ["x"]),
    (lambda m: m.Sigmoid(), (X,), {}, ["x"]),
    (lambda m: m.BatchNorm(4), (X,), {}, ["x", "gamma", "beta"]),
    (lambda m: m.Dropout(), (X,), {"seed": 3}, ["x"]),
    (lambda m: m.SoftmaxWithLoss(), (X, LABELS), {}, ["x"]),
    (lambda m: m.MSE(), (X, normal(5, 4, seed=1)), {}, ["y_pred"]),
    (lambda m: m.HalfSquares(), (X, normal(5, 4, seed=1)), {}, ["prediction"]),
    (lambda m: m.FCLayer(4, 3), (X,), {}, ["input_data", "weights", "bias"]),
    (lambda m: m.Projection(4, 3), (X,), {}, ["x", "weight", "bias"]),
    (lambda m: m.Lookup(5, 3), (np.array([[1, 4, 4], [0, 2, 1]]),), {}, ["weight"]),
    (
        lambda m: m.Sequential(m.Dense(4, 3), m.Relu(), m.Dense(3, 2), m.Sigmoid()),
        *((X,), {}, ["x", "layers.0.W", "layers.0.b", "layers.2.W", "layers.2.b"]),
    ),
    (lambda m: m.LinearWithList(4, 3), (X,), {}, ["X", "W", "b"]),
    (lambda m: m.Conv2D(2, 3, 2), (normal(2, 3, 4, 4),), {}, ["x", "W", "b"]),
    (lambda m: m.RNNCell(3, 4), (normal(2, 3), normal(2, 4)), {}, ["x", "h_prev", "Wx", "Wh", "b"]),
]


@pytest.mark.parametrize(("make", "inputs", "options", "names"), RIGHT)
def test_a_strangers_object_passes_as_it_is(make, inputs, options, names):
    module = make(layers)
    before = repr(vars(module))
    report = check_module(module, *inputs, **options)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == names
    assert repr(vars(module)) == before


WRONG = [
    (
        *(lambda m: m.Dense(4, 3), (X,), {}),
        *("self.db = dout.sum(axis=0)", "self.db = dout.mean(axis=0)", "b", "averaged"),
    ),
    (
        *(lambda m: m.Affine(normal(4, 3), normal(3)), (X,), {}),
        *("dW = np.dot(self.x.T, dout)", "dW = 2 * np.dot(self.x.T, dout)", "params.0", "scaled"),
    ),
    (
        *(lambda m: m.Linear(4, 3), (X,), {}),
        *('return grad @ self.params["w"].T', 'return -grad @ self.params["w"].T'),
        *("inputs", "sign-flipped"),
    ),
    (
        *(lambda m: m.BatchNorm(4), (X,), {}),
        *("dxhat - dxhat.mean(axis=0) -", "dxhat -", "x", "statistics-held-constant"),
    ),
    (
        *(lambda m: m.SoftmaxWithLoss(), (X, LABELS), {}),
        *("dx = dx / batch_size", "dx = dx / 1", "x", "scaled"),
    ),
    (
        *(lambda m: m.HalfSquares(), (X, normal(5, 4, seed=1)), {}),
        *("return self.difference", "return -self.difference", "prediction", "sign-flipped"),
    ),
    (
        *(lambda m: m.MSE(), (X, normal(5, 4, seed=1)), {}),
        *("return 2 * (y_pred - y_true)", "return (y_pred - y_true)", "y_pred", "scaled"),
    ),
    (
        *(lambda m: m.FCLayer(4, 3), (X,), {}),
        *(
            "self.weights -= learning_rate * weights_error",
            "self.weights += learning_rate * weights_error",
        ),
        *("weights", "sign-flipped"),
    ),
    (
        *(lambda m: m.Projection(4, 3), (X,), {}),
        *(
            "self.weight.grad += self._x.T @ grad_output",
            "self.weight.grad += 3 * self._x.T @ grad_output",
        ),
        *("weight", "scaled"),
    ),
    (
        *(lambda m: m.Sequential(m.Dense(4, 3), m.Sigmoid()), (X,), {}),
        *("dx = dout * (1.0 - self.out) * self.out", "dx = dout * (1.0 - self.out)"),
        *("layers.0.W", None),
    ),
    (
        *(lambda m: m.Conv2D(2, 3, 2), (normal(2, 3, 4, 4),), {}),
        *("dx[:, :, r, s] += np", "dx[:, :, r, s] = np", "x", None),
    ),
    (
        *(lambda m: m.RNNCell(3, 4), (normal(2, 3), normal(2, 4)), {}),
        *('"dWh": h_prev.T @ dz', '"dWh": h.T @ dz', "Wh", None),
    ),
]


@pytest.mark.parametrize(
    ("make", "inputs", "options", "old", "new", "gradient", "code"), few_quick(WRONG, 6)
)
def test_one_wrong_line_is_convicted_and_named(
    tmp_path, make, inputs, options, old, new, gradient, code
):
    module = make(edited(layers, tmp_path, old, new))
    report = check_module(module, *inputs, **options, lines=None if code else False)
    assert report[gradient].verdict is Verdict.FAIL, str(report)
    if code:
        assert code in {finding.code for finding in report.all_findings()}, str(report)


UNNAMED = "return dout * (1.0 - self.out)"
KEPT = "back = 1.0 - self.out\n        return dout * back"


@pytest.mark.parametrize("wrong", [UNNAMED, KEPT])
def test_a_layer_of_a_net_is_not_blamed_for_what_it_was_handed(tmp_path, wrong):
    right = "dx = dout * (1.0 - self.out) * self.out\n        return dx"
    own = edited(layers, tmp_path, right, wrong)
    ends = (normal(4, 3), normal(3)), (normal(3, 2), normal(2))
    net = own.Sequential(own.Affine(*ends[0]), own.Sigmoid(), own.Affine(*ends[1]))
    first = next(f for f in check_module(net, X).all_findings() if f.code == "first-wrong-line")
    source, start = inspect.getsourcelines(own.Sigmoid.backward)
    lines = range(start, start + len(source))
    assert {first.evidence["line"], *first.evidence["also"]} & {*lines}, first.message
    assert not first.message.startswith(","), first.message
    # What holds at no other draw has no name: its derivative is not 1/x times the right one.
    assert first.evidence["code"] is None, first.message


def test_where_gradients_were_found_is_said():
    findings = check_module(layers.Dense(4, 3), X).findings
    assert [f.code for f in findings] == ["adapted"]
    assert "W in self.dW, b in self.db" in findings[0].message


def test_a_missing_gradient_of_a_parameter_is_said(tmp_path):
    wrong = edited(layers, tmp_path, "        self.db = dout.sum(axis=0)\n", "")
    report = check_module(wrong.Dense(4, 3), X)
    assert any("No gradient of b was found" in f.message for f in report.findings)


def test_accumulation_is_a_remark_where_a_fresh_object_does_without_it():
    module = layers.Projection(4, 3)
    module.weight.grad += 7
    report = check_module(module, X)
    assert report.passed
    assert "accumulates" in {finding.code for finding in report.findings}
    assert (module.weight.grad == 7).all()


def test_parameters_may_be_named_with_the_places_of_their_gradients():
    class Odd:
        def __init__(self):
            self.kernel, self.store = normal(4, 3), {}

        def forward(self, x):
            self.x = x
            return x @ self.kernel

        def backward(self, dy):
            self.store["k"] = self.x.T @ dy
            return dy @ self.kernel.T

    report = check_module(Odd(), X)
    assert [row.name for row in report.rows] == ["x"]
    assert any("No gradient of kernel" in finding.message for finding in report.findings)
    report = check_module(Odd(), X, parameters={"kernel": "store.k"})
    assert report.passed and [row.name for row in report.rows] == ["x", "kernel"]
    with pytest.raises(TypeError, match="holds no array 'W'; it holds kernel"):
        check_module(Odd(), X, parameters="W")


def test_other_names_of_the_methods():
    class Other:
        def run(self, x):
            self.x = x
            return x**2

        def pull(self, dy):
            return 2 * self.x * dy

    assert check_module(Other(), X, forward="run", backward="pull").passed
    with pytest.raises(TypeError, match="Other has no method 'forward'; it has pull, run"):
        check_module(Other(), X)


def test_a_class_and_a_generator_are_told_what_to_do():
    with pytest.raises(TypeError, match=r"Dense is a class: make an object of it first"):
        check_module(layers.Dense, X)
    with pytest.raises(TypeError, match="generator"):
        check_module((x for x in ()), X)


def test_an_object_that_cannot_be_copied_is_told_so():
    module = layers.Sigmoid()
    module.lock = (value for value in ())
    with pytest.raises(ValueError, match="Sigmoid cannot be copied"):
        check_module(module, X)


def test_an_elementwise_derivative_without_an_upstream_gradient():
    class Square:
        def forward(self, x):
            self.x = x
            return x * x

        def backward(self):
            return 2 * self.x

    class Total(Square):
        def forward(self, x):
            return super().forward(x).sum(axis=0)

    assert check_module(Square(), X).passed
    with pytest.raises(ValueError, match="takes no upstream gradient"):
        check_module(Total(), X)


def test_two_draws_of_a_mask_are_convicted(tmp_path):
    new = "return dout * (np.random.rand(*dout.shape) > self.ratio)"
    wrong = edited(layers, tmp_path, "return dout * self.mask", new)
    assert not check_module(wrong.Dropout(), normal(8, 8), seed=3, lines=False).passed


def test_which_gradients_are_returned_can_be_said():
    class Swapped:
        def __init__(self):
            self.W = normal(4, 4)

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dy):
            return self.x.T @ dy, dy @ self.W.T

    square = normal(4, 4, seed=2)
    assert not check_module(Swapped(), square, lines=False).passed
    report = check_module(Swapped(), square, gradients="W x")
    assert report.passed and [row.name for row in report.rows] == ["x", "W"]
    with pytest.raises(TypeError, match="gradients= names 'V'; the inputs are x, W"):
        check_module(Swapped(), square, gradients="V x")


def test_gradients_that_are_shaped_as_the_parameters_are_theirs_and_not_the_inputs():
    class Model:
        def __init__(self):
            self.W, self.b = normal(3, 4), normal(4)

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, dy):
            grads = [np.zeros_like(self.W), np.zeros_like(self.b)]
            grads[0] += self.x.T @ dy
            grads[1] += dy.sum(axis=0)
            return grads

    report = check_module(Model(), normal(5, 3))
    assert report.passed and [row.name for row in report.rows] == ["W", "b"]


def test_a_forward_pass_that_leaves_nothing_is_told_so():
    class Silent:
        def forward(self, x):
            self.x = x

        def backward(self, dy):
            return dy

    with pytest.raises(
        TypeError, match=r"forward pass of Silent returns nothing, and leaves nothing"
    ):
        check_module(Silent(), X)


def test_a_parameter_of_the_class_is_one_too():
    class Shared:
        W = normal(4, 3)

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dy):
            self.dW = 2 * self.x.T @ dy
            return dy @ self.W.T

    before = Shared.W.copy()
    report = check_module(Shared(), X)
    assert report["W"].verdict is Verdict.FAIL and report["x"].verdict is Verdict.PASS
    assert np.array_equal(Shared.W, before)


def test_a_named_parameter_without_a_gradient_fails():
    class Forgetful:
        def __init__(self):
            self.W, self.b = normal(4, 4), normal(4)

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, dy):
            self.dW = self.x.T @ dy
            return dy @ self.W.T

    report = check_module(Forgetful(), X, parameters="W b", lines=False)
    assert report["b"].verdict is Verdict.FAIL


def test_that_randomness_was_put_back_is_said():
    report = check_module(layers.Dropout(), X, seed=3)
    assert any("state of seed=3" in finding.message for finding in report.findings)
    assert not check_module(layers.Relu(), X, seed=3).findings


def test_an_object_that_leaves_no_gradient_anywhere_is_told():
    class Silent:
        def __init__(self):
            self.W = normal(4, 4)

        def forward(self, x):
            return x @ self.W

        def backward(self, dy):
            dy @ self.W.T

    report = check_module(Silent(), X)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "No gradient of W was found" in str(report)
    assert "backward returned None for x, so nothing was checked" in str(report)


LAST = """
    def backward(self, dout{}):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)
"""


@pytest.mark.parametrize(("default", "passes"), [("=1", True), ("", False)])
def test_a_loss_that_comes_last_need_not_look_at_an_upstream_gradient_of_one(
    tmp_path, default, passes
):
    text = inspect.getsource(layers.SoftmaxWithLoss.backward)
    own = edited(layers, tmp_path, text, LAST.format(default)[1:])
    report = check_module(own.SoftmaxWithLoss(), X, LABELS)
    assert report.passed == passes, str(report)
    assert ("does not look at dout" in str(report)) == passes


class Running:
    """Makes its gain and its running mean in the first pass, in float32, and keeps a float beside them."""

    def __init__(self):
        self.gain = self.mean = None
        self.offset = 0.5

    def forward(self, x):
        if self.gain is None:
            self.gain = np.full(x.shape[1], 2, x.dtype)
            self.mean = np.zeros(x.shape[1], x.dtype)
        self.mean = 0.9 * self.mean + x.mean(axis=0)
        self.x = x + self.offset
        return self.x * self.gain

    def backward(self, dout, learning_rate):
        dx = (dout + 0 * self.offset) * self.gain
        self.gain -= learning_rate * (dout * self.x).sum(axis=0)
        return dx


class Normed(Running):
    """Keeps its input under a name of its own, beside a running mean that no pass runs without."""

    def __init__(self):
        super().__init__()
        self.given = None

    def forward(self, x):
        self.given = x
        return super().forward(x)

    def backward(self, dout, learning_rate):
        grad_given = super().backward(dout, learning_rate)
        return grad_given


def test_what_a_pass_keeps_for_the_way_back_is_no_parameter_though_a_mean_is_made_beside_it():
    report = check_module(Normed(), normal(3, 4), update="learning_rate")
    assert report.passed and [row.name for row in report.rows] == ["x", "gain"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_made_in_the_first_pass_may_change_in_each_and_a_float_stays_one(dtype):
    """An array of no axes in place of a float would make float64 of float32."""
    report = check_module(Running(), normal(3, 4).astype(dtype), update="learning_rate")
    assert report.passed and [row.name for row in report.rows] == ["x", "gain"]


def test_a_cache_beside_the_output_is_handed_back_whatever_else_it_holds():
    class Model:
        def __init__(self):
            self.W = normal(3, 4)

        def forward(self, x):
            return x @ self.W, {"x": x, "kept": [x]}

        def backward(self, cache, dy):
            return {"W": cache["x"].T @ dy}

    report = check_module(Model(), normal(5, 3))
    assert report.passed and [row.name for row in report.rows] == ["W"]


class Penalized:
    """Hands a penalty on beside its output; its way back knows of the output alone, or of both."""

    def __init__(self, factor=1.0):
        self.K, self.factor = normal(3, 4), factor

    def forward(self, x):
        self.x = x
        return x @ self.K, np.sum(self.K**2)

    def backward(self, delta):
        self.delta_K = self.factor * self.x.T @ delta[:]
        return delta.dot(self.K.T)


def test_one_upstream_gradient_beside_two_outputs_is_that_of_the_first():
    report = check_module(Penalized(), normal(5, 3))
    assert report.passed and [row.name for row in report.rows] == ["x", "K"]
    assert "no upstream gradient for output 1" in str(report)
    assert not check_module(Penalized(2.0), normal(5, 3)).passed


def test_the_bias_of_a_softmax_is_no_momentum_though_all_its_entries_may_move_together():
    class Net:
        def __init__(self):
            self.lr, self.W, self.b = 0.1, normal(4, 3), np.zeros(3)

        def forward(self, X):
            self.X, e = X, np.exp(X @ self.W + self.b)
            self.p = e / e.sum(axis=1, keepdims=True)
            return self.p

        def loss(self, p, y_onehot):
            return -np.sum(y_onehot * np.log(p)) / len(p)

        def backward(self, y_onehot):
            dz = (self.p - y_onehot) / len(self.X)
            for parameter, gradient in (self.W, self.X.T @ dz), (self.b, dz.sum(axis=0)):
                parameter -= self.lr * gradient

    report = check_module(Net(), normal(5, 4), np.eye(3)[[0, 2, 1, 1, 0]])
    assert report.passed and [row.name for row in report.rows] == ["W", "b"], str(report)


class Root:
    """An RMS norm whose way back multiplies by its gain so often in the second of two terms."""

    def __init__(self, times):
        self.gain, self.times = np.ones(4), times

    def forward(self, x):
        self.x, self.r = x, 1 / np.sqrt((x * x).mean(axis=1, keepdims=True))
        return x * self.r * self.gain

    def backward(self, dy):
        self.dgain = (dy * self.x * self.r).sum(axis=0)
        dn = dy * self.gain
        along = (dn * self.x).mean(axis=1, keepdims=True)
        return dn * self.r - self.gain**self.times * self.x * self.r**3 * along


def test_a_gain_of_ones_hides_no_factor():
    """What passes with gains of ones alone is no pass."""
    assert "all entries" not in str(check_module(Root(0), normal(3, 4)))
    report = check_module(Root(1), normal(3, 4))
    assert report["x"].verdict is Verdict.FAIL and report["gain"].verdict is Verdict.PASS
    assert "With gain as given, all entries zero or one, every gradient passes" in str(report)
    assert "first-wrong-line" in [finding.code for finding in report.findings]


class Stack:
    """Layers in a list, whose gradients are returned in a dict under their numbers, the last one's first."""

    def __init__(self, *sizes, wrong=1.0):
        self.layers = [layers.Dense(*pair) for pair in pairwise(sizes)]
        self.wrong = wrong

    def forward(self, x):
        for layer in self.layers:
            x = np.tanh(layer.forward(x))
            layer.kept = x
        return x

    def backward(self, dy):
        grads = {}
        for number, layer in reversed(list(enumerate(self.layers, 1))):
            dz = dy * (1 - layer.kept**2)
            grads[f"dW{number}"] = layer.x.T @ dz * self.wrong
            grads[f"db_{number}"] = dz.sum(axis=0)
            dy = dz @ layer.W.T
        return grads


def test_gradients_under_the_numbers_of_their_layers():
    report = check_module(Stack(4, 5, 3), X)
    named = ["layers.0.W", "layers.0.b", "layers.1.W", "layers.1.b"]
    assert report.passed and [row.name for row in report.rows] == named, str(report)
    wrong = check_module(Stack(4, 5, 3, wrong=2.0), X)
    assert {row.name for row in wrong.rows if row.verdict is Verdict.FAIL} == {*named[::2]}


class Step:
    """A recurrent step of two states, whose upstream gradients come from the next step."""

    def __init__(self):
        self.U = normal(3, 3)

    def forward(self, h, c):
        self.h, self.c = h, c * np.tanh(h @ self.U)
        return self.h * self.c, self.c

    def backward(self, dh_next, dc_next):
        t = np.tanh(self.h @ self.U)
        dc = dc_next + dh_next * self.h
        da = dc * (self.c / t) * (1 - t * t)
        self.dU = self.h.T @ da
        return dh_next * self.c + da @ self.U.T, dc * t


def test_a_state_that_is_called_c_is_no_cache_where_its_gradient_comes_back():
    report = check_module(Step(), normal(2, 3), normal(2, 3, seed=1))
    assert report.passed and [row.name for row in report.rows] == ["h", "c", "U"], str(report)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("self.dkernels[:, k] += dy", "self.dkernels[:, k] = dy"),
        ("self.dbias[k] += dy[i, k]", "self.dbias[k] += dy[i, 0]"),
        ("part = self.x[i : i + self.width]", "part = self.x[k : k + self.width]"),
    ],
)
def test_a_count_that_the_way_back_keeps_for_itself_stands_in_no_proof_s_way(
    tmp_path, right, wrong
):
    module = edited(layers, tmp_path, right, wrong)
    report = check_module(module.Windows(3, 2), normal(5))
    line = inspect.getsource(module).split(wrong)[0].count("\n") + 1
    assert report.repair and report.repair.line == line, str(report)


def test_in_a_helper_too_the_likeliest_slips_come_first(tmp_path):
    wrong = "dh = dboth[self.states :]"
    module = edited(layers, tmp_path, "dh = dboth[: self.states]", wrong)
    report = check_module(module.Chain(), normal(4, 3))
    line = inspect.getsource(module).split(wrong)[0].count("\n") + 1
    assert report.repair and report.repair.line == line, str(report)
    assert "shifted" in str(report)


class Masked:
    """Rectified units with biases of zeros, far from where their mask would be another for a little more."""

    def __init__(self, *, forgets):
        self.W, self.b, self.forgets = 5.0 * np.eye(4), np.zeros(4), forgets

    def forward(self, x):
        self.x = x
        return np.maximum(x @ self.W + self.b, 0)

    def backward(self, dy):
        z = self.x @ self.W + (0 if self.forgets else self.b)
        dz = dy * (z > 0)
        self.dW, self.db = self.x.T @ dz, dz.sum(axis=0)
        return dz @ self.W.T


def test_a_bias_of_zeros_hides_no_mask():
    x = np.array([[0.2, -0.2, 0.25, -0.25], [-0.2, 0.2, 0.2, -0.2], [0.25, 0.3, -0.2, 0.2]])
    assert check_module(Masked(forgets=False), x).passed
    report = check_module(Masked(forgets=True), x)
    assert report.verdict is Verdict.FAIL and "all entries zero or one" in str(report)
