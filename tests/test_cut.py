"""A network as one function is cut where everything passes through one value, and says what the whole says."""

from functools import partial

import numpy as np
import pytest
from examples import few_quick

from gradcheck import Verdict, check
from gradcheck.compare import compare
from gradcheck.cut import PiecewiseWitness, in_pieces
from gradcheck.cut import worth as cutting
from gradcheck.cut.places import Pieces, read
from gradcheck.numeric import Forward, Grouping, NumericalWitness, Variable
from gradcheck.numeric.stencil import Stencil
from layers import Objective, conv2d, dense, lstm, max_pool2d, relu, softmax_cross_entropy, tanh
from layers.network import Network, Step
from layers.types import present

RNG = np.random.default_rng(0)
NAMES = ("x", "labels", "W1", "b1", "W2", "b2")


def net(x, labels, W1, b1, W2, b2, *, spoil="", by=lambda d: 0.5 * d):
    z1, back_conv = conv2d(x, W1, b1)
    a1, back_relu = relu(z1)
    p1, back_pool = max_pool2d(a1)
    f1 = p1.reshape(len(x), -1)
    z2, back_dense = dense(f1, W2, b2)
    L, back_loss = softmax_cross_entropy(z2, labels)

    def backward(dL):
        (dz2,) = present(back_loss(dL))
        dz2 = by(dz2) if spoil == "z2" else dz2
        df1, dW2, db2 = back_dense(dz2)
        dp1 = df1.reshape(p1.shape)
        (da1,) = present(back_pool(dp1))
        da1 = by(da1) if spoil == "a1" else da1
        (dz1,) = present(back_relu(da1))
        dx, dW1, db1 = back_conv(dz1)
        gradients = dict(zip(NAMES, (dx, None, dW1, db1, dW2, db2), strict=True))
        if spoil in gradients:
            gradients[spoil] = by(gradients[spoil])
        return tuple(gradients.values())

    return L, backward


def inputs(dtype=np.float64):
    shapes = ((2, 6, 6, 1), (3, 3, 1, 2), (2,), (8, 4), (4,))
    x, *parameters = (RNG.normal(size=shape).astype(dtype) for shape in shapes)
    return x, np.array([1, 3]), *parameters


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch):
    monkeypatch.setattr(cutting, "MANY", 1)
    monkeypatch.setattr(cutting, "WORTH", np.inf)


def cut_at(report):
    found = [finding for finding in report.findings if finding.code == "cut"]
    return [cut["name"] for finding in found for cut in finding.evidence["cuts"]]


def whole(monkeypatch, layer, *given, **options):
    with monkeypatch.context() as patch:
        patch.setattr(cutting, "MANY", np.inf)
        return check(layer, *given, lines=False, **options)


def test_pieces_say_what_the_whole_says(monkeypatch):
    given = inputs()
    report, other = check(net, *given), whole(monkeypatch, net, *given)
    assert report.passed and cut_at(report) == ["z1", "a1", "p1", "z2"] and not cut_at(other)
    assert report.evaluations < other.evaluations
    for row, beside in zip(report, other, strict=True):
        assert (np.abs(row.numeric - beside.numeric) <= row.bound + beside.bound).all()
        assert row.resolution < 1e-6


@pytest.mark.parametrize(
    "by", [lambda d: 0.5 * d, np.negative, lambda d: d + 1e-4], ids=["half", "minus", "shift"]
)
@pytest.mark.parametrize("spoil", few_quick(["x", "W1", "b1", "W2", "b2", "a1", "z2"], 1))
def test_a_mistake_is_convicted_wherever_it_is(spoil, by):
    given, layer = inputs(), partial(net, spoil=spoil, by=by)
    plain = NumericalWitness(Forward(layer, given), np.ones(()))
    pieces = in_pieces(plain, layer, NAMES)
    gradients = layer(*given)[1](np.ones(()))
    assert isinstance(pieces, PiecewiseWitness)

    def verdicts(witness):
        looked = {p: witness.beside(p, gradients[p]) for p in (2, 3, 4, 5)}
        return [
            compare(NAMES[p], gradients[p], seen, None)[0].verdict for p, seen in looked.items()
        ]

    assert verdicts(pieces) == verdicts(plain)
    assert (Verdict.FAIL in verdicts(pieces)) == (spoil != "x")


