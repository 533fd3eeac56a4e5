"""Line by line: the wrong line is named, right ones are left in peace, and what cannot be read is said."""

import functools
import inspect
import json
import random
import re
from importlib import import_module
from operator import attrgetter

import numpy as np
import pytest
from examples import SAMPLE_SEED

from gradcheck import Verdict, check, check_derivative, check_loss, check_pair
from gradcheck.forms.pair import adapt_pair
from gradcheck.lines import backward_text, rewritten, story
from gradcheck.lines.cells import in_its_cell
from layers.catalogue import CATALOGUE
from reports.mutation import all_mutants, blame

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def first(report):
    (finding,) = [f for f in report.findings if f.code == "first-wrong-line"]
    return finding.evidence


def verdicts(report):
    return {line.name: line.verdict for line in report.lines}


def batch_norm(x, gamma, beta, *, wrong=False):
    mean = x.mean(axis=0)
    centred = x - mean
    var = (centred * centred).mean(axis=0)
    scale = 1 / np.sqrt(var + 1e-5)
    xhat = centred * scale
    y = gamma * xhat + beta

    def backward(dy):
        dgamma = (dy * xhat).sum(axis=0)
        dxhat = dy * gamma
        d_scale = (dxhat * centred).sum(axis=0)
        grad_var = -d_scale * scale**3 / 2
        if wrong:
            grad_var = 2 * grad_var
        centred_grad = dxhat * scale + 2 / len(x) * grad_var * centred
        dmean = -centred_grad.sum(axis=0)
        dx = centred_grad + dmean / len(x)
        return dx, dgamma, dy.sum(axis=0)

    return y, backward


BN = (normal(5, 3), normal(3), normal(3))


def test_names_in_every_style_are_compared_and_right():
    report = check(batch_norm, *BN, lines=True)
    assert report.passed
    seen = verdicts(report)
    assert set(seen) == {*("dgamma", "dxhat", "d_scale", "grad_var", "centred_grad", "dmean", "dx")}
    assert set(seen.values()) == {Verdict.PASS}


def test_the_wrong_line_is_named_with_its_diagnosis_in_file_lines():
    report = check(functools.partial(batch_norm, wrong=True), *BN)
    found = first(report)
    source, start = inspect.getsourcelines(batch_norm)
    assert found["name"] == "grad_var"
    assert found["source"] == "grad_var = 2 * grad_var"
    assert source[found["line"] - start].strip() == found["source"]
    assert found["code"] == "scaled"
    wrong = next(f for f in report.findings if f.code == "first-wrong-line")
    assert "exactly 2 times" in wrong.message
    text = str(report)
    assert f">{found['line']:>6}  wrong" in text
    assert text.count("\n  ") < 20
    page = report._repr_html_()
    assert "wrong" in page and "grad_var = 2 * grad_var" in page
    (line,) = [entry for entry in report.to_dict()["lines"] if entry["name"] == "grad_var"]
    assert line["verdict"] == "FAIL"


def test_lines_false_leaves_them_alone_and_a_right_layer_needs_none():
    assert check(functools.partial(batch_norm, wrong=True), *BN, lines=False).lines == ()
    assert check(batch_norm, *BN).lines == ()


def test_the_function_is_not_changed():
    code = batch_norm.__code__
    check(batch_norm, *BN, lines=True)
    assert batch_norm.__code__ is code
    assert "_probe" not in batch_norm.__globals__


def affine_forward(x, W, b):
    z = x @ W + b
    out = np.tanh(z)
    return out, (x, W, out)


def affine_backward(dout, cache):
    x, W, out = cache
    dz = dout * (1 - out)
    dx, dW = dz @ W.T, x.T @ dz
    db = dz.sum(axis=0)
    return dx, dW, db


def test_a_pair_is_read_in_both_its_functions():
    report = check_pair(affine_forward, affine_backward, normal(3, 4), normal(4, 2), normal(2))
    assert (first(report)["name"], first(report)["source"]) == ("dz", "dz = dout * (1 - out)")


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def layer(self, x):
        z = self.factor * x
        y = np.sin(z)

        def backward(dy):
            dz = dy * np.sin(z)
            dx = self.factor * dz
            return dx

        return y, backward

    def __call__(self, x):
        return self.layer(x)


class Called(Scale):
    def __call__(self, x):
        z = self.factor * x
        return np.sin(z), lambda dy: self.factor * dy * np.sin(z)


def within(factor):
    def layer(x):
        z = factor * x
        y = np.sin(z)

        def backward(dy):
            dz = dy * np.sin(z)
            dx = factor * dz
            return (dx,)

        return y, backward

    return layer


