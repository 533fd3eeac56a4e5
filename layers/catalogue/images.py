"""Configurations of the layers for images, and of convolution over sequences."""

from __future__ import annotations

from layers.catalogue.draw import Inputs, normal, tied
from layers.catalogue.entry import case, entry
from layers.combine import pad2d
from layers.conv import conv1d, conv2d, conv2d_transpose
from layers.pooling import (
    avg_pool2d,
    global_avg_pool2d,
    global_max_pool2d,
    max_pool2d,
    upsample2d,
)


def _image(x: tuple[int, ...], W: tuple[int, ...]) -> Inputs:
    return normal(x=x, W=W, b=W[-1:])


def _turned(x: tuple[int, ...], W: tuple[int, ...]) -> Inputs:
    return normal(x=x, W=W, b=W[-2:-1])


IMAGES = (
    entry(
        conv2d,
        case("plain", _image((2, 5, 7, 3), (3, 2, 3, 5))),
        case("padding=1", _image((2, 5, 7, 2), (3, 3, 2, 3)), padding=1),
        case("stride=2", _image((3, 7, 11, 2), (3, 2, 2, 3)), stride=2, padding=(1, 0)),
        case("stride=(3, 2)", _image((2, 11, 7, 1), (2, 3, 1, 2)), stride=(3, 2)),
        case("dilation=2", _image((2, 7, 11, 2), (3, 2, 2, 3)), dilation=2, padding=1),
        case("dilation=(1, 3)", _image((2, 5, 11, 2), (2, 3, 2, 3)), dilation=(1, 3), stride=2),
        case(
            "stride=(2, 3), padding=(2, 1)",
            _image((2, 5, 7, 2), (3, 2, 2, 3)),
            stride=(2, 3),
            padding=(2, 1),
        ),
        case("groups=3", _image((2, 5, 7, 6), (2, 3, 2, 9)), groups=3, padding=1),
        case("depthwise", _image((2, 7, 5, 3), (3, 3, 1, 3)), groups=3),
        case("one pixel", _image((2, 3, 5, 2), (3, 5, 2, 7))),
        case("batch of one", _image((1, 5, 7, 2), (2, 3, 2, 3))),
    ),
    entry(
        conv1d,
        case("plain", _image((2, 7, 3), (3, 3, 5))),
        case("stride=2, padding=1", _image((3, 11, 2), (3, 2, 5)), stride=2, padding=1),
        case("dilation=2, groups=2", _image((2, 11, 4), (3, 2, 6)), dilation=2, groups=2),
    ),
    entry(
        conv2d_transpose,
        case("plain", _turned((2, 3, 5, 3), (3, 2, 5, 3))),
        case("stride=2, overlapping", _turned((2, 3, 2, 3), (3, 3, 2, 3)), stride=2),
        case(
            "stride=(3, 2), padding=1",
            _turned((2, 2, 3, 2), (5, 3, 3, 2)),
            stride=(3, 2),
            padding=1,
        ),
        case("gaps", _turned((2, 2, 3, 2), (2, 1, 3, 2)), stride=3),
        case("padding=(0, 2)", _turned((2, 3, 2, 2), (2, 5, 3, 2)), stride=(1, 3), padding=(0, 2)),
    ),
    entry(
        max_pool2d,
        case("size=2", normal(x=(2, 4, 6, 3))),
        case("overlapping", normal(x=(2, 7, 11, 3)), size=3, stride=2),
        case("size=(3, 2), padding=1", normal(x=(2, 5, 7, 2)), size=(3, 2), stride=1, padding=1),
        case("gaps", normal(x=(3, 7, 11, 2)), size=2, stride=3),
        case(
            "size=(3, 5), padding=(1, 2)",
            normal(x=(2, 7, 11, 2)),
            size=(3, 5),
            stride=(2, 3),
            padding=(1, 2),
        ),
        case("ties", tied(3, x=(2, 6, 8, 3))),
        case("overlapping ties", tied(9, x=(2, 7, 11, 2)), size=3, stride=2),
    ),
    entry(
        avg_pool2d,
        case("size=2", normal(x=(2, 4, 6, 3))),
        case("overlapping", normal(x=(2, 7, 11, 3)), size=3, stride=2),
        case("size=(3, 2), padding=1", normal(x=(2, 5, 7, 2)), size=(3, 2), stride=2, padding=1),
        case(
            "size=(3, 5), padding=(1, 2)",
            normal(x=(2, 7, 11, 2)),
            size=(3, 5),
            stride=(2, 3),
            padding=(1, 2),
        ),
    ),
    entry(
        global_max_pool2d,
        case("image", normal(x=(2, 3, 5, 7))),
        case("ties", tied(3, x=(2, 3, 5, 2))),
    ),
    entry(
        global_avg_pool2d,
        case("image", normal(x=(2, 3, 5, 7))),
        case("one pixel", normal(x=(3, 1, 1, 5))),
    ),
    entry(
        upsample2d,
        case("factor=2", normal(x=(2, 3, 5, 2))),
        case("factor=(3, 2)", normal(x=(2, 2, 3, 5)), factor=(3, 2)),
    ),
    entry(
        pad2d,
        case("padding=1", normal(x=(2, 3, 5, 2))),
        case("padding=(3, 2), value=0.7", normal(x=(2, 5, 2, 3)), padding=(3, 2), value=0.7),
    ),
)
