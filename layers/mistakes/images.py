"""Mistakes in convolution and pooling."""

from __future__ import annotations

from layers.catalogue.draw import Inputs, normal, tied
from layers.catalogue.entry import case
from layers.combine import pad2d
from layers.conv import conv2d, conv2d_transpose
from layers.mistakes.planted import Mistake
from layers.pooling import avg_pool2d, global_avg_pool2d, global_max_pool2d, max_pool2d, upsample2d
from layers.windows import fold


def _image(x: tuple[int, ...], W: tuple[int, ...]) -> Inputs:
    return normal(x=x, W=W, b=W[-1:])


_PLAIN = case("plain", _image((2, 5, 7, 3), (3, 2, 3, 5)))
_ONE = case("batch of one", _image((1, 5, 7, 3), (3, 2, 3, 5)))
_PADDED = case("padding=1", _image((2, 5, 7, 2), (3, 3, 2, 3)), padding=1)
_TILED = case("stride = kernel", _image((2, 6, 6, 2), (3, 2, 2, 3)), stride=(3, 2))
_PIXELWISE = case("1×1 kernel", _image((2, 5, 7, 2), (1, 1, 2, 3)))
_ADDED, _OVERWRITTEN = "] += flowing", "] = flowing"
_WINNER = "return np.asarray(dy * (winner == u * size[1] + v))"
_OVERLAPPING = case("overlapping", normal(x=(2, 7, 11, 2)), size=3, stride=2)
_APART, _TIES = case("size = stride", normal(x=(2, 4, 6, 3))), case("ties", tied(3, x=(2, 6, 8, 3)))
_BORDER = case("padding=1", normal(x=(2, 5, 7, 2)), size=3, stride=2, padding=1)