def decorated(function):
    @functools.wraps(function)
    def wrapper(*inputs):
        return function(*inputs)

    return wrapper


@pytest.mark.parametrize(
    "layer",
    [Scale(3.0).layer, within(3.0), decorated(within(3.0)), functools.partial(within(3.0))],
    ids=["method", "closure", "decorated", "partial"],
)
def test_methods_closures_decorators_and_partials_are_read(layer):
    assert first(check(layer, normal(3, 4)))["source"] == "dz = dy * np.sin(z)"


def test_a_callable_object_with_a_lambda_is_read():
    report = check(Called(3.0), normal(3, 4))
    assert "np.sin(z)" in first(report)["source"]


def recurrence(kind):
    def plain(x, W):
        h = np.zeros((len(x), len(W)))
        for t in range(x.shape[1]):
            a = x[:, t] + h @ W
            h = np.tanh(a)
        y = 2 * h

        def backward(dy):
            dx, dW, dlast = np.zeros_like(x), np.zeros_like(W), 2 * dy
            for t in reversed(range(x.shape[1])):
                before = states[t - 1] if t else np.zeros((len(x), len(W)))
                da = dlast * (1 - states[t])
                dx[:, t] = da
                dW += before.T @ da
                dlast = da @ W.T
            return dx, dW

        states, g = [], np.zeros((len(x), len(W)))
        for t in range(x.shape[1]):
            g = np.tanh(x[:, t] + g @ W)
            states.append(g)
        return y, backward

    def listed(x, W):
        hs = [np.zeros((len(x), len(W)))]
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] + hs[-1] @ W)
            hs.append(h)
        y = 2 * hs[-1]

        def backward(dy):
            T = x.shape[1]
            dx, dW = np.zeros_like(x), np.zeros_like(W)
            dhs = [np.zeros_like(dy) for _ in range(T)]
            dhs[T - 1] = 2 * dy
            for t in reversed(range(T)):
                da = dhs[t] * (1 - hs[t + 1] ** 2)
                dx[:, t] = da
                dW += hs[t].T @ da
                if t > 0:
                    dhs[t - 1] = da @ W
            return dx, dW

        return y, backward

    def stored(x, W):
        N, T, H = x.shape
        h, a = np.zeros((N, T + 1, H)), np.empty((N, T, H))
        for t in range(T):
            a[:, t] = x[:, t] + h[:, t] @ W
            h[:, t + 1] = np.tanh(a[:, t])
        y = h[:, T] * 2

        def backward(dy):
            da, dlast = np.empty_like(a), 2 * dy
            for t in reversed(range(T)):
                da[:, t] = dlast * (1 - h[:, t])
                dlast = da[:, t] @ W.T
            dx = da
            dW = np.einsum("nti,ntj->ij", h[:, :T], da)
            return dx.copy(), dW

        return y, backward

    return {"plain": plain, "listed": listed, "stored": stored}[kind]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("plain", "da = dlast * (1 - states[t])"),
        ("listed", "dhs[t - 1] = da @ W"),
        # Its repair is looked for through three nested choices.
        pytest.param("stored", "da[:, t] = dlast * (1 - h[:, t])", marks=pytest.mark.slow),
    ],
)
def test_loops_over_time_steps(kind, source):
    report = check(recurrence(kind), normal(2, 4, 3), normal(3, 3) / 2)
    found = first(report)
    assert found["source"] == source, (found, report.by_line.notes)


def branched(x, *, square):
    if square:  # noqa: SIM108
        z = x * x
    else:
        z = x**3
    y = np.cos(z)

    def backward(dy):
        dz = -dy * np.sin(z)
        if square:  # noqa: SIM108
            dx = dz * 2 * x
        else:
            dx = dz * 2 * x**2
        return dx

    return y, backward


def test_branches():
    assert check(functools.partial(branched, square=True), normal(4), lines=True).passed
    report = check(functools.partial(branched, square=False), normal(4))
    assert first(report)["source"] == "dx = dz * 2 * x**2"
    assert verdicts(report)["dz"] is Verdict.PASS


def added(x):
    s = np.sin(x)
    y = s * x

    def backward(dy):
        ds = dy * x
        dx = ds * np.cos(x)
        dx += dy * x
        return dx

    return y, backward


