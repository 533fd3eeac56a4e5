"""Parameters in one dict, gradients in another: a recurrent net over all of its time steps."""

import numpy as np


def rnn_forward(x, a0, parameters):
    """x (T, N, D), a0 (N, H) -> a (T, N, H)"""
    Wax, Waa, ba = parameters["Wax"], parameters["Waa"], parameters["ba"]
    a, a_prev = np.zeros((len(x), *a0.shape), dtype=x.dtype), a0
    for t in range(len(x)):
        z = x[t] @ Wax + a_prev @ Waa + ba
        a_prev = np.tanh(z)
        a[t] = a_prev
    return a, (x, a0, a, parameters)


def rnn_backward(da, caches):
    x, a0, a, parameters = caches
    gradients = {"dWax": 0, "dWaa": 0, "dba": 0, "dx": np.zeros_like(x)}
    da_next = np.zeros_like(a0)
    for t in reversed(range(len(x))):
        a_prev = a[t - 1] if t else a0
        dz = (da[t] + da_next) * (1 - a[t] ** 2)
        gradients["dx"][t] = dz @ parameters["Wax"].T
        gradients["dWax"] += x[t].T @ dz
        gradients["dWaa"] += a_prev.T @ dz
        gradients["dba"] += dz.sum(axis=0)
        da_next = dz @ parameters["Waa"].T
    gradients["da0"] = da_next
    return gradients


def rnn_inputs(rng):
    parameters = {"Wax": rng.normal(size=(3, 4)), "Waa": rng.normal(size=(4, 4))}
    parameters["ba"] = rng.normal(size=4)
    return {
        "x": rng.normal(size=(3, 2, 3)),
        "a0": rng.normal(size=(2, 4)),
        "parameters": parameters,
    }
