"""A net of any depth, one step a helper, gradients in a dictionary under names made at run time."""

import numpy as np


def linear_forward(A, W, b):
    Z = W @ A + b
    return Z, (A, W, b)


def relu(Z):
    return np.maximum(0, Z), Z


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z)), Z


def linear_activation_forward(A_prev, W, b, activation):
    Z, lc = linear_forward(A_prev, W, b)
    if activation == "relu":
        A, ac = relu(Z)
    else:
        A, ac = sigmoid(Z)
    return A, (lc, ac)


def L_model_forward(X, parameters):
    caches = []
    A = X
    L = len(parameters) // 2
    for k in range(1, L):
        A_prev = A
        A, cache = linear_activation_forward(
            A_prev, parameters["W" + str(k)], parameters["b" + str(k)], "relu"
        )
        caches.append(cache)
    AL, cache = linear_activation_forward(
        A, parameters["W" + str(L)], parameters["b" + str(L)], "sigmoid"
    )
    caches.append(cache)
    return AL, caches


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    dW = dZ @ A_prev.T
    db = dZ.sum(axis=1, keepdims=True)
    dA_prev = W.T @ dZ
    return dA_prev, dW, db


def relu_backward(dA, cache):
    Z = cache
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ


def sigmoid_backward(dA, cache):
    Z = cache
    s = 1 / (1 + np.exp(-Z))
    dZ = dA * s * (1 - s)
    return dZ


def linear_activation_backward(dA, cache, activation):
    lc, ac = cache
    if activation == "relu":
        dZ = relu_backward(dA, ac)
    else:
        dZ = sigmoid_backward(dA, ac)
    dA_prev, dW, db = linear_backward(dZ, lc)
    return dA_prev, dW, db


def L_model_backward(dAL, caches):
    grads = {}
    L = len(caches)
    cur = caches[L - 1]
    grads["dA" + str(L - 1)], grads["dW" + str(L)], grads["db" + str(L)] = (
        linear_activation_backward(dAL, cur, "sigmoid")
    )
    for k in reversed(range(L - 1)):
        cur = caches[k]
        a, b, c = linear_activation_backward(grads["dA" + str(k + 1)], cur, "relu")
        grads["dA" + str(k)] = a
        grads["dW" + str(k + 1)] = b
        grads["db" + str(k + 1)] = c
    return grads