IMAGES = (
    Mistake(
        "conv-kernel-reversed",
        conv2d,
        "dys @ kernel[u, v].transpose",
        "dys @ kernel[-1 - u, -1 - v].transpose",
        "flipped",
        "x",
        "The kernel reversed once too often (or once too little).",
        _PLAIN,
        _PIXELWISE,
    ),
    Mistake(
        "conv-overlap",
        conv2d,
        _ADDED,
        _OVERWRITTEN,
        "overlap-overwritten",
        "x",
        "= for += where windows overlap.",
        _PADDED,
        _TILED,
        fold,
    ),
    Mistake(
        "conv-padding-shift",
        conv2d,
        "return dpadded[:, ph : ph + H, pw : pw + W]",
        "return dpadded[:, :H, :W]",
        "shifted",
        "x",
        "The padding cut off on one side only.",
        _PADDED,
        _PLAIN,
        fold,
    ),
    Mistake(
        "conv-stride-ignored",
        conv2d,
        "dx = fold(dpatches, x.shape, (kh, kw), stride,",
        "dx = fold(dpatches, x.shape, (kh, kw), (1, 1),",
        "unknown",
        "x",
        "The stride forgotten on the way back.",
        case("stride=2", _image((2, 5, 7, 2), (3, 3, 2, 3)), stride=2),
        _PLAIN,
    ),
    Mistake(
        "conv-dilation-ignored",
        conv2d,
        "stride, padding, dilation)\n        return dx",
        "stride, padding)\n        return dx",
        "unknown",
        "x",
        "The dilation forgotten on the way back.",
        case("dilation=2", _image((2, 7, 9, 2), (3, 3, 2, 3)), dilation=2),
        _PLAIN,
    ),
    Mistake(
        "conv-bias-batch-only",
        conv2d,
        "db = dy.sum(axis=(0, 1, 2))",
        "db = dy.sum(axis=0)",
        "not-summed",
        "b",
        "Summed over the batch, as in a dense layer, and not over the pixels.",
        _PLAIN,
    ),
    Mistake(
        "conv-bias-mean",
        conv2d,
        "db = dy.sum(axis=(0, 1, 2))",
        "db = dy.mean(axis=(0, 1, 2))",
        "averaged",
        "b",
        "Averaged over batch and pixels.",
        _PLAIN,
        case("one pixel", _image((1, 3, 5, 2), (3, 5, 2, 7))),
    ),
    Mistake(
        "conv-W-over-batch",
        conv2d,
        "dW = dweights.transpose",
        "dW = 1 / N * dweights.transpose",
        "scaled",
        "W",
        "Averaged over the batch.",
        _PLAIN,
        _ONE,
    ),
    Mistake(
        "conv-W-over-pixels",
        conv2d,
        "dW = dweights.transpose",
        "dW = 1 / (rows * columns) * dweights.transpose",
        "scaled",
        "W",
        "Averaged over the pixels.",
        _PLAIN,
        case("one pixel", _image((2, 3, 5, 2), (3, 5, 2, 7))),
    ),
    Mistake(
        "conv-transpose-W",
        conv2d_transpose,
        "dx = (dpatches @ kernel)",
        "dx = (-dpatches @ kernel)",
        "sign-flipped",
        "x",
        "A minus.",
        case("plain", normal(x=(2, 3, 5, 3), W=(3, 2, 5, 3), b=(5,))),
    ),
    Mistake(
        "max-pool-every-tie",
        max_pool2d,
        _WINNER,
        "return np.asarray(dy * (view[:, :, :, u, v] == y))",
        "ties-duplicated",
        "x",
        "The classic homework: the mask x == max gives every tied maximum the full gradient, and a digit's "
        "blank background is nothing but ties.",
        _TIES,
        _APART,
    ),
    Mistake(
        "max-pool-no-mask",
        max_pool2d,
        _WINNER,
        "return dy",
        "missing-mask",
        "x",
        "Every pixel of a window takes the gradient.",
        _APART,
        case("windows of one pixel", normal(x=(2, 4, 6, 3)), size=1),
    ),
    Mistake(
        "max-pool-overlap",
        max_pool2d,
        _ADDED,
        _OVERWRITTEN,
        "overlap-overwritten",
        "x",
        "A pixel that wins several windows receives several gradients.",
        case("overlapping", normal(x=(2, 7, 9, 2)), size=2, stride=1),
        _APART,
        fold,
    ),
    Mistake(
        "avg-pool-overlap",
        avg_pool2d,
        _ADDED,
        _OVERWRITTEN,
        "overlap-overwritten",
        "x",
        "= for += where windows overlap.",
        _OVERLAPPING,
        _APART,
        fold,
    ),
    Mistake(
        "avg-pool-no-division",
        avg_pool2d,
        "share = dy / k",
        "share = dy",
        "scaled",
        "x",
        "1/k forgotten.",
        _APART,
        case("windows of one pixel", normal(x=(2, 4, 6, 3)), size=1),
    ),
    Mistake(
        "avg-pool-border-count",
        avg_pool2d,
        "share = dy / k",
        "share = dy / (size[0] * size[1])",
        "unknown",
        "x",
        "At the border a window holds fewer pixels, and its average divides by fewer.",
        _BORDER,
        _APART,
    ),
    Mistake(
        "global-avg-one-axis",
        global_avg_pool2d,
        "each = dy / (H * W)",
        "each = dy / H",
        "scaled",
        "x",
        "Divided by the rows only.",
        case("image", normal(x=(2, 3, 5, 7))),
        case("one column", normal(x=(2, 3, 1, 7))),
    ),
    Mistake(
        "global-max-every-tie",
        global_max_pool2d,
        "np.put_along_axis(dpixels, winner, dy[:, None], axis=1)",
        "dpixels += dy[:, None] * (pixels == y[:, None])",
        "ties-duplicated",
        "x",
        "Every tied maximum takes the full gradient.",
        case("ties", tied(3, x=(2, 3, 5, 2))),
        case("image", normal(x=(2, 3, 5, 7))),
    ),
    Mistake(
        "upsample-mean",
        upsample2d,
        ".sum(axis=(2, 4))",
        ".mean(axis=(2, 4))",
        "scaled",
        "x",
        "Averaged over the copies instead of summed.",
        case("factor=2", normal(x=(2, 3, 5, 2))),
        case("factor=1", normal(x=(2, 3, 5, 2)), factor=1),
    ),
    Mistake(
        "upsample-one-copy",
        upsample2d,
        ".sum(axis=(2, 4))",
        "[:, :, 0, :, 0]",
        "overlap-overwritten",
        "x",
        "Only one of the copies is asked.",
        case("factor=2", normal(x=(2, 3, 5, 2))),
        case("factor=1", normal(x=(2, 3, 5, 2)), factor=1),
    ),
    Mistake(
        "pad-one-sided",
        pad2d,
        "dx = dy[:, ph : ph + x.shape[1], pw : pw + x.shape[2]]",
        "dx = dy[:, : x.shape[1], : x.shape[2]]",
        "shifted",
        "x",
        "The border cut off on one side only.",
        case("padding=1", normal(x=(2, 3, 5, 2))),
        case("padding=0", normal(x=(2, 3, 5, 2)), padding=0),
    ),
)
