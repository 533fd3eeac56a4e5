"""Lines in the code of strangers: whatever a gradient is called and wherever it is kept, its line is found."""

import inspect
import linecache

import numpy as np
import pytest

from gradcheck import Verdict, check, check_module, check_pair
from gradcheck.lines.names import counterparts, undressed
from gradcheck.lines.values import region_of
from tests.strangers import deep_net
from tests.styles import MISTAKES, PARTS, checks, normal, planted


@pytest.mark.parametrize("name", checks("a", PARTS["a"]))
def test_right_code_in_every_style_is_right_line_by_line(name):
    report = checks("a", PARTS["a"])[name](lines=True)
    assert report.passed
    assert {line.verdict for line in report.lines} == {Verdict.PASS}
    assert not report.by_line.notes
    assert len({line.name for line in report.lines}) >= 4


@pytest.mark.parametrize(
    ("part", "name", "right", "wrong"),
    [
        pytest.param(p, *m, marks=[pytest.mark.slow] * (k % 6 != 1))
        for p in "ac"
        for k, m in enumerate(MISTAKES[p])
    ],
    ids=lambda text: text.strip(),
)
def test_the_changed_line_is_the_first_wrong_one(part, name, right, wrong):
    module, line = planted(part, right, wrong)
    found = checks(part, module)[name]().by_line.first_wrong.evidence
    assert found["line"] == line


@pytest.mark.parametrize(
    ("gradient", "value"),
    [
        ("dz", "z"),
        ("d_z", "z"),
        ("Dz", "z"),
        ("dL_dz", "z"),
        ("dLdz", "z"),
        ("d_L_d_z", "z"),
        ("dl_dz", "z"),
        ("dloss_dz", "z"),
        ("delta_z", "z"),
        ("z_error", "z"),
        ("grad_z", "z"),
        ("z_grad", "z"),
        ("z_gradient", "z"),
        ("self.dz", "self.z"),
        ("self.dz", "z"),
        ('grads["dz"]', "z"),
        ('grads["z"]', "z"),
        ('self.grads["z"]', "self.z"),
        ("dz", 'cache["z"]'),
        ("dh", "hs"),
        ("dxhat", "x_hat"),
        ("dz1", "Z1"),
    ],
)
def test_the_names_that_people_give_a_gradient(gradient, value):
    assert counterparts(gradient, ["unrelated", value]) == [value]


def test_a_name_that_is_none_speaks_of_nothing():
    assert counterparts("total", ["z", "x"]) == []
    assert undressed("d") == []
    assert counterparts("dz", ["Z", "z_"]) == []


def test_the_region_of_a_view_in_the_array_behind_it():
    whole = np.zeros((3, 4, 2))
    marked = np.zeros((3, 4, 2), dtype=bool)
    marked[1, 1:3] = True
    found = np.zeros((3, 4, 2), dtype=bool)
    found[region_of(whole[1, 1:3], whole)] = True
    assert (found == marked).all()
    assert region_of(np.zeros(3), whole) is None
    assert region_of(whole[..., 0], whole[..., 1]) is None


def scalar_inside(x):
    s = float((x * x).sum())
    t = np.sin(s)
    y = t * x

    def backward(dy):
        dt = (dy * x).sum()
        ds = dt * np.sin(s)
        return dy * t + ds * 2 * x

    return y, backward


def squared(x):
    y = x * x

    def backward(dy):
        dx = dy * x
        return dx

    return y, backward


def test_a_first_wrong_value_that_is_a_scalar_is_convicted_with_its_line():
    report = check(squared, 0.7)
    assert report.verdict is Verdict.FAIL
    assert report.by_line.first_wrong.evidence["source"] == "dx = dy * x"
    report = check(scalar_inside, normal(4))
    assert report.verdict is Verdict.FAIL
    assert report.by_line.first_wrong.evidence["source"] == "ds = dt * np.sin(s)"


class Tanh:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        self.z = x @ self.W
        self.y = np.tanh(self.z)
        return self.y

    def backward(self, dy):
        self.dz = dy * (1 - self.y)
        self.dW = self.x.T @ self.dz
        return self.dz @ self.W.T


def test_an_object_is_read_behind_check_module():
    report = check_module(Tanh(normal(3, 2)), normal(4, 3))
    assert report.verdict is Verdict.FAIL
    found = report.by_line.first_wrong.evidence
    assert (found["name"], found["source"]) == ("self.dz", "self.dz = dy * (1 - self.y)")


def leaky(a, z):
    return a * np.where(z > 0, 1, 0.2)


def leaky_wrong(a, z):
    return a * np.where(z < 0, 1, 0.2)


def activated(x):
    z = 2 * x
    y = np.where(z > 0, z, 0.2 * z)

    def backward(dy):
        dz = leaky_wrong(dy, z)
        dx = 2 * dz
        return dx

    return y, backward


def activated_with_a_wrong_argument(x):
    z = 2 * x
    y = np.where(z > 0, z, 0.2 * z)

    def backward(dy):
        dz = leaky(dy, -z)
        dx = 2 * dz
        return dx

    return y, backward


def test_the_line_of_a_helper_is_named_with_its_file():
    report = check(activated, normal(6))
    found = report.by_line.first_wrong.evidence
    assert found["source"] == "return a * np.where(z < 0, 1, 0.2)"
    assert found["file"] == __file__
    assert {line.file for line in report.lines} == {__file__}
    assert "return a * np.where(z < 0, 1, 0.2)" in str(report)


def test_what_a_helper_is_called_with_is_in_doubt_beside_it():
    found = check(activated_with_a_wrong_argument, normal(6)).by_line.first_wrong.evidence
    _, start = inspect.getsourcelines(activated_with_a_wrong_argument)
    assert start + 5 in found["also"]


PARAMETERS = {
    name + str(k): normal(n, m if name == "W" else 1)
    for k, (n, m) in enumerate([(4, 3), (5, 4), (2, 5)], 1)
    for name in "Wb"
}


def check_deep(module, **options):
    passes = module["L_model_forward"], module["L_model_backward"]
    return check_pair(*passes, normal(3, 6), PARAMETERS, **options)


def test_a_deep_net_is_compared_call_by_call():
    report = check_deep(vars(deep_net), lines=True)
    assert report.passed
    seen = [line.name for line in report.lines]
    assert {line.verdict for line in report.lines} == {Verdict.PASS}
    assert seen.count("dZ") >= 3 and {f'grads["dW{k}"]' for k in (1, 2, 3)} <= set(seen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dW = dZ @ A_prev.T", "dW = dZ @ A_prev.T / 6"),
        ("dZ[Z <= 0] = 0", "dZ[Z < 0.5] = 0"),
        ("dZ = dA * s * (1 - s)", "dZ = dA * s"),
        ('grads["db" + str(k + 1)] = c', 'grads["db" + str(k + 1)] = 2 * c'),
    ],
)
def test_the_wrong_line_of_a_deep_net_is_in_the_helper(right, wrong):
    source = inspect.getsource(deep_net)
    assert source.count(right) == 1
    text, name = source.replace(right, wrong), f"<deep net: {wrong}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module = {"__name__": "planted"}
    exec(compile(text, name, "exec"), module)
    found = check_deep(module).by_line.first_wrong.evidence
    assert found["line"] == source[: source.index(right)].count("\n") + 1
