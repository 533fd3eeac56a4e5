"""A loss with two gradients, as a course on language has it."""

import numpy as np


def softmax(x):
    x = x - np.max(x)
    e = np.exp(x)
    return e / e.sum()


def naiveSoftmaxLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors):
    """
    centerWordVec (D), outsideVectors (V, D)
    """
    scores = outsideVectors @ centerWordVec
    yHat = softmax(scores)
    loss = -np.log(yHat[outsideWordIdx])
    delta = yHat.copy()
    delta[outsideWordIdx] -= 1
    gradCenterVec = outsideVectors.T @ delta
    gradOutsideVecs = np.outer(delta, centerWordVec)
    return loss, gradCenterVec, gradOutsideVecs
