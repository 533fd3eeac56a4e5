"""Every value of a layer with its gradient, and the graph that is drawn of them."""

import numpy as np
import pytest

from gradcheck.lines import Unreadable, trace
from layers import batch_norm, lstm
from reports.cli import main
from reports.lecture.blackboard import graph, number, table


def test_dense_on_the_blackboard():
    x, W, b = np.array([[1.0, 2.0]]), np.array([[1.0, -1.0], [2.0, 3.0]]), np.array([1.0, 0.0])
    found = {one.name: one for one in trace(_dense, [x, W, b], np.array([[2.0, 1.0]]))}
    assert list(found) == ["x", "W", "b", "y"]
    assert found["y"].value.tolist() == [[6.0, 5.0]]
    assert found["x"].gradient.tolist() == [[1.0, 7.0]]
    assert found["W"].gradient.tolist() == [[2.0, 1.0], [4.0, 2.0]]
    assert found["y"].reads == ("W", "b", "x")


def _dense(x, W, b):
    y = x @ W + b
    return y, lambda dy: (dy @ W.T, x.T @ dy, dy.sum(axis=0))


def test_every_gradient_of_an_intermediate_is_the_true_one():
    """An independent witness: differences of the rest of the layer, written out again."""
    rng = np.random.default_rng(0)
    x, gamma, beta = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3)
    dy = rng.normal(size=(5, 3))
    found = {one.name: one for one in trace(batch_norm, [x, gamma, beta], dy)}
    scale, centred = found["scale"].value, found["centred"].value
    for k in range(3):
        h = 1e-6 * np.eye(3)[k]
        up, down = ((dy * gamma * centred * (scale + s * h)).sum() for s in (1, -1))
        assert found["scale"].gradient[k] == pytest.approx((up - down) / 2e-6, rel=1e-6)


def test_time_steps_stand_first():
    rng = np.random.default_rng(0)
    shapes = {"x": (2, 4, 3), "h0": (2, 5), "c0": (2, 5), "Wx": (3, 20), "Wh": (5, 20), "b": (20,)}
    inputs = [rng.normal(size=s) for s in shapes.values()]
    found = {one.name: one for one in trace(lstm, inputs, rng.normal(size=(2, 4, 5)))}
    assert found["a"].value.shape == found["a"].gradient.shape == (4, 2, 20)


def test_what_has_no_source_says_so():
    scope = {"np": np}
    exec("def f(x):\n    return x * x, lambda dy: 2 * x * dy", scope)
    with pytest.raises(Unreadable):
        trace(scope["f"], [np.ones(2)], np.ones(2))


def test_the_graph_and_the_table_show_values_and_gradients():
    values = trace(_dense, [np.array([[1.0, 2.0]]), np.eye(2), np.zeros(2)], np.array([[2.0, 1.0]]))
    drawn, written = graph(values, "dense <i>"), table(values, {})
    assert drawn.count("<rect") == 4 and drawn.count('class="edge"') == 3
    assert "dense &lt;i&gt;" in drawn
    assert "2  1" in drawn and "2  1" in written
    assert number(-0.5) == "−0.5" and number(3.0) == "3"


def test_the_command_draws_a_layer_and_a_users_own(tmp_path, capsys):
    assert main(["graph", "batch_norm"]) == 0
    assert capsys.readouterr().out.startswith("<svg")
    (tmp_path / "own.py").write_text(OWN)
    out = tmp_path / "own.svg"
    assert main(["graph", f"{tmp_path / 'own.py'}:scale", "--out", str(out)]) == 0
    drawn = out.read_text("utf-8")
    assert all(name in drawn for name in ("x", "hidden", "y")) and drawn.count("<rect") == 3
    assert main(["graph", f"{tmp_path / 'own.py'}:nothing"]) == 2
    assert "there is no nothing in it" in capsys.readouterr().err
    assert main(["graph", "batchnorm"]) == 2


OWN = """
import numpy as np

def scale_forward(x):
    hidden = np.tanh(x)
    y = 2 * hidden
    return y, hidden

def scale_backward(dy, hidden):
    dhidden = 2 * dy
    return dhidden * (1 - hidden**2)

def scale_inputs(rng):
    return {"x": rng.normal(size=3)}
"""
