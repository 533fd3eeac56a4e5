"""Wrong use is an error that names the argument, what was expected and what came; never a PASS."""

import inspect
import math
import re
import sys

import numpy as np
import pytest
from examples import dense, tanh

from gradcheck import (
    Verdict,
    check,
    check_derivative,
    check_jax,
    check_jvp,
    check_loss,
    check_many,
    check_module,
    check_pair,
    check_tensorflow,
    check_torch,
    conformance,
    numerical_gradient,
    taylor_test,
)
from gradcheck.binding import MOST_AXES
from gradcheck.meant import OF_FORMS, OPTIONS

X = np.array([0.3, 0.5])


def go_on(x):
    return 2 * x, x


def go_nowhere(x):
    2 * x


def go_back(dout, cache):
    return 2 * dout


@pytest.mark.parametrize(
    ("error", "says", "call"),
    [
        (TypeError, "layer is None, expected a function", lambda: check(None, X)),
        (TypeError, "layer is a module", lambda: check(math, X)),
        (TypeError, "layer is a module", lambda: check(sys, X)),
        (TypeError, "twin is 5, expected a function", lambda: check(tanh, X, twin=5)),
        (TypeError, "seed is 'a', expected a whole number", lambda: check(tanh, X, seed="a")),
        (TypeError, "seed is 1.5", lambda: check(tanh, X, seed=1.5)),
        (ValueError, "seed is -3, expected 0 or more", lambda: check(tanh, X, seed=-3)),
        (TypeError, "wrt is 3.5, expected a name", lambda: check(tanh, X, wrt=3.5)),
        (ValueError, "wrt names -1; the inputs are", lambda: check(tanh, X, wrt=-1)),
        (TypeError, "lines is 'yes', expected True", lambda: check(tanh, X, lines="yes")),
        (TypeError, "lines is a ndarray, expected True", lambda: check(tanh, X, lines=np.ones(99))),
        (TypeError, "progress is 5, expected a function", lambda: check(tanh, X, progress=5)),
        (
            ValueError,
            "method is ['central'], expected one of",
            lambda: check(tanh, X, method=["central"]),
        ),
        (
            ValueError,
            "effort is a ndarray, expected one",
            lambda: check(tanh, X, effort=np.ones(99)),
        ),
        (
            TypeError,
            "upstream is complex, expected numbers",
            lambda: check(tanh, X, upstream=1j * X),
        ),
        (ValueError, "upstream is zero everywhere", lambda: check(tanh, X, upstream=0 * X)),
        (
            TypeError,
            "input x is a masked array, expected every entry",
            lambda: check(tanh, np.ma.array(X, mask=[True, False])),
        ),
        (TypeError, "name is 5, expected text", lambda: check(tanh, X, name=5)),
        (ValueError, "method is 'magic', expected one of", lambda: check(tanh, X, method="magic")),
        (TypeError, "upstream is 'a', expected numbers", lambda: check(tanh, X, upstream="a")),
        (ValueError, "upstream holds NaN", lambda: check(tanh, X, upstream=X * np.nan)),
        (
            TypeError,
            "'metod'; its inputs are x; did you mean the option method=?",
            lambda: check(tanh, X, metod="central"),
        ),
        (TypeError, "did you mean the input W=?", lambda: check(dense, X, w=X, b=X)),
        (
            TypeError,
            "did you mean the option gradients=?",
            lambda: check_pair(tanh, tanh, X, gradient="x"),
        ),
        (
            TypeError,
            "did you mean the option effort=?",
            lambda: check_jvp(np.sin, lambda x, v: np.cos(x) * v, X, efort="complete"),
        ),
        (
            TypeError,
            "did you mean the option seed=?",
            lambda: check_derivative(np.sin, np.cos, X, sed=1),
        ),
        (TypeError, "has no input 'foo'; its inputs are x$", lambda: check(tanh, X, foo=1)),
    ],
)
def test_an_argument_that_is_wrong_is_named(error, says, call):
    with pytest.raises(error, match="(?s)" + re.sub(r"[(?[]", r"\\\g<0>", says)):
        call()


