"""TensorFlow: a `tf.custom_gradient`, which returns its value and the way back."""

import numpy as np
import tensorflow as tf

from gradcheck import check_tensorflow


@tf.custom_gradient
def normalized_relu(x, gamma):
    centred = x - tf.reduce_mean(x, axis=0)
    scale = tf.math.rsqrt(tf.reduce_mean(centred**2, axis=0) + 0.125)
    xhat = centred * scale
    z = gamma * xhat
    y = tf.nn.relu(z)

    def grad(dy):
        dz = tf.where(z > 0, dy, tf.zeros_like(dy))
        dgamma = tf.reduce_sum(dz * xhat, axis=0)
        dxhat = dz * gamma**2  # wrong
        along = tf.reduce_mean(dxhat * xhat, axis=0)
        dx = scale * (dxhat - tf.reduce_mean(dxhat, axis=0) - xhat * along)
        return dx, dgamma

    return y, grad


def report(dtype="float64", **options):
    rng = np.random.default_rng(0)
    x, gamma = rng.normal(size=(5, 3)), rng.normal(size=3)
    gamma[0] = 0  # at the kink of that unit
    return check_tensorflow(normalized_relu, tf.cast(x, dtype), tf.cast(gamma, dtype), **options)


if __name__ == "__main__":
    print(report())
