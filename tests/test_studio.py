"""Mistakes with images, norms, activations, losses: convicted, called by a true name, blamed on their line."""

import numpy as np
import pytest

from gradcheck import check, check_derivative, check_loss, check_module
from tests.strangers import studio
from tests.test_fresh import normal, pair
from tests.test_hands import judged, of, shares

CLASSES, RATED = np.array([0, 2, 1, 1, 0]), (normal(6, 3) > 0).astype(int)
SIGNS = np.array([1.0, -1, 1, 1, -1, -1])


def global_pooling(m):
    net = m.GapClassifier({"K": normal(3, 4), "W": normal(4, 3), "b": normal(3)})
    X = normal(5, 2, 3, 3)

    def loss(K, W, b):
        net.params.update(K=K, W=W, b=b)
        return net.loss(X, CLASSES)

    return check_loss(loss, *net.params.values())


CHECKS = {
    "fftconv": lambda m: check(m.fftconv, normal(3, 6, 5), normal(2, 3)),
    "deconv": lambda m: pair(m, "deconv", normal(2, 3, 3, 4), normal(3, 2, 3, 4), normal(2), 2, 1),
    "DepthwiseConv2D": lambda m: check_module(
        m.DepthwiseConv2D(normal(3, 3, 2)),
        normal(3, 7, 6, 2),
        forward="__call__",
        backward="gradient",
    ),
    "GroupedConv": lambda m: check_module(m.GroupedConv(normal(4, 3, 2, 3), 2), normal(2, 6, 5, 4)),
    "GapClassifier": global_pooling,
    "spatial_bn": lambda m: pair(m, "spatial_bn", normal(2, 3, 4, 3), normal(3), normal(3)),
    "std_dense": lambda m: check(m.std_dense, normal(5, 4), normal(4, 3), normal(3)),
    "DropNet": lambda m: check_module(
        m.DropNet(normal(4, 5), normal(5, 3), (normal(6, 5) > -0.5) * 1.0), normal(6, 4)
    ),
    "resize": lambda m: pair(m, "resize", normal(3, 4, 2), 5, 7),
    "hardswish": lambda m: check_derivative(m.hardswish, m.hardswish_prime, 3 * normal(4, 5)),
    "focal_loss": lambda m: check_loss(m.focal_loss, normal(6, 3), RATED),
    "DiceLoss": lambda m: check_module(
        m.DiceLoss(), 0.5 + np.tanh(normal(3, 4, 5)) / 3, (normal(3, 4, 5) > 0) * 1.0
    ),
    "distill": lambda m: check_loss(
        m.distill, normal(5, 3), normal(3, 5).T, CLASSES, wrt="student"
    ),
    "elastic_net": lambda m: check_loss(m.elastic_net, normal(4), normal(6, 4), SIGNS, wrt="w"),
    "BufferedDense": lambda m: check_module(
        m.BufferedDense(normal(4, 3), normal(3)), normal(5, 4), forward="fprop", backward="bprop"
    ),
    "SEBlock": lambda m: check_module(m.SEBlock(normal(4, 3), normal(3, 4)), normal(2, 4, 3, 2)),
    "smooth_l1": lambda m: check_loss(m.smooth_l1, normal(5, 3), normal(3, 5).T, wrt="pred"),
    "Network": lambda m: check_loss(m.Network([4, 5, 3]).backprop, normal(4, 1), normal(3, 1)),
    "conv_loops": lambda m: pair(m, "conv_loops", normal(4, 5, 2), normal(3, 2, 3, 2), normal(3)),
    "CReLUConv1x1": lambda m: check_module(m.CReLUConv1x1(normal(3, 4)), normal(2, 2, 3, 4)),
}
"""How each is checked, in the module or a changed copy of it."""


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_one_passes(name):
    """Among them one that keeps a list of views: copied, they are summed up in another order."""
    assert CHECKS[name](studio).passed


QUICK = (
    # A spectrum without its conjugate is that of what is not reversed.
    "F_g * F_ker",
    # No factor of zero makes one.
    "out[x >= 3] = 0.0",
    # A share for what is left of it.
    "d_img[y0 + 1, x0 + 1] += (1 - wy) * wx",
    # Right on one side of zero, its negative on the other.
    "bottom_diff = pos * (self.x > 0) + neg * (self.x < 0)",
    # A factor is missing in one of two cases.
    "slope = np.where(small, err, np.sign(err))",
    # What has an input's shape is no gradient of the number it is named for.
    "grad_hard = (np.exp(log_s) - onehot) / n",
    # The derivative of a step that stands in the forward pass.
    "grad[j] += l1 + l2 * w[j]",
)


@pytest.mark.parametrize("wrong", QUICK)
def test_what_was_nameless_or_misnamed_has_a_true_name_and_its_line(wrong):
    _, truly, line = judged(studio, of(studio, wrong), CHECKS)
    assert truly and line


@pytest.mark.slow
def test_a_line_of_a_loss_is_mended_only_where_the_loss_stays():
    """Weights of which some are negative would make the gradient right, of another loss."""

    def weighted(z, labels, alpha=0.3):
        at = np.where(labels == 1, alpha, 1 - alpha)
        pt = np.where(labels == 1, z, 1 - z)
        loss = (at * pt**2).sum()
        dpt = 2 * at * pt
        return loss, dpt

    report = check_loss(weighted, normal(6, 3), RATED)
    assert report["z"].findings[0].code == "sign-flipped"
    assert report.repair is None or "at =" not in report.repair.after, report


@pytest.mark.slow
def test_of_all_nine_of_ten_have_a_true_name_and_their_line_and_none_a_false_one():
    truly, falsely, lines = shares(studio, CHECKS)
    assert truly >= 0.9 and not falsely and lines >= 0.9