@pytest.mark.parametrize(
    ("says", "call"),
    [
        ("the layer comes first: check(tanh, x)", lambda: check(X, tanh)),
        ("the layer takes x; 2 were given", lambda: check(tanh, X, X)),
        ("without calling it: check(layer, x)", lambda: check(tanh(X), X)),
        ("nor is there a tolerance or a step to give", lambda: check(tanh, X, rtol=1e-5)),
        ("go_nowhere returned None", lambda: check_pair(go_nowhere, go_back, X)),
        ("cache=9, but the forward pass returns 2", lambda: check_pair(go_on, go_back, X, cache=9)),
        (
            "gradients= names 2 (x, x), the backward pass returns 1",
            lambda: check_pair(go_on, go_back, X, gradients="x x"),
        ),
        ("tanh is a function, expected an object", lambda: check_module(tanh, X)),
        ("a task is a tuple, expected a function", lambda: check_many([(check, tanh, X)])),
        ("inputs is array([0.3, 0.5]), expected a list or a dict", lambda: conformance(tanh, X)),
        (
            "go_back looks like the backward pass, and go_on like the forward pass: the forward pass "
            "comes first, check_pair(go_on, go_back, x)",
            lambda: check_pair(go_back, go_on, X),
        ),
        (
            "f is an ndarray, expected a function: check_derivative(f, df, x), functions first",
            lambda: check_derivative(X, np.sin, np.cos),
        ),
        ("df is an ndarray, expected", lambda: check_derivative(np.sin, X, np.cos)),
        ("forward is an ndarray, expected", lambda: check_pair(X, tanh, tanh)),
        ("f is an ndarray, expected a function: check_loss(f, x)", lambda: check_loss(X, tanh)),
        ("jvp is an ndarray, expected", lambda: check_jvp(np.sin, X, np.cos)),
        (
            "input x is a generator, expected an array of float32 or float64: np.array(list(",
            lambda: check(tanh, (k / 2 for k in range(3))),
        ),
        (
            "input x is a list, expected an array of float32 or float64: its items have several",
            lambda: check(tanh, [np.ones(2), np.ones(3)]),
        ),
        (
            "'W' is missing; the layer needs x, W, b, each by itself: a list is handed over as *inputs",
            lambda: check(dense, [np.ones((2, 3)), np.ones((3, 2)), np.ones(2)]),
        ),
        ("a dict is handed over as **inputs", lambda: check(dense, {"x": X, "W": X, "b": X})),
        ("input x is a dict, expected", lambda: check(tanh, {"x": X})),
        ("input x is a str, expected an array", lambda: check(tanh, "abc")),
        ("input W is a function, expected an array", lambda: check(dense, X, tanh, X)),
        ("Half is a class: make an object of it first", lambda: check(Half, X)),
        ("Half is a class: make an object of it first", lambda: check_module(Half, X)),
    ],
)
def test_the_wrong_way_round_is_told_with_the_right_one(says, call):
    with pytest.raises(TypeError, match=re.escape(says)):
        call()


class Half:
    def forward(self, x):
        return x / 2

    def backward(self, dy):
        return dy / 2


def test_the_options_that_a_misspelled_one_is_compared_with_are_those_there_are():
    def of(function):
        parameters = inspect.signature(function).parameters.values()
        return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}

    assert set(OPTIONS) == of(check)
    assert set(OF_FORMS) == (of(check_pair) | of(check_loss) | of(check_module)) - {"seed"}


def test_of_one_input_alone_no_other_can_be_asked_for():
    alone = str(check(returning(lambda dy: None), X))
    assert "Is its `return` forgotten?" in alone and "wrt" not in alone
    beside = str(
        check(lambda x, w: (x * w.sum(), lambda dy: (dy * w.sum(), None)), X, np.ones(3) / 3)
    )
    assert "if w is a constant, leave it out with wrt=" in beside