def test_what_is_added_up_counts_at_its_end_and_a_proved_edit_says_which_of_its_lines_it_is():
    report = check(added, normal(4))
    found = first(report)
    assert found["source"] == "dx += dy * x"
    assert found["line"] - 1 in found["also"]
    (finding,) = [f for f in report.findings if f.code == "first-wrong-line"]
    assert f"One change in line {found['line']} makes every gradient right." in finding.message
    assert "cannot be compared" not in finding.message


def renamed(x, W):
    z = x @ W
    z = np.maximum(z, 0)
    y = 3 * z

    def backward(dy):
        dz = 3 * dy
        dz = dz * (z > 0)
        dmean = 17.0 * dy
        mean = dmean.mean()
        del mean
        return dz @ W.T, x.T @ dz

    return y, backward


def test_names_with_another_meaning_raise_no_alarm():
    report = check(renamed, normal(3, 4), normal(4, 2), lines=True)
    assert report.passed
    assert set(verdicts(report).values()) <= {Verdict.PASS}


def misnamed(x, W):
    h = np.tanh(x)
    y = h @ W

    def backward(dy):
        # Not the gradient of h, and none the worse for it.
        dh = 2 * dy @ W.T
        dx = dh / 2 * (1 - h * h)
        dW = h.T @ dy * 3
        return dx, dW

    return y, backward


def test_a_misnamed_local_is_left_out_and_not_blamed():
    report = check(misnamed, normal(3, 4), normal(4, 2))
    assert first(report)["name"] == "dW"
    assert "dh" not in verdicts(report)
    assert any(note.startswith("dh is left out") for note in report.by_line.notes)


def test_no_source_leaves_the_rest_unharmed():
    scope = {"np": np}
    exec("def f(x):\n    def back(dy):\n        return dy\n    return x * x, back", scope)
    report = check(scope["f"], normal(4))
    assert report.verdict is Verdict.FAIL
    assert report.lines == ()
    assert "source" in report.by_line.notes[0]


def test_a_line_that_raises_is_named():
    def layer(x, W):
        z = x @ W

        def backward(dy):
            dW = x.T @ dy
            dx = dy @ W
            return dx, dW

        return z, backward

    report = check(layer, normal(3, 4), normal(4, 2))
    assert first(report)["source"] == "dx = dy @ W"
    assert verdicts(report)["dW"] is Verdict.PASS


def test_of_several_statements_in_a_line_the_one_that_raises_is_named():
    def layer(x, W):
        z = x @ W

        def backward(dy):
            da = 2 * dy; dc = da / 2; db = dc @ W; dx = db @ W.T  # fmt: skip  # noqa: E702
            return dx, x.T @ dy

        return z, backward

    found = first(check(layer, normal(3, 4), normal(4, 2)))
    assert found["name"] == "db"


def test_a_line_of_a_notebook_is_told_in_its_cell(tmp_path):
    cells = [
        {"cell_type": "code", "source": ["import numpy as np\n", "x = 1"]},
        {"cell_type": "markdown", "source": ["# About\n", "text"]},
        {"cell_type": "code", "source": ["def f(x):\n", "    return x\n"]},
    ]
    book = tmp_path / "book.ipynb"
    book.write_text(json.dumps({"cells": cells}))
    assert in_its_cell(str(book), 2) == " In the notebook that is line 2 of code cell 1."
    assert in_its_cell(str(book), 4) == " In the notebook that is line 2 of code cell 2."
    assert in_its_cell(str(book), 40) == ""
    assert in_its_cell(__file__, 4) == in_its_cell(str(tmp_path / "none.ipynb"), 4) == ""
    (tmp_path / "torn.ipynb").write_text("{")
    assert in_its_cell(str(tmp_path / "torn.ipynb"), 4) == ""


def test_gradients_returned_in_the_wrong_order_are_the_return_lines_fault():
    def layer(a, b):
        y = a * b

        def backward(dy):
            da = dy * b
            db = dy * a
            return db, da

        return y, backward

    assert first(check(layer, normal(3), normal(3)))["source"] in ("db", "return db, da")


def test_integers_on_the_way_there_are_left_out_and_said():
    def layer(x):
        ids = np.argsort(x)
        y = x[ids] * 2

        def backward(dy):
            dids = 2 * dy
            dx = np.empty_like(x)
            dx[ids] = dids
            return dx

        return y, backward

    report = check(layer, normal(5), lines=True)
    assert report.passed
    assert report.by_line.notes == ("dids is left out: ids does not hold floats.",)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_line_of_the_catalogue_is_right(name):
    """In one configuration; `gradcheck bench lines` takes all of them, with many seeds."""
    entry = CATALOGUE[name]
    one = random.Random(SAMPLE_SEED).choice(entry.configurations)
    inputs = one.inputs(np.random.default_rng(0)).values()
    report = check(entry.bound(one), *inputs, lines=True)
    assert report.lines
    assert set(verdicts(report).values()) == {Verdict.PASS}
    assert not report.by_line.notes


