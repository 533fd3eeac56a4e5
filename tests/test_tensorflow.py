"""Everything that needs TensorFlow, in one room so that its import is paid once."""

import platform

import numpy as np
import pytest
from tensors import needs_tensorflow, tf  # noqa: F401

from gradcheck import check
from gradcheck.result import Verdict
from layers import NETWORKS, digits_cnn
from layers.catalogue import CATALOGUE
from reports.cli import main
from reports.data import load
from reports.homework import TRAINING_MISTAKES, every_tie, exhibit_training
from reports.training import (
    HandTrainer,
    KerasOptimizer,
    keep_freed_memory,
    keras_digits_cnn,
    keras_twin,
    lockstep,
    tensorflow_twin,
)

ALL = [(entry, one) for entry in CATALOGUE.values() for one in entry.configurations]


@pytest.mark.parametrize(("entry", "one"), ALL, ids=[f"{e.name}-{c.label}" for e, c in ALL])
def test_layer_and_twin_agree_to_rounding(entry, one):
    report = check(entry.bound(one), twin=entry.twin(one), **one.inputs(np.random.default_rng(3)))
    assert report.passed, report
    for row in report.rows:
        assert row.relative_error <= 1e-8
        assert row.tape_error <= 1e-12


def test_a_wrong_forward_pass_does_not_hide_behind_a_consistent_way_back():
    def doubled(x):
        return 2 * np.tanh(x), lambda dy: 2 * dy * (1 - np.tanh(x) ** 2)

    x = np.random.default_rng(0).normal(size=5)
    assert check(doubled, x).passed
    report = check(doubled, x, twin=tf.tanh)
    assert report.verdict is Verdict.FAIL
    assert "tape-disagrees" in {finding.code for finding in report.all_findings()}


def test_which_witness_agrees_with_whom():
    def wrong(x):
        return np.tanh(x), lambda dy: dy * (1 - np.tanh(x))

    report = check(wrong, np.random.default_rng(0).normal(size=5), twin=tf.tanh)
    assert "Both witnesses, numeric and tape, agree" in str(report)


def adam_by_hand(parameters, gradients_of, steps, rate=0.01):
    """Kingma and Ba, 2015, Algorithm 1, with Keras's ε."""
    theta = [p.copy() for p in parameters]
    m, v = [np.zeros_like(p) for p in theta], [np.zeros_like(p) for p in theta]
    for t in range(1, steps + 1):
        for k, g in enumerate(gradients_of(theta)):
            m[k] = 0.9 * m[k] + 0.1 * g
            v[k] = 0.999 * v[k] + 0.001 * g * g
            size = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            theta[k] = theta[k] - size * m[k] / (np.sqrt(v[k]) + 1e-7)
    return theta


def test_the_adapter_keeps_the_optimizers_state():
    start = [np.array([1.0, -2.0, 3.0]), np.array([[0.5]])]

    def gradients_of(theta):
        return [np.sin(theta[0]) + theta[0], theta[1] ** 3]

    optimizer = KerasOptimizer(tf.keras.optimizers.Adam(0.01), start)
    for _ in range(7):
        optimizer.step(gradients_of(optimizer.parameters))
    by_hand = adam_by_hand(start, gradients_of, 7)
    for first, ours, theirs in zip(start, optimizer.parameters, by_hand, strict=True):
        # Keras keeps 1 − β₂ᵗ, about 10⁻³, in float32: its steps are right to 10⁻⁴.
        assert np.allclose(ours - first, theirs - first, rtol=1e-4)


@pytest.mark.parametrize("name", ["SGD", "RMSprop"])
def test_the_adapter_takes_any_optimizer(name):
    make = getattr(tf.keras.optimizers, name)
    optimizer = KerasOptimizer(make(0.1), [np.ones(3)])
    (after,) = optimizer.step([np.array([1.0, -1.0, 0.0])])
    assert after[0] < 1 < after[1]
    assert after[2] == 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries keep it or don't")
def test_what_a_step_frees_is_there_for_the_next():
    resource = pytest.importorskip("resource")

    def step():
        blocks = [np.ones(500_000) for _ in range(4)]
        return len(blocks)

    keep_freed_memory()
    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step()
    # Four blocks of 4 MB are 3,900 pages.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 100


def trainers(kind):
    rng = np.random.default_rng(0)
    network = digits_cnn((6, 6, 1), classes=4)
    start = network.initialize(rng, scheme="he")
    batches = [(rng.uniform(size=(12, 6, 6, 1)), np.arange(12) % 4)] * 4
    ours = kind(network, start, tf.keras.optimizers.Adam(0.01))
    twin = keras_twin(keras_digits_cnn((6, 6, 1), 4), start, tf.keras.optimizers.Adam(0.01))
    return ours, twin, batches


def test_lockstep_stays_within_rounding():
    assert lockstep(*trainers(HandTrainer)).deviation < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "step"),
    [
        # Step 0 is the loss at the same weights, step 1 after one step alike; then memory tells.
        ("adam-restarted", 2),
        ("parameters-stale", 2),
        ("loss-not-averaged", 0),
        ("labels-shuffled-apart", 0),
    ],
)
def test_lockstep_convicts_mistakes_of_training_code(name, step):
    assert lockstep(*trainers(TRAINING_MISTAKES[name])).parted_at == step
    said = exhibit_training(name, load("digits"))
    assert "the curves part" in said and "never" not in said