def test_what_numpy_warns_of_inside_the_checker_is_not_the_users(recwarn):
    report = check(lambda x: (np.exp(x), lambda dy: dy * np.exp(x)), np.array([709.0, -1.0, 2.0]))
    assert report.rows
    check(lambda x: (np.log(x), lambda dy: 2 * dy / x), np.array([1e-300, 1e-9, 2.0]), lines=False)
    assert not [str(one.message) for one in recwarn]


def returning(gradient):
    return lambda x: (x * 1, lambda dy: gradient(dy))


@pytest.mark.parametrize("gradient", [lambda dy: "abc", lambda dy: np.array([None, object()])])
def test_gradients_that_are_no_numbers_are_a_finding(gradient):
    report = check(returning(gradient), X)
    assert report.verdict is Verdict.FAIL
    assert "wrong-dtype" in [finding.code for finding in report.findings]


def test_nothing_to_compare_is_no_pass():
    empty = check(tanh, np.zeros((0, 3)))
    assert empty.verdict is Verdict.INCONCLUSIVE
    assert str(empty).endswith("x has no entries: there is nothing to compare.")
    silent = check(lambda x: (x[:0], lambda dy: np.zeros_like(x)), X)
    assert silent.verdict is Verdict.INCONCLUSIVE
    assert str(silent).endswith("The output has no entries: nothing can be learnt of the gradient.")


def test_where_nothing_can_be_seen_no_figure_is_put_in_the_sentence():
    report = check(lambda x: (np.floor(x), lambda dy: dy + 0), X, lines=False)
    assert report.verdict is Verdict.INCONCLUSIVE and report["x"].resolution == np.inf
    assert "Nothing can be seen" in str(report) and "below inf" not in str(report)


@pytest.mark.parametrize("x", [X, np.ones(2)])
def test_a_forgotten_return_is_told(x):
    report = check(returning(lambda dy: None), x)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "backward returned None for x, so nothing was checked" in str(report)


def test_a_backward_pass_that_is_no_function_is_told():
    with pytest.raises(TypeError, match="backward is an ndarray, expected a function"):
        check_pair(tanh, X)


def test_numpy_integers_serve_for_seeds_and_positions():
    assert check(tanh, X, seed=np.int64(3), wrt=np.int64(0)).passed


@pytest.mark.parametrize("package", ["torch", "jax", "tensorflow"])
def test_a_value_of_a_framework_names_the_call_for_it(package):
    tensor = type("Tensor", (), {"__module__": f"{package}.somewhere"})
    with pytest.raises(TypeError, match=rf"a function of tensors, check_{package}\("):
        check(lambda x: tensor(), X)


@pytest.mark.parametrize(("package", "call"), [("torch", check_torch), ("jax", check_jax)])
def test_a_framework_that_is_not_there_is_said_with_its_extra(monkeypatch, package, call):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=rf"pip install 'gradcheck\[{package}\]'"):
        call(np.sin, X)


def test_a_derivative_without_a_return_is_told():
    with pytest.raises(ValueError, match="returned None: is its `return` forgotten"):
        check_derivative(np.sin, lambda x: None, X)


def kept(x):
    """A value whose shape depends on the numbers."""
    return x[x > 0], lambda dy: np.zeros_like(x)