def test_the_first_wrong_value_is_a_cut():
    def wrong(x, labels, W1, b1, W2, b2):
        z1 = x.reshape(len(x), -1) @ W1 + b1
        a1 = np.tanh(z1)
        z2 = a1 @ W2 + b2
        L, back_loss = softmax_cross_entropy(z2, labels)

        def backward(dL):
            (dz2,) = present(back_loss(dL))
            da1 = dz2 @ W2.T
            dz1 = da1 * (1 - a1)
            dx = (dz1 @ W1.T).reshape(x.shape)
            return dx, None, x.reshape(len(x), -1).T @ dz1, dz1.sum(0), a1.T @ dz2, dz2.sum(0)

        return L, backward

    given = [RNG.normal(size=shape) for shape in ((2, 3, 3), (9, 5), (5,), (5, 4), (4,))]
    report = check(wrong, given[0], np.array([1, 3]), *given[1:])
    (found,) = [f for f in report.findings if f.code == "first-wrong-line"]
    assert cut_at(report) == ["z1", "a1", "z2"] and found.evidence["name"] == "dz1"
    assert [row.verdict for row in report] == [Verdict.FAIL] * 3 + [Verdict.PASS] * 2
    assert report.repair is not None and report.repair.line == found.evidence["line"]


def test_a_weight_in_two_places_and_in_the_penalty_is_one_weight(monkeypatch):
    def tied(x, W, *, penalty=0.1):
        h = np.tanh(x @ W)
        g = np.tanh(h @ W)
        L = (g**2).sum() + penalty * (W**2).sum()

        def backward(dL):
            dg = dL * 2 * g * (1 - g**2)
            dh = dg @ W.T
            dz = dh * (1 - h**2)
            return dz @ W.T, h.T @ dg + x.T @ dz + dL * 2 * penalty * W

        return L, backward

    x, W = RNG.normal(size=(3, 4)), 0.5 * RNG.normal(size=(4, 4))
    report, other = check(tied, x, W), whole(monkeypatch, tied, x, W)
    assert report.passed and cut_at(report) == ["h", "g"]
    assert np.allclose(report["W"].numeric, other["W"].numeric, rtol=1e-7)


def residual(x, W1, W2, *, spoil=""):
    h = np.tanh(x)
    a = h @ W1
    g = np.tanh(a)
    y = h + g @ W2
    L = (y**2).sum()

    def backward(dL):
        dy = dL * 2 * y
        dg = dy @ W2.T
        da = dg * (1 - g**2) * (0.5 if spoil == "a" else 1)
        dh = dy + da @ W1.T
        dx = dh * (1 - h**2)
        dW1, dW2 = h.T @ da, g.T @ dy
        return dx, dW1 * (0.5 if spoil == "W1" else 1), -dW2 if spoil == "W2" else dW2

    return L, backward


@pytest.mark.parametrize("spoil", ["", "a", "W1", "W2"])
def test_a_weight_beside_a_bypass_is_cut_where_its_own_effect_passes(monkeypatch, spoil):
    given = [0.5 * RNG.normal(size=shape) for shape in ((3, 6), (6, 9), (9, 6))]
    layer = partial(residual, spoil=spoil)
    report, other = check(layer, *given, lines=False), whole(monkeypatch, layer, *given)
    assert cut_at(report) == ["h", "a", "g", "y"]
    # A failing check evaluates more, to say why.
    assert spoil or report.evaluations < other.evaluations / 2
    assert [row.verdict for row in report] == [row.verdict for row in other]
    assert report.passed == (not spoil)
    for row, beside in zip(report, other, strict=True):
        assert (np.abs(row.numeric - beside.numeric) <= row.bound + beside.bound).all()
        assert row.resolution < 1e-6


def test_an_lstms_input_weights_are_cut_before_time_begins(monkeypatch):
    shapes = (2, 3, 4), (2, 3), (2, 3), (4, 12), (3, 12), (12,)
    given = [0.5 * RNG.normal(size=shape) for shape in shapes]
    report, other = check(lstm, *given), whole(monkeypatch, lstm, *given)
    assert report.passed and "inputs" in cut_at(report)
    assert report.evaluations < other.evaluations


