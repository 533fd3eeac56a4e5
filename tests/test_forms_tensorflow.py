"""TensorFlow's custom gradients and Keras layers."""

from __future__ import annotations

import numpy as np
import pytest
from examples import few_quick
from tensors import needs_tensorflow, tf  # noqa: F401
from twins import imported, judged_in_half, marked, named

from gradcheck import Verdict, check_tensorflow


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def custom(factor):
    @tf.custom_gradient
    def cube(x, w):
        def backward(dy):
            return (
                factor * x**2 * tf.matmul(dy, w, transpose_b=True),
                tf.matmul(x**3, dy, transpose_a=True),
            )

        return tf.matmul(x**3, w), backward

    return cube


def test_a_custom_gradient_right_and_wrong():
    x, w = normal(3, 4), normal(4, 2)
    report = check_tensorflow(custom(3.0), x, w)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["x", "w"]
    report = check_tensorflow(custom(2.0), x, tf.constant(w))
    assert report["x"].verdict is Verdict.FAIL and report["w"].verdict is Verdict.PASS
    assert "scaled" in {finding.code for finding in report.all_findings()}


def test_a_kink_and_a_graph_function():
    x = normal(3, 4)
    x[0, 0] = 0
    assert check_tensorflow(tf.function(tf.nn.relu), x).passed


def keras_layer(factor, dtype):
    class Layer(tf.keras.layers.Layer):
        def build(self, shape):
            # One draw in eight makes float32 differences too coarse for dx, which then is INCONCLUSIVE.
            glorot = tf.keras.initializers.GlorotUniform(seed=2)
            self.w = self.add_weight(name="w", shape=(shape[-1], 2), initializer=glorot)
            self.v = self.add_weight(name="v", shape=(2,), initializer="ones")

        def call(self, x):
            scale = tf.constant(factor, dtype)
            return custom(scale)(x, tf.convert_to_tensor(self.w)) * self.v

    return Layer(dtype=dtype)


def test_keras_layers_with_their_variables_which_are_put_back():
    for dtype, precise in (("float64", 1e-9), ("float32", 1e-3)):
        layer = keras_layer(3.0, dtype)
        layer(tf.zeros((1, 4), dtype))
        before = [v.numpy() for v in layer.trainable_variables]
        report = check_tensorflow(layer, normal(3, 4))
        assert report.passed, str(report)
        assert [row.name for row in report.rows] == ["x", "w", "v"]
        assert all(row.relative_error < precise for row in report.rows)
        after = [v.numpy() for v in layer.trainable_variables]
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_wrong_keras_layer_is_convicted():
    report = check_tensorflow(keras_layer(2.0, "float64"), normal(3, 4), lines=False)
    assert report["x"].verdict is Verdict.FAIL
    assert report["w"].verdict is report["v"].verdict is Verdict.PASS


def test_the_example_and_the_line_of_its_wrong_twin():
    assert imported("tensorflow_gradient").report().passed
    report = imported("tensorflow_gradient", "wrong").report()
    assert named([f.to_dict() for f in report.findings]) == marked("tensorflow_gradient"), str(
        report
    )


@pytest.mark.parametrize("half", few_quick(["float16", "bfloat16"], 1))
def test_half_precision_is_judged_as_such(half):
    right, wrong = judged_in_half("tensorflow_gradient", half)
    assert right.passed and "low-precision" in {f.code for f in right.findings}, str(right)
    assert wrong.verdict is Verdict.FAIL


def test_numpys_half_precision_and_two_outputs():
    @tf.custom_gradient
    def both(x):
        a, b = tf.sin(x), x**2

        def backward(da, db):
            dx = da * tf.cos(x) + db * x
            return dx

        return (a, b), backward

    report = check_tensorflow(both, normal(3).astype(np.float16))
    assert "low-precision" in {f.code for f in report.findings}
    wrong = report.by_line.first_wrong
    assert wrong is not None and wrong.evidence["source"].strip() == "dx = da * tf.cos(x) + db * x"