@pytest.mark.parametrize(
    ("error", "says", "call"),
    [
        (
            TypeError,
            "returns a tuple of int64, int64 as its value, expected one array",
            lambda: check(lambda x: ((np.argmax(x), np.argmin(x)), lambda dy: dy), X),
        ),
        (
            TypeError,
            r"ndarray, ndarray, function: several outputs go together, return \(y1, y2\), backward",
            lambda: check(lambda x: (x, x, lambda dy: dy), X),
        ),
        (
            ValueError,
            "expected a shape that does not depend on the numbers",
            lambda: check(kept, np.arange(3.0)),
        ),
        (TypeError, "f is a NoneType, expected a function", lambda: numerical_gradient(None, X, X)),
        (TypeError, "a tuple of ndarray, int", lambda: numerical_gradient(lambda x: (x, 1), X, X)),
        (TypeError, "inputs is a dict", lambda: numerical_gradient(np.sin, {"x": X}, X)),
        (
            TypeError,
            "inputs is a NoneType, expected an array",
            lambda: numerical_gradient(np.sin, None, X),
        ),
        (TypeError, "forward is the class Half", lambda: check_pair(Half, Half, X)),
        (
            TypeError,
            "gradients is 5, expected names",
            lambda: check_pair(go_on, go_back, X, gradients=5),
        ),
        (
            TypeError,
            "cache is 1.5, expected a position",
            lambda: check_pair(go_on, go_back, X, cache=1.5),
        ),
        (
            TypeError,
            "seed is 'a', expected a whole",
            lambda: check_pair(go_on, go_back, X, seed="a"),
        ),
        (TypeError, "forward is 3, expected the name", lambda: check_module(Half(), X, forward=3)),
        (
            TypeError,
            "parameters is 5, expected names",
            lambda: check_module(Half(), X, parameters=5),
        ),
        (
            TypeError,
            "input x is a list",
            lambda: check_derivative(np.sin, np.cos, [[1.0], [1.0, 2.0]]),
        ),
        (TypeError, "f is a NoneType, expected a function", lambda: taylor_test(None, np.cos, X)),
        (
            TypeError,
            "seed is 'a', expected a whole",
            lambda: taylor_test(np.sin, np.cos, X, seed="a"),
        ),
        (ValueError, "input x holds nan", lambda: taylor_test(np.sin, np.cos, X * np.nan)),
        (ValueError, "x has no entries", lambda: taylor_test(np.sin, np.cos, X[:0])),
        (TypeError, "executor.. makes is 5", lambda: check_many([go_nowhere], lambda: 5)),
        (TypeError, "journal is 5, expected a folder", lambda: check_many([], journal=5)),
        (
            ValueError,
            "resume is True, but there is no journal",
            lambda: check_many([], resume=True),
        ),
        (TypeError, "layer is None, expected", lambda: conformance(None, [X])),
        (TypeError, "skip is 5, expected a list", lambda: conformance(tanh, [X], skip=5)),
        (
            ValueError,
            "skip names 'z', expected some of",
            lambda: conformance(tanh, [X], skip=["z"]),
        ),
        (
            ValueError,
            "batch names 'z', expected some of x",
            lambda: conformance(tanh, [X], batch=["z"]),
        ),
        (TypeError, "dy is a NoneType of dtype", lambda: numerical_gradient(np.sin, X, None)),
        (TypeError, "dy is a str of dtype", lambda: numerical_gradient(np.sin, X, "a")),
        (TypeError, "expected real numbers", lambda: numerical_gradient(np.sin, X, 1j * X)),
        (TypeError, "f is a NoneType, expected a function", lambda: check_tensorflow(None, X)),
        (TypeError, "f is 3, expected a function", lambda: check_torch(3, X)),
        (TypeError, "f is a NoneType, expected a function", lambda: check_jax(None, X)),
        (TypeError, "tasks is None", lambda: check_many(None)),
        (TypeError, "executor is 5, expected an Executor", lambda: check_many([], 5)),
        (ValueError, "budget is 3, but effort='complete'", lambda: check(tanh, X, budget=3)),
    ],
)
def test_what_numpy_would_trip_over_is_named(error, says, call):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("entry", [None, "a", True])
def test_gradients_of_no_numbers_are_a_finding_in_the_right_shape_too(entry):
    def layer(x, w):
        # The other one does not follow the upstream gradient, which has both looked at more closely.
        return x * w, lambda dy: (np.full(x.shape, entry), w)

    codes = {finding.code for finding in check(layer, X, X + 1).all_findings()}
    assert {"wrong-dtype", "ignores-upstream"} <= codes


def test_a_value_narrower_than_every_input_is_remarked():
    report = check(lambda x: ((2 * x).astype(np.float32), lambda dy: 2.0 * dy.astype(float)), X)
    assert report.passed
    (remark,) = report.findings
    assert (remark.code, remark.evidence) == (
        "low-precision",
        {"value": "float32", "inputs": "float64"},
    )