def test_a_network_in_a_loop_is_cut_at_every_passing():
    steps = [Step("tanh", tanh), Step("out", dense, (("W", (4, 3)), ("b", (3,))))]
    network = Network(steps, (4,))
    theta = network.initialize(RNG, scheme="he")
    report = check(Objective(network), RNG.normal(size=(2, 4)), np.array([0, 2]), *theta)
    assert report.passed and cut_at(report) == ["value"] * 2
    assert "value (line " in str(report) and " 2 times" in str(report)


def test_float32_is_cut_where_it_follows_into_float64(monkeypatch):
    given = inputs(np.float32)
    report, other = check(net, *given), whole(monkeypatch, net, *given)
    assert report.passed and cut_at(report) == ["z1", "a1", "p1", "z2"]
    assert report.evaluations < other.evaluations and "checked in float64" in str(report)
    for row, beside in zip(report, other, strict=True):
        assert row.analytic.dtype == np.float32
        assert (np.abs(row.numeric - beside.numeric) <= row.bound + beside.bound).all()


@pytest.mark.parametrize(
    "spoil", ["b2", *(pytest.param(one, marks=pytest.mark.slow) for one in ("W1", "a1", "z2"))]
)
def test_a_mistake_in_float32_is_convicted_through_the_pieces(monkeypatch, spoil):
    given, layer = inputs(np.float32), partial(net, spoil=spoil, by=lambda d: d * np.float32(1.001))
    report, other = check(layer, *given, lines=False), whole(monkeypatch, layer, *given)
    assert [row.verdict for row in report] == [row.verdict for row in other]
    assert not report.passed and cut_at(report)


def test_rounding_inside_float32_convicts_nobody():
    def cancelling(x, W):
        z = (x + np.float32(3000)) @ W
        a = np.tanh(z - np.float32(3000) * W.sum(axis=0))
        L = (a**2).sum()

        def backward(dL):
            dz = dL * 2 * a * (1 - a**2)
            return dz @ W.T, (x + np.float32(3000)).T @ dz - np.float32(3000) * dz.sum(axis=0)

        return L, backward

    given = [RNG.normal(size=shape).astype(np.float32) for shape in ((3, 4), (4, 5))]
    report = check(cancelling, *given, lines=False)
    assert all(row.verdict is not Verdict.FAIL for row in report)


def test_what_stays_float32_inside_is_left_whole():
    def narrow(x):
        h = np.tanh(x.astype(np.float32))
        L = (h**2).sum()

        def backward(dL):
            dh = 2 * h * dL
            return dh * (1 - h**2)

        return L, backward

    report = check(narrow, RNG.normal(size=6).astype(np.float32), lines=False)
    assert report.passed and not cut_at(report)


def test_an_intermediate_value_that_is_wrong_but_unused_convicts_nobody():
    def harmless(x):
        h = np.sin(x)
        L = (h**2).sum()

        def backward(dL):
            dh = 3 * h * dL
            return 2 / 3 * dh * np.cos(x)

        return L, backward

    report = check(harmless, RNG.normal(size=6))
    assert report.passed and cut_at(report) == ["h"]


def test_kinks_between_pieces_are_told_as_kinks():
    def at_zero(x, b):
        z = x + b
        a = np.maximum(z, 0)
        L = (a * np.arange(1.0, 5)).sum()

        def backward(dL):
            back = dL * np.arange(1.0, 5) * (z > 0)
            return back, back.copy()

        return L, backward

    def named(x, b):
        z = x + b
        L = (np.maximum(z, 0) * np.arange(1.0, 5)).sum()

        def backward(dL):
            dz = dL * np.arange(1.0, 5) * (z > 0)
            return dz, dz.copy()

        return L, backward

    given = np.array([-0.5, 0.5, -1.5, -0.5]), np.full(4, 0.5)
    report = check(at_zero, *given)
    assert report.passed and cut_at(report) == ["z", "a"]
    assert report["x"].kinks.tolist() == [True, False, False, True]
    # Where the gradient between the pieces has a name, its convention is taken over, and told.
    report = check(named, *given)
    assert report.passed and not report["x"].kinks.any()
    assert "2 entries of z sit at a kink" in str(report)


