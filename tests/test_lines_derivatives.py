"""Line by line where a derivative is written beside its function."""

import numpy as np
import pytest
from examples import first_wrong, verdicts

from gradcheck import Verdict, check_derivative

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


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
    assert first_wrong(report)["source"].endswith(source) or first_wrong(report)["source"] == "-c"
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


def spiral(p):
    return np.array([p[0] * np.cos(p[1]), p[0] + p[1] * np.sin(p[0])])


def spiral_jacobian(p):
    along_r, along_t = np.cos(p[1]), -p[0] * np.sin(p[1])
    up_r = 1 - p[1] * np.cos(p[0])
    up_t = np.sin(p[0])
    return np.array([[along_r, along_t], [up_r, up_t]])


def test_an_entry_of_a_jacobian_has_a_line_though_the_other_rows_do_not_read_it():
    report = check_derivative(spiral, spiral_jacobian, normal(2))
    assert report.repair is not None
    assert report.repair.after == "up_r = 1 + p[1] * np.cos(p[0])"
