"""The network: a layer itself, right as a whole, its parameters named and counted."""

import numpy as np
import pytest

from gradcheck import check
from layers import NETWORKS, Objective, digits_cnn, softmax_cross_entropy


def test_the_parameters_of_the_worked_example():
    network = digits_cnn((28, 28, 1))
    assert network.size == 157_990
    assert network.names[:2] == ("conv.W", "conv.b")
    assert network.names[-1] == "output.b"
    assert "157,990" in network.summary()


def test_a_network_is_a_layer():
    network = digits_cnn((4, 6, 1), classes=3)
    rng = np.random.default_rng(0)
    parameters = [p + 0.1 * rng.normal(size=p.shape) for p in network.initialize(rng, scheme="he")]
    report = check(network, rng.normal(size=(2, 4, 6, 1)), *parameters)
    assert report.passed, report
    assert [row.name for row in report.rows] == ["x", *network.names]


def test_initialization():
    network = digits_cnn((28, 28, 1))
    classic = network.initialize(np.random.default_rng(0))
    assert [p.shape for p in classic] == list(network.shapes)
    assert np.isclose(classic[2].std(), 0.01, rtol=0.05)
    assert not classic[1].any()
    he = network.initialize(np.random.default_rng(0), scheme="he", dtype=np.float32)
    assert np.isclose(he[2].std(), np.sqrt(2 / 1568), rtol=0.05)
    assert he[2].dtype == np.float32
    with pytest.raises(ValueError, match="scheme"):
        network.initialize(np.random.default_rng(0), scheme="wild")


def test_a_missing_parameter_is_said():
    with pytest.raises(ValueError, match="0 parameters were given, the network has 6"):
        digits_cnn((8, 8, 1))(np.ones((1, 8, 8, 1)))


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_every_network_passes_as_one_layer(build):
    network = build((4, 6, 1), classes=3)
    rng = np.random.default_rng(0)
    theta = [p + 0.1 * rng.normal(size=p.shape) for p in network.initialize(rng, scheme="he")]
    report = check(network, rng.normal(size=(3, 4, 6, 1)), *theta, effort="directional")
    assert report.passed, str(report)
    assert len(report.rows) == len(network.names) + 1


def test_what_a_network_is_trained_on_is_a_layer_too():
    network = digits_cnn((4, 6, 1), classes=3)
    rng = np.random.default_rng(0)
    theta = [p + 0.1 * rng.normal(size=p.shape) for p in network.initialize(rng, scheme="he")]
    x, labels = rng.normal(size=(2, 4, 6, 1)), np.array([2, 0])
    report = check(Objective(network), x, labels, *theta)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["x", *network.names]
    loss, gradients = Objective(network).gradients(x, labels, *theta)
    assert loss == softmax_cross_entropy(network(x, *theta)[0], labels)[0]
    assert [g.shape for g in gradients] == list(network.shapes)