def test_what_does_not_add_up_is_checked_as_a_whole(monkeypatch):
    monkeypatch.setattr(Pieces, "entered", ((0, 2, 3), (), (), (), ()))
    report = check(net, *inputs())
    (remark,) = [finding for finding in report.findings if finding.code == "cut"]
    assert report.passed and remark.evidence["whole"] == ["W2", "b2"]


def test_what_cannot_be_cut_is_left_whole():
    def witness(layer, *given):
        return NumericalWitness(Forward(layer, given), np.ones(()))

    assert not cut_at(check(relu, np.ones(5, np.float32), lines=False))
    unread = eval("lambda x: ((x**2).sum(), lambda dL: 2 * x * dL)")
    whole = witness(unread, np.ones(5))
    assert in_pieces(whole, unread, ["x"]) is whole

    # A single layer passes through nothing but its value.
    point = np.ones((2, 3)), np.ones((3, 2)), np.ones(2)
    assert not cut_at(check(dense, *point, lines=False))

    def bypassed(x):
        h = np.sin(x)
        g = np.cos(h)
        return (h * g).sum(), lambda dL: dL * np.cos(x) * (np.cos(h) - h * np.sin(h))

    there = witness(bypassed, np.ones(5))
    reading = read(bypassed, ["x"], there.forward, there.dy)
    pieces = None if reading is None else reading.pieces()
    assert pieces is not None and [cut.name for cut in pieces.cuts] == ["h"]


def test_a_cut_that_saves_nothing_is_not_made(monkeypatch):
    def loss(x, labels, W, b):
        z = x @ W + b
        L, back_loss = softmax_cross_entropy(z, labels)

        def backward(dL):
            (dz,) = present(back_loss(dL))
            return dz @ W.T, None, x.T @ dz, dz.sum(axis=0)

        return L, backward

    given = RNG.normal(size=(8, 2)), np.arange(8) % 2, RNG.normal(size=(2, 2)), np.zeros(2)
    assert cut_at(check(loss, *given)) == ["z"]
    monkeypatch.setattr(cutting, "WORTH", 0.5)
    assert not cut_at(check(loss, *given))


def test_a_doubt_about_what_arrives_is_followed_without_another_evaluation():
    W, x = RNG.normal(size=(5, 3)), RNG.normal(size=(2, 5))
    forward = Forward(lambda x: np.tanh(x @ W), [x])
    dy, doubt = RNG.normal(size=(2, 3)), RNG.uniform(size=(2, 3))
    plain = NumericalWitness(forward, dy)
    found, told = plain.gradient(0), plain.under(dy, [doubt]).gradient(0)
    assert told.evaluations == found.evaluations and (told.value == found.value).all()
    slopes = doubt * (1 - np.tanh(x @ W) ** 2)
    np.testing.assert_allclose(told.doubted[0], slopes @ np.abs(W).T, rtol=1e-3)
    assert not found.doubted


def test_a_doubt_is_as_steep_as_the_function_is_close_by():
    variable = Variable(Forward(lambda x: np.minimum(x, 1.2), [np.ones(1)]), 0)
    everything = (np.ones(1), np.full(1, 1e-16), "extrapolated", [np.full(1, 0.5)])
    stencil = Stencil(variable, Grouping((1,)), *everything)
    groups = stencil.grouping.beside(((slice(0, 1),),))
    # Over a step that is passed for straight, the slope is 0.6.
    stencil.judge(stencil.sample(groups, np.ones((1, 1)), straight=True))
    assert stencil.doubted[0] == pytest.approx(0.3)
    stencil.judge(stencil.sample(groups, np.full((1, 1), 1e-3)))
    assert stencil.doubted[0] == pytest.approx(0.5)
    # Far below them rounding is all that is seen.
    stencil.judge(stencil.sample(groups, np.full((1, 1), 3e-16)))
    assert stencil.doubted[0] == pytest.approx(0.5)