@pytest.mark.slow
def test_a_random_sample_of_changed_lines_is_found():
    """What is promised of all of them, `gradcheck bench blame` measures."""
    everything = [mutant for mutant in all_mutants() if mutant.place is mutant.layer]
    found = list(blame(random.Random(SAMPLE_SEED).sample(everything, 20)))
    seed = f"GRADCHECK_SAMPLE_SEED={SAMPLE_SEED}"
    assert sum(one.hit for one in found) >= 0.9 * len(found), seed
    assert sum(one.missed for one in found) <= 1, seed


class Kept:
    """What the way back needs is kept in the object, and it is a method."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        z = x @ self.W
        self.y = np.tanh(z)
        return self.y, self.backward

    def backward(self, dy):
        dz = dy * (1 - self.y)
        return dz @ self.W.T


def elsewhere(cache, dy):
    x, z = cache
    dz = -dy * np.cos(z)
    return dz * 2 * x


def composed(x):
    z = x * x
    return np.cos(z), functools.partial(elsewhere, (x, z))


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        (Kept(normal(4, 3)).forward, "dz = dy * (1 - self.y)"),
        (composed, "dz = -dy * np.cos(z)"),
    ],
)
def test_a_way_back_that_is_written_elsewhere_is_read(layer, source):
    found = first(check(layer, normal(5, 4)))
    assert (found["source"], found["also"]) == (source, [])


def test_the_wrong_line_of_a_derivative():
    def cube(x):
        return x**3

    def derivative(x):
        square = x * x
        dx = 2 * square
        return dx

    report = check_derivative(cube, derivative, normal(4), lines=True)
    assert report.verdict is Verdict.FAIL
    wrong = report.by_line.first_wrong
    assert wrong is not None and wrong.evidence["source"].strip() == "dx = 2 * square"


POINTS, WANTED = normal(5, 3), normal(5, 2)


def squared_error(W, X, t, decay):
    r = X @ W - t
    loss = (r * r).sum() + decay * (W * W).sum()
    dr = 2 * r
    dW = X.T @ dr + decay * W
    return loss, dW


class Fit:
    def __init__(self):
        self.W = None

    def loss(self, decay):
        return squared_error(self.W, POINTS, WANTED, decay)


def handing_on_with_an_object():
    fit = Fit()

    def loss(W):
        fit.W = W
        return fit.loss(0.3)

    return loss


@pytest.mark.parametrize(
    "loss",
    [
        lambda W: squared_error(W, POINTS, WANTED, 0.3),
        functools.partial(lambda decay, W: squared_error(W, X=POINTS, t=WANTED, decay=decay), 0.3),
        handing_on_with_an_object(),
    ],
    ids=["lambda", "partial", "object"],
)
def test_what_only_hands_on_is_seen_through(loss):
    report = check_loss(loss, normal(3, 2))
    found = report.by_line.first_wrong
    assert found is not None and found.evidence["source"].strip() == "dW = X.T @ dr + decay * W"
    assert report.repair is not None and "decay * W * 2" in report.repair.after


def test_a_derivative_that_is_a_lambda_says_why_it_has_no_lines():
    report = check_derivative(lambda x: x**3, lambda x: 2 * x**2, normal(4))
    assert report.verdict is Verdict.FAIL
    assert report.lines == ()
    assert "not compared: a lambda has no lines, write it with def." in str(report)


def swish(x):
    s = 1 / (1 + np.exp(-x))
    return x * s


def swish_derivative(x):
    s = 1 / (1 + np.exp(-x))
    ds = s * (1 + s)
    return s + x * ds


def valley(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def valley_gradient(x):
    r = x[1] - x[0] ** 2
    g = np.zeros_like(x)
    g[0] = -2 * (1 - x[0]) - 400 * x[0] * r
    g[1] = 100 * r
    return g


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def softmax_jacobian(x):
    p = softmax(x)
    J = np.diag(p)
    J = J + np.outer(p, p)
    return J


def cosine(x):
    c = np.cos(x)
    return -c


@pytest.mark.parametrize(
    ("f", "df", "x", "source"),
    [
        (swish, swish_derivative, normal(3), "ds = s * (1 + s)"),
        (swish, swish_derivative, 0.7, "ds = s * (1 + s)"),
        (valley, valley_gradient, normal(2), "g[1] = 100 * r"),
        (softmax, softmax_jacobian, normal(3), "J = J + np.outer(p, p)"),
        (np.sin, cosine, normal(3), "return -c"),
    ],
    ids=["elementwise", "number", "gradient", "jacobian", "of what has no source"],
)
def test_the_line_of_a_derivative_is_found(f, df, x, source):
    """Its locals pair with nothing on the way there: ds is no gradient of s."""
    report = check_derivative(f, df, x)
    assert first(report)["source"].endswith(source) or first(report)["source"] == "-c"
    assert {line.name for line in report.lines} <= {"dx", "g", "J"}


def test_the_lines_of_a_right_derivative_are_right():
    def right(x):
        s = 1 / (1 + np.exp(-x))
        ds = s * (1 - s)
        slope = s + x * ds
        return slope

    report = check_derivative(swish, right, normal(3), lines=True)
    assert report.passed
    assert verdicts(report) == {"slope": Verdict.PASS}


def test_a_derivative_of_which_sums_are_compared_has_no_lines():
    report = check_derivative(swish, swish_derivative, normal(3), upstream=normal(3), lines=True)
    assert report.verdict is Verdict.FAIL
    assert "only where every entry of it is" in report.by_line.notes[0]


def test_a_value_that_the_way_there_asserts_something_of_is_left_out():
    def layer(x):
        e = np.exp(x)
        p = e / e.sum(axis=1, keepdims=True)
        assert np.allclose(p.sum(axis=1), 1, rtol=1e-12)
        y = p * p

        def backward(dy):
            dp = dy * p
            dx = p * (dp - (dp * p).sum(axis=1, keepdims=True))
            return dx

        return y, backward

    report = check(layer, normal(3, 4))
    assert report.verdict is Verdict.FAIL
    assert report.by_line.notes[0].startswith("dp is left out: moving p a little raises")
    # dp, which is 2 dy p, has no known truth, and still is the only value that explains dx.
    assert first(report)["source"] == "dp = dy * p"
    assert first(report)["line"] + 1 in first(report)["also"]


def bound_backward(dout, cache, *, factor):
    x, W, out = cache
    dz = dout * (1 - out)
    return factor * dz @ W.T, x.T @ dz, dz.sum(axis=0)


@pytest.mark.parametrize(
    "layer",
    [
        functools.partial(batch_norm, wrong=True),
        Scale(3.0).layer,
        Kept(normal(4, 3)).forward,
        composed,
    ],
    ids=["inside", "method", "elsewhere", "partial"],
)
def test_a_layer_with_its_line_corrected_is_put_together_again(layer):
    inputs = BN if getattr(layer, "func", None) is batch_norm else (normal(5, 4),)
    report = check(layer, *inputs)
    assert report.verdict is Verdict.FAIL
    _, backward = layer(*inputs)
    written = backward_text(layer, backward)
    assert any(first(report)["source"] in text for _, text in written.listing)
    right = {
        "grad_var = 2 * grad_var": "grad_var = 1 * grad_var",
        "dz = dy * np.sin(z)": "dz = dy * np.cos(z)",
        "dz = dy * (1 - self.y)": "dz = dy * (1 - self.y**2)",
        "dz = -dy * np.cos(z)": "dz = -dy * np.sin(z)",
    }[first(report)["source"]]
    text = written.text.replace(first(report)["source"], right)
    corrected = check(rewritten(layer, written, text), *inputs)
    assert all(row.verdict is Verdict.PASS for row in corrected.rows)


def test_what_is_bound_to_the_backward_pass_of_a_pair_stays_bound():
    backward = functools.partial(bound_backward, factor=1)
    inputs = normal(3, 4), normal(4, 2), normal(2)
    layer = adapt_pair(affine_forward, backward, inputs, {}).adapted()
    assert first(check(layer, *inputs))["source"] == "dz = dout * (1 - out)"
    written = backward_text(layer, backward)
    text = written.text.replace("(1 - out)", "(1 - out**2)")
    assert check(rewritten(layer, written, text), *inputs).passed


def test_each_line_of_the_story_is_a_function():
    told = re.findall(r"[(,] ?`(\w+)\.([\w.]+)`", story.__doc__)
    assert len({room for room, _ in told}) >= 9
    for room, name in told:
        assert callable(
            found := attrgetter(name)(import_module(f"gradcheck.lines.{room}"))
        ) or isinstance(found, property), f"{room}.{name}"