@pytest.mark.slow
def test_the_homeworks_max_pooling_trains_with_wrong_bias_gradients():
    ties = every_tie(load("digits"), steps=20)
    assert ties.accuracy > 0.9
    assert np.mean([abs(factor - 1) > 0.1 for factor in ties.factors]) > 0.2


def test_the_networks_twin_agrees_with_keras():
    network = digits_cnn((6, 8, 1), classes=5)
    start = network.initialize(np.random.default_rng(0), scheme="he")
    model = keras_digits_cnn((6, 8, 1), 5)
    model.set_weights(start)
    x = np.random.default_rng(1).uniform(size=(3, 6, 8, 1))
    from layers import twins

    assert np.allclose(model(x), twins.digits_cnn(x, *start), rtol=1e-12)
    assert np.allclose(model(x), network(x, *start)[0], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits_gru", "digits_transformer", "digits_resnet"])
def test_the_other_networks_train_in_lockstep_with_their_twins(name):
    rng = np.random.default_rng(0)
    network = NETWORKS[name]((4, 6, 1), classes=3)
    start = network.initialize(rng, scheme="he")
    batches = [(rng.uniform(size=(9, 4, 6, 1)), np.arange(9) % 3)] * 4
    ours = HandTrainer(network, start, tf.keras.optimizers.Adam(0.01))
    from layers import twins

    twin = tensorflow_twin(getattr(twins, name), start, tf.keras.optimizers.Adam(0.01))
    curves = lockstep(ours, twin, batches)
    assert curves.deviation < 1e-12
    assert curves.ours[-1] < curves.ours[0]


@pytest.mark.slow
def test_gradcheck_run_writes_a_whole_report(tmp_path, capsys):
    assert main(["run", "--quick", "--out", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().out
    for heading in ("Stage 1", "Stage 2", "Stage 3", "Everything passed"):
        assert heading in said
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert {"gradients.txt", "gradients.md", "gradients.csv", "gradients.json"} <= written
    assert {"digits.svg", "losses.svg", "filters.svg"} <= written
    assert not [name for name in written if name.startswith(".")]


def test_what_the_tape_says_too_convicts_nobody():
    """Two kinks that cancel: the rule of each gives zero at 0, and the slope is 1."""

    def both(x):
        return np.maximum(x, 0) - np.maximum(-x, 0), lambda dy: dy * (x != 0)

    x = np.array([0.0, 1.0, -2.0, 0.0, 0.5])
    report = check(both, x, twin=lambda x: tf.nn.relu(x) - tf.nn.relu(-x), lines=False)
    (finding,) = report["x"].findings
    assert report.verdict is Verdict.INCONCLUSIVE and finding.code == "unresolved"
    assert "The tape agrees with the hand-derived value" in finding.message


def square(x):
    return x * x, lambda dy: 2 * x * dy


@pytest.mark.parametrize(
    ("says", "twin"),
    [
        ("returns a NoneType, expected a tensor .*: is its `return` forgotten", lambda x: None),
        (r"takes \(x, w\), expected one argument for each input .* 1 by", lambda x, w: x * w),
        (r"takes \(\), expected one argument for each input", lambda: tf.ones(2)),
        (r"takes \(\*, x\), expected one argument", lambda *, x: x * x),
        ("returns an ndarray, expected a tensor that TensorFlow", lambda x: np.square(x)),
        ("returns a tuple, expected a tensor", square),
        ("returns a SparseTensor, expected a tensor", lambda x: tf.sparse.from_dense(x)),
        ("returns dtype int32, the layer float64", lambda x: tf.cast(x * x, tf.int32)),
        ("returns dtype float32, the layer float64", lambda x: tf.cast(x, tf.float32) ** 2),
        ("returns shape \\(1, 2\\), the layer \\(2,\\)", lambda x: (x * x)[None]),
    ],
)
def test_a_twin_that_is_none_is_named_with_what_was_expected(says, twin):
    with pytest.raises((TypeError, ValueError), match=f"(?s)twin {says}"):
        check(square, np.array([0.3, 0.5]), twin=twin)


def test_a_twin_may_be_any_callable_and_may_list_its_rows():
    x = np.array([0.3, 0.5])
    assert check(square, x, twin=tf.function(lambda x: x * x)).passed
    assert check(square, x, twin=tf.square).passed
    assert check(square, x, twin=lambda x: [x[0] ** 2, x[1] ** 2]).passed


def test_a_twin_has_several_outputs_where_the_layer_has():
    def both(x):
        y = np.tanh(x)
        return (2 * x, y.sum()), lambda dy: 2 * dy[0] + dy[1] * (1 - y * y)

    x = np.array([[0.3, 0.5], [0.1, -0.7]])
    report = check(both, x, twin=lambda x: (2 * x, tf.reduce_sum(tf.tanh(x))))
    assert report.passed and report["x"].tape_error < 1e-12
    with pytest.raises(ValueError, match=r"the twin returns shape \(2, 2\), the layer \(5,\)"):
        check(both, x, twin=lambda x: 2 * x)
    with pytest.raises(TypeError, match="twin returns dtype int64, the layer float64"):
        check(both, x, twin=lambda x: (tf.argmax(x), tf.argmin(x)))
