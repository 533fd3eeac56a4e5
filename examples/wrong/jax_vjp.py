"""JAX: a `custom_vjp` over a dict of parameters."""

import jax
import jax.numpy as jnp
import numpy as np

from gradcheck import check_jax


@jax.custom_vjp
def gated(params, x):
    return gated_fwd(params, x)[0]


def gated_fwd(params, x):
    z = x @ params["W"] + params["b"]
    h = jnp.maximum(z, 0)
    p = jax.nn.softmax(h, axis=-1)
    return p, (params, x, z, p)


def gated_bwd(saved, dp):
    params, x, z, p = saved
    dh = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    dz = dh  # wrong
    dW = x.T @ dz
    db = dz.sum(axis=0)
    dx = dz @ params["W"].T
    return {"W": dW, "b": db}, dx


gated.defvjp(gated_fwd, gated_bwd)


def report(dtype="float64", **options):
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(4, 3)), "b": np.zeros(3)}
    x = rng.normal(size=(5, 4))
    x[0] = 0  # at the kink of every unit
    if dtype != "float64":
        params, x = jax.tree_util.tree_map(lambda a: jnp.asarray(a, dtype=dtype), (params, x))
    return check_jax(gated, params, x, **options)


if __name__ == "__main__":
    print(report())
