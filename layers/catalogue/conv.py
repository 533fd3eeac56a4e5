"""Configurations of convolution, over images and over sequences."""

from __future__ import annotations

from layers.catalogue.draw import Inputs, normal
from layers.catalogue.entry import Configurations, case


def image(x: tuple[int, ...], W: tuple[int, ...]) -> Inputs:
    """An image or a sequence x, a kernel W, and a bias for each of its features."""
    return normal(x=x, W=W, b=W[-1:])


def turned(x: tuple[int, ...], W: tuple[int, ...]) -> Inputs:
    """The same for a transposed convolution, whose features are the kernel's third axis."""
    return normal(x=x, W=W, b=W[-2:-1])


CONFIGURATIONS: Configurations = {
    "conv2d": (
        case("plain", image((2, 5, 7, 3), (3, 2, 3, 5))),
        case("padding=1", image((2, 5, 7, 2), (3, 3, 2, 3)), padding=1),
        case("stride=2", image((3, 7, 11, 2), (3, 2, 2, 3)), stride=2, padding=(1, 0)),
        case("stride=(3, 2)", image((2, 11, 7, 1), (2, 3, 1, 2)), stride=(3, 2)),
        case("dilation=2", image((2, 7, 11, 2), (3, 2, 2, 3)), dilation=2, padding=1),
        case("dilation=(1, 3)", image((2, 5, 11, 2), (2, 3, 2, 3)), dilation=(1, 3), stride=2),
        case(
            "stride=(2, 3), padding=(2, 1)",
            image((2, 5, 7, 2), (3, 2, 2, 3)),
            stride=(2, 3),
            padding=(2, 1),
        ),
        case("groups=3", image((2, 5, 7, 6), (2, 3, 2, 9)), groups=3, padding=1),
        case("depthwise", image((2, 7, 5, 3), (3, 3, 1, 3)), groups=3),
        case("one pixel", image((2, 3, 5, 2), (3, 5, 2, 7))),
        case("batch of one", image((1, 5, 7, 2), (2, 3, 2, 3))),
    ),
    "conv1d": (
        case("plain", image((2, 7, 3), (3, 3, 5))),
        case("stride=2, padding=1", image((3, 11, 2), (3, 2, 5)), stride=2, padding=1),
        case("dilation=2, groups=2", image((2, 11, 4), (3, 2, 6)), dilation=2, groups=2),
    ),
    "conv2d_transpose": (
        case("plain", turned((2, 3, 5, 3), (3, 2, 5, 3))),
        case("stride=2, overlapping", turned((2, 3, 2, 3), (3, 3, 2, 3)), stride=2),
        case(
            "stride=(3, 2), padding=1",
            turned((2, 2, 3, 2), (5, 3, 3, 2)),
            stride=(3, 2),
            padding=1,
        ),
        case("gaps", turned((2, 2, 3, 2), (2, 1, 3, 2)), stride=3),
        case("padding=(0, 2)", turned((2, 3, 2, 2), (2, 5, 3, 2)), stride=(1, 3), padding=(0, 2)),
    ),
}
