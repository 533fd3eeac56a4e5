"""JAX's functions and custom derivatives; skipped where it is not installed."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from twins import imported, judged_in_half, marked, named

from gradcheck import Verdict, check_jax

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = pytest.importorskip("jax.numpy")


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def custom(factor):
    @jax.custom_vjp
    def cube(x, w):
        return x**3 @ w

    def forward(x, w):
        return cube(x, w), (x, w)

    def backward(saved, dy):
        x, w = saved
        return factor * x**2 * (dy @ w.T), (x**3).T @ dy

    cube.defvjp(forward, backward)
    return cube


def test_a_custom_vjp_right_and_wrong():
    x, w = normal(3, 4), normal(4, 2)
    report = check_jax(custom(3), x, w)
    assert report.passed, str(report)
    assert report.name == "cube" and [row.name for row in report.rows] == ["x", "w"]
    report = check_jax(custom(2), x, w)
    assert report["x"].verdict is Verdict.FAIL and report["w"].verdict is Verdict.PASS
    assert "scaled" in {finding.code for finding in report.all_findings()}


def test_half_precision_is_judged_as_such():
    x, w = (jnp.asarray(a, dtype=jnp.bfloat16) for a in (normal(3, 4), normal(4, 2)))
    report = check_jax(custom(3), x, w)
    assert report.passed and "low-precision" in {f.code for f in report.findings}, str(report)
    assert not check_jax(custom(2), x, w).passed


def test_under_jit_in_float32_and_with_a_tree():
    def loss(params, x, labels):
        logits = jnp.tanh(x @ params["W"] + params["b"])
        return -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels].mean()

    params = {"W": normal(4, 3), "b": normal(3)}
    report = check_jax(jax.jit(loss), params, normal(5, 4), np.array([0, 1, 2, 0, 1]))
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["params.W", "params.b", "x"]
    single = check_jax(custom(3), normal(3, 4).astype(np.float32), normal(4, 2).astype(np.float32))
    assert single.passed, str(single)


def test_a_custom_jvp_and_a_kink():
    def relu(slope):
        @jax.custom_jvp
        def relu(x):
            return jnp.maximum(x, 0)

        @relu.defjvp
        def _(primals, tangents):
            (x,), (t,) = primals, tangents
            return relu(x), jnp.where(x > 0, slope, 0.0) * t

        return relu

    x = normal(3, 4)
    x[0, 0] = 0
    assert check_jax(relu(1.0), x).passed
    assert not check_jax(relu(0.5), x).passed


def test_the_configuration_is_left_as_it_was():
    before = jax.config.jax_enable_x64
    check_jax(jnp.sin, normal(3))
    assert jax.config.jax_enable_x64 == before


def test_the_example_and_the_line_of_its_wrong_twin():
    assert imported("jax_vjp").report().passed
    report = imported("jax_vjp", "wrong").report()
    assert named([f.to_dict() for f in report.findings]) == marked("jax_vjp"), str(report)
    assert "missing-mask" in {finding.code for finding in report.all_findings()}


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_the_example_in_half_precision(half):
    right, wrong = judged_in_half("jax_vjp", half)
    assert right.passed and "low-precision" in {f.code for f in right.findings}, str(right)
    assert wrong.verdict is Verdict.FAIL


def test_the_line_under_jit_and_beside_an_argument_without_a_gradient():
    @partial(jax.custom_vjp, nondiff_argnums=(1,))
    def power(x, n):
        return x**n

    def forward(x, n):
        y = x**n
        return y, (x,)

    def backward(n, saved, dy):
        (x,) = saved
        dx = (n - 1) * x ** (n - 1) * dy
        return (dx,)

    power.defvjp(forward, backward)
    report = check_jax(jax.jit(power, static_argnums=1), normal(3), 3)
    assert [line.source.strip() for line in report.lines] == ["dx = (n - 1) * x ** (n - 1) * dy"]
    assert report.verdict is Verdict.FAIL and report.by_line.first_wrong is not None