def test_what_has_underflowed_is_not_taken_for_an_output_without_entries():
    x = np.arange(8.0).reshape(2, 4) * 5e-324
    report = check(dense, x, np.ones((4, 3)), np.zeros(3), lines=False)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "no entries" not in str(report)


@pytest.mark.parametrize("shape", [(2,) * 10, (1,) * 29 + (3,)])
def test_many_axes_are_not_tried_in_all_their_orders(shape):
    """All orders of ten axes would take minutes, of thirty for ever."""
    x = np.random.default_rng(0).normal(size=shape)
    wrong = check(lambda x: (np.sin(x), lambda dy: dy * np.cos(x) ** 3), x, lines=False)
    assert wrong.verdict is Verdict.FAIL
    shapeless = check(lambda x: (2 * x, lambda dy: np.array([2 * dy])), x, lines=False)
    assert "wrong-shape" in [finding.code for finding in shapeless["x"].findings]
    exchanged = check(lambda x: (2 * x, lambda dy: 2 * dy.T), x, lines=False)
    assert "transposed" in [finding.code for finding in exchanged["x"].findings]


def test_as_many_axes_as_numpy_has_room_for_are_checked_and_more_are_refused():
    def square(x):
        return x * x, lambda dy: 2 * x * dy

    assert check(square, np.full((1,) * MOST_AXES, 0.5)).passed
    with pytest.raises(ValueError, match=f"expected at most {MOST_AXES}"):
        check(square, np.full((1,) * (MOST_AXES + 1), 0.5))


def test_a_task_that_returns_no_report_has_failed():
    (report,) = check_many([lambda: None])
    assert report.verdict is Verdict.FAIL
    assert "what the task returns is None, expected the report of a check" in str(report)


def hidden(x):
    """Right where it is seen, and where it is not."""
    return np.ma.masked_where(x > 0, 2 * x)


def held():
    class Held:
        W = np.array([2.0, -3.0])

        def forward(self, x):
            self.x = x
            return x * self.W

        def backward(self, dy):
            self.dW = np.ma.masked_where(self.W > 0, self.x * dy)
            return dy * self.W

    return Held()


MIXED = np.array([1.0, -2.0])
MASKED = {
    "gradient": lambda: check(lambda x: (x * x, lambda dy: hidden(x) * dy), MIXED),
    "value": lambda: check(lambda x: (hidden(x), lambda dy: 2 * dy), MIXED),
    "several": lambda: check(lambda x: ((hidden(x), x), lambda dy, dz: 2 * dy + dz), MIXED),
    "pair": lambda: check_pair(lambda x: (x * x, x), lambda dy, cache: hidden(cache) * dy, MIXED),
    "derivative": lambda: check_derivative(np.square, hidden, MIXED),
    "loss": lambda: check_loss(lambda x: ((x * x).sum(), hidden(x)), MIXED),
    "jvp": lambda: check_jvp(np.square, lambda x, v: hidden(x) * v, MIXED),
    "module": lambda: check_module(held(), MIXED, lines=False),
    "integers": lambda: check(
        lambda x: (x.sum(), lambda dy: np.ma.masked_where(x > 0, np.ones(2, int))), MIXED
    ),
}


@pytest.mark.parametrize("what", MASKED)
def test_what_lies_under_a_mask_is_not_brought_up(what):
    report = MASKED[what]()
    assert not report.passed
    codes = {finding.code for finding in report.all_findings()}
    assert codes & {"not-finite", "wrong-count", "wrong-dtype"}


def test_a_masked_array_in_which_all_is_seen_is_an_array():
    def layer(x):
        return np.ma.masked_array(x * x), lambda dy: np.ma.masked_array(2 * x * dy)

    assert check(layer, np.ma.masked_array(MIXED)).passed


def test_masked_upstream_gradients_and_values_are_refused():
    with pytest.raises(ValueError, match="upstream holds NaN"):
        check(lambda x: (x, lambda dy: dy), MIXED, upstream=hidden(MIXED))
    with pytest.raises(ValueError, match="NaN"):
        numerical_gradient(hidden, [MIXED], np.ones(2))
    assert not taylor_test(np.square, hidden, MIXED).passed
