"""Repairs are no coincidences of sizes, reach into helpers, and find a second mistake behind the first."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck import Verdict, check, check_loss, check_module, check_pair
from gradcheck.layer import run
from gradcheck.repair.proof import Proof
from gradcheck.repair.sizes import resized

RNG = np.random.default_rng(5)


def normal(*shape):
    return RNG.normal(size=shape)


def value(layer):
    """The value of a layer at inputs; None where it is not defined."""

    def at(inputs):
        try:
            return run(layer, inputs)[0]
        except (ValueError, IndexError):
            return None

    return at


def nothing(inputs):
    """A way back that raises, of which nothing is known."""
    return []


def product(x, W, b):
    return x @ W + b, lambda dy: (dy @ W.T, x.T @ dy, dy.sum(axis=0))


def test_every_size_that_can_change_alone_gets_a_length_of_its_own():
    inputs = [normal(4, 4), normal(4, 4), normal(4)]
    found = resized(value(product), nothing, inputs)
    (batch, features), (_, outputs), _ = (x.shape for x in found.grown)
    assert len({4, batch, features, outputs}) == 4
    assert not found.fixed
    for fresh, x in zip(found.grown, inputs, strict=True):
        assert np.array_equal(fresh[tuple(map(slice, x.shape))], x)


def test_sizes_that_a_layer_insists_on_are_fixed():
    def of_three(x):
        return x * np.arange(3), lambda dy: dy * np.arange(3)

    found = resized(value(of_three), nothing, [normal(5, 3)])
    assert (found.grown[0].shape, found.fixed) == ((6, 3), {3})
    assert (
        resized(value(lambda x: (x * np.ones((2, 3)), np.copy)), nothing, [normal(2, 3)]).more == {}
    )


def test_what_the_layer_does_not_read_is_no_size_of_its_own():
    def loop(x, W, b):
        y = np.stack([x @ W[:, k] + b[k] for k in range(W.shape[1])], axis=1)
        return y, lambda dy: (dy @ W.T, x.T @ dy, dy.sum(axis=0))

    grown = resized(value(loop), nothing, [normal(3, 4), normal(4, 5), normal(5)]).grown
    # A bias that is longer than there are outputs would run, and prove nothing.
    assert grown[2].shape[0] == grown[1].shape[1] > 5


def half(mu, logvar, eps):
    z = mu + np.exp(0.5 * logvar) * eps

    def backward(dz):
        dlogvar = dz * eps * np.exp(0.5 * logvar)
        return dz, dlogvar, dz * np.exp(0.5 * logvar)

    return z, backward


def averaged(A, W, b, Y):
    Z = W @ A + b
    return np.sum((Z - Y) ** 2) / (2 * Y.shape[1]), (A, W, Y, Z)


def averaged_backward(dout, cache):
    A, W, Y, Z = cache
    m = A.shape[0]
    dZ = dout * (Z - Y)
    dW = 1 / m * dZ @ A.T
    db = 1 / m * dZ.sum(axis=1, keepdims=True)
    dA = 1 / m * W.T @ dZ
    return dA, dW, db, -dZ / m


def weighted(w, x):
    y = x @ w / x.shape[0]

    def backward(dy):
        return x.T @ dy, np.outer(dy, w) / len(x)

    return y, backward


def columns(x, W):
    y = (x @ W).mean(axis=0)

    def backward(dy):
        d = np.ones((x.shape[0], 1)) * dy / W.shape[1]
        return d @ W.T, x.T @ d

    return y, backward


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [(weighted, (normal(4), normal(4, 4))), (columns, (normal(4, 4), normal(4, 3)))],
)
def test_of_two_sizes_that_are_equal_here_the_one_is_read_that_is_meant(layer, inputs):
    repair = check(layer, *inputs).repair
    assert "/ len(x)" in repair.after or "/ x.shape[0]" in repair.after


def test_no_size_is_a_factor_that_only_happens_to_be_as_large():
    # Two columns: with `/ eps.shape[1]` every gradient is right here, and nowhere else.
    repair = check(half, normal(3, 2), normal(3, 2), normal(3, 2)).repair
    assert repair.after.endswith(("/ 2", "* 0.5")) and not repair.only_here
    # As many outputs as examples: W or b would do for A here.
    inputs = normal(3, 5), normal(5, 3), normal(5, 1), normal(5, 5)
    repair = check_pair(averaged, averaged_backward, *inputs).repair
    assert repair.after in ("m = A.shape[1]", "m = A.shape[-1]") and not repair.only_here


def test_an_axis_of_length_one_is_no_size():
    def forward(x, b):
        return np.sum((x + b) ** 2) / 2, (x, b)

    def backward(dout, cache):
        x, b = cache
        m = x.shape[1]
        dx = dout * (x + b) / m
        return dx, dout * (x + b).sum(axis=1, keepdims=True)

    repair = check_pair(forward, backward, normal(3, 5), normal(3, 1)).repair
    assert "b.shape" not in repair.diff and "/ m" not in repair.after


def fixed(x):
    y = (x * np.ones((2, 3))).sum(axis=1) / 2

    def backward(dy):
        dx = np.ones((2, 3)) * dy[:, None]
        return dx

    return y, backward


def test_where_no_other_size_can_be_drawn_the_report_says_so_and_a_number_goes_before_a_size():
    report = check(fixed, normal(2, 3))
    assert "shape" not in report.repair.after and "len" not in report.repair.after
    assert report.repair.only_here and report.repair.to_dict()["only_here"]
    assert "That was proved in these sizes only." in str(report)
    assert "these sizes only" not in str(check(half, normal(3, 2), normal(3, 2), normal(3, 2)))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    s = sigmoid(z)
    return s * (1 + s)


def deeper(z):
    return sigmoid_prime(z) * 1.0


def net(x, W, V):
    a = x @ W
    h = sigmoid(a)
    return h @ V, (x, W, V, a, h)


def net_backward(dy, cache):
    x, W, V, a, h = cache
    dV = h.T @ dy
    da = dy @ V.T * deeper(a)
    return da @ W.T, x.T @ da, dV


def test_a_wrong_line_of_a_helper_is_repaired_there():
    report = check_pair(net, net_backward, normal(3, 4), normal(4, 5), normal(5, 2))
    repair = report.repair
    assert (repair.before, repair.after) == ("return s * (1 + s)", "return s * (1 - s)")
    assert "-    return s * (1 + s)\n+    return s * (1 - s)\n" in repair.diff
    first = next(one for one in report.findings if one.code == "first-wrong-line")
    assert first.evidence["line"] == repair.line
    assert {one.code for row in report.rows for one in row.findings} <= {"sign-flipped"}


def logistic(z):
    return 1 / (1 + np.exp(z))


def uses_its_helper_both_ways(z):
    p = logistic(z)

    def backward(dp):
        dz = dp * logistic(z) * (1 - logistic(z))
        return dz

    return p, backward


def test_a_helper_that_the_forward_pass_uses_is_not_edited_so_that_the_value_is_another():
    repair = check(uses_its_helper_both_ways, normal(3, 4)).repair
    assert repair.before.startswith("dz =")


class Tanh:
    def value(self, z):
        return np.tanh(z)

    def derivative(self, z):
        return 1 - np.tanh(z)


class Accumulating:
    """It adds its gradients up in arrays, by a method of its own, with the slope of another class."""

    def __init__(self, n_in, n_out):
        self.xp, self.activation = np, Tanh()
        self.parameters = {"W": normal(n_in, n_out), "b": normal(1, n_out)}
        self.gradients = {"W": np.zeros((n_in, n_out)), "b": np.zeros((1, n_out))}

    def _linear(self, X):
        return X @ self.parameters["W"] + self.parameters["b"]

    def forward(self, X):
        self.X = X
        return self.activation.value(self._linear(X))

    def backward(self, grad):
        return self._back(grad * self.activation.derivative(self._linear(self.X)))

    def _back(self, dZ):
        self.gradients["W"] += self.X.T @ dZ
        self.gradients["b"] += self.xp.sum(dZ, axis=0, keepdims=True)
        return dZ @ self.parameters["W"].T


class Averaging(Accumulating):
    def forward(self, X):
        self.X = X
        return self._linear(X)

    def backward(self, grad):
        return self._back(grad)

    def _back(self, dZ):
        self.gradients["W"] += self.X.T @ dZ
        self.gradients["b"] += dZ.mean(axis=0)
        return dZ @ self.parameters["W"].T


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (Accumulating, "return 1 - np.tanh(z)", "return 1 - np.tanh(z) ** 2"),
        (
            Averaging,
            'self.gradients["b"] += dZ.mean(axis=0)',
            'self.gradients["b"] += dZ.sum(axis=0)',
        ),
    ],
)
def test_a_wrong_line_of_a_method_is_repaired_there(kind, before, after):
    repair = check_module(kind(4, 3), normal(5, 4)).repair
    assert (repair.before, repair.after) == (before, after)
    assert not repair.only_here


class TwoMistakes:
    def __init__(self):
        self.W, self.V = normal(4, 4), normal(4, 4)

    def forward(self, x):
        self.x = x
        self.a = x @ self.W
        self.h = np.maximum(0, self.a)
        return self.h @ self.V

    def backward(self, dy):
        self.dV = dy.T @ self.h
        da = dy @ self.V.T * (self.x > 0)
        self.dW = self.x.T @ da
        return da @ self.W.T


def in_a_helper_and_in_the_pass(dy, cache):
    x, W, V, a, h = cache
    dV = dy.T @ h
    da = dy @ V.T * sigmoid_prime(a)
    return da @ W.T, x.T @ da, dV.T * 2


@pytest.mark.slow
def test_a_second_mistake_is_found_behind_the_first_in_an_object_and_in_a_helper():
    repair = check_module(TwoMistakes(), normal(4, 4)).repair
    assert [edit.before for edit in repair.edits] == [
        "self.dV = dy.T @ self.h",
        "da = dy @ self.V.T * (self.x > 0)",
    ]
    inputs = normal(3, 4), normal(4, 5), normal(5, 2)
    repair = check_pair(net, in_a_helper_and_in_the_pass, *inputs).repair
    assert {edit.before for edit in repair.edits} == {
        "return s * (1 + s)",
        "return da @ W.T, x.T @ da, dV.T * 2",
    }
    assert repair.diff.count("@@") == 4


def dropped(x, mask):
    return x * mask / 0.8, {"mask": mask, "keep": 0.8}


def dropped_backward(dy, cache):
    dx = dy * cache["mask"]
    return dx, None


def test_what_a_dictionary_holds_is_at_hand_though_it_is_read_nowhere():
    mask = np.array([[1, 0, 1], [0, 1, 1]])
    repair = check_pair(dropped, dropped_backward, normal(2, 3), mask).repair
    assert repair.after == "dx = dy * cache['mask'] / cache['keep']"


class Model:
    """Its loss has an epsilon in a logarithm of which the way back knows nothing."""

    def __init__(self):
        self.W = normal(3, 4)
        self.x, self.y = normal(5, 3), np.eye(4)[[0, 2, 1, 3, 1]]

    def forward(self):
        e = np.exp(self.x @ self.W)
        p = e / e.sum(axis=1, keepdims=True)
        return -(self.y * np.log(p + 1e-12)).sum() + 0.1 * (self.W**2).sum(), p

    def backward(self, p):
        dlogits = p - self.y
        decay = 0.2 * self.W  # noqa: F841 what is left out
        dW = self.x.T @ dlogits
        return dW

    def loss_and_gradient(self):
        value, p = self.forward()
        return value, self.backward(p)


def test_a_method_is_repaired_that_a_loss_calls_for_its_gradients_alone():
    model = Model()

    def loss(W):
        model.W = W
        return model.loss_and_gradient()

    report = check_loss(loss, model.W)
    assert report["W"].findings[0].code == "extra-term"
    assert report.repair.after == "dW = self.x.T @ dlogits + decay"


def gated(x, W, V):
    z, u = x @ W, x @ V

    def backward(dy):
        dy, x_, z_, u_ = (one.reshape(-1, one.shape[-1]) for one in (dy, x, z, u))
        dz = dy * u_ * (1 - np.tanh(z_) ** 2)
        du = dy * np.tanh(u_)
        return (dz @ W.T + du @ V.T).reshape(x.shape), x_.T @ dz, x_.T @ du

    return np.tanh(z) * u, backward


def test_what_is_laid_flat_may_be_what_it_should():
    repair = check(gated, normal(2, 3, 4), normal(4, 5), normal(4, 5)).repair
    assert repair.after == "du = dy * np.tanh(z_)"


def ratings_loss(P, Q, ratings):
    loss, dP, dQ = 0.0, np.zeros_like(P), np.zeros_like(Q)
    for user, film, rating in ratings:
        off = P[user] @ Q[film] - rating
        loss += off**2
        dP[user] += 2 * off * Q[film]
        dQ[film] += off * P[user]
    return loss, dP, dQ


def test_what_is_added_once_is_not_added_to_the_same_index_twice():
    """A factor is missing: `np.add.at(dQ, [film, film], …)` would double it too, and nobody means that."""
    ratings = [(0, 1, 3.0), (2, 2, 1.0), (0, 3, 2.0)]
    report = check_loss(ratings_loss, normal(3, 2), normal(4, 2), ratings)
    assert report["Q"].findings[0].code == "scaled"
    assert "add.at" not in report.repair.after and "2" in report.repair.after


def drawn(seed, shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class Gated:
    """A gated unit that casts to float32, so that no witness sees it in more digits."""

    def __init__(self):
        draws = ((1, (3, 4)), (2, (3, 4)), (4, (4, 3)))
        self.V, self.U, self.D = (drawn(seed, shape) for seed, shape in draws)

    def forward(self, x):
        self.x = np.asarray(x, dtype=np.float32)
        self.v, self.u = self.x @ self.V, self.x @ self.U
        self.s = 1 / (1 + np.exp(-self.v))
        return (self.v * self.s * self.u) @ self.D

    def backward(self, dy):
        dh = dy @ self.D.T
        self.dD = (self.v * self.s * self.u).T @ dy
        dv = dh * self.u * (self.s + self.v * self.s * (1 - self.s))
        du = dh * self.v * self.s
        self.dV, self.dU = self.x.T @ dv, self.x.T @ du
        return dv @ self.V.T - du @ self.U.T


def test_code_in_float32_is_mended_though_no_witness_is_sure_of_every_entry():
    report = check_module(Gated(), drawn(0, (4, 3)))
    assert not report.passed
    assert report.repair is not None
    assert report.repair.after == "return dv @ self.V.T + du @ self.U.T"


class Stack:
    """A bias before a normalization, whose gradient is nothing but rounding, and a tanh behind it."""

    def __init__(self):
        self.W, self.b = normal(4, 5), np.zeros(5)

    def forward(self, x):
        self.x, z = x, x @ self.W + self.b
        self.sigma = np.sqrt(z.var(axis=0) + 1e-20)
        self.n = (z - z.mean(axis=0)) / self.sigma
        self.a = np.tanh(self.n)
        return self.a

    def backward(self, dy):
        dn = dy * (1 - self.a)
        dz = (dn - dn.mean(axis=0) - self.n * (dn * self.n).mean(axis=0)) / self.sigma
        self.dW, self.db = self.x.T @ dz, dz.sum(axis=0)
        return dz @ self.W.T


def test_a_gradient_of_which_nothing_can_be_seen_stands_in_no_proofs_way():
    report = check_module(Stack(), normal(6, 4))
    assert report["b"].verdict is not Verdict.FAIL
    assert report.repair is not None
    assert report.repair.after == "dn = dy * (1 - self.a ** 2)"


@pytest.mark.parametrize(("error", "trusted"), [(1e-5, True), (0.05, False)])
def test_where_no_draw_is_seen_clearly_three_digits_are_a_proof(monkeypatch, error, trusted):
    """A witness of code that casts to float32 may be sure of no draw; what is wrong is so by a part of it."""
    seen = SimpleNamespace(row=SimpleNamespace(verdict=Verdict.PASS), numeric=None)
    unsure = SimpleNamespace(verdict=Verdict.INCONCLUSIVE, relative_error=error)
    report = SimpleNamespace(passed=False, verdict=Verdict.INCONCLUSIVE, rows=[unsure])
    monkeypatch.setattr(Proof, "_drawn", lambda *_: iter([[], []]))
    proof = Proof(SimpleNamespace(compared={0: seen}), lambda *_, **__: report, 0)
    assert proof._passes(None, [], 1) is trusted


def test_what_a_way_back_ends_before_is_no_size_of_its():
    def back(inputs):
        x, W, b = inputs
        db = np.zeros(b.shape)
        db[:5] = 1
        return [np.ones(x.shape), np.ones(W.shape), db]

    inputs = [normal(3, 4), normal(4, 5), normal(5)]
    found = resized(value(product), back, inputs)
    assert {x.shape[-1] for x in found.grown[1:]} == {5} and found.grown[0].shape != (3, 4)
