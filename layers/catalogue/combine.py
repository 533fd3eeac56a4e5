"""Configurations of the layers that rearrange their inputs, or put two together."""

from __future__ import annotations

from layers.catalogue.draw import normal
from layers.catalogue.entry import Configurations, case

CONFIGURATIONS: Configurations = {
    "flatten": (
        case("image", normal(x=(2, 3, 5, 7))),
        case("row", normal(x=(3, 5))),
    ),
    "reshape": (
        case("to (6, 5)", normal(x=(2, 3, 5)), shape=(6, 5)),
        case("to (5, −1)", normal(x=(3, 10, 2)), shape=(5, -1)),
    ),
    "transpose": (
        case("reversed", normal(x=(2, 3, 5))),
        case("axes=(2, 0, 3, 1)", normal(x=(2, 3, 5, 7)), axes=(2, 0, 3, 1)),
    ),
    "concatenate": (
        case("last axis", normal(x=(3, 5), z=(3, 2))),
        case("axis=1", normal(x=(2, 3, 5), z=(2, 7, 5)), axis=1),
    ),
    "add": (
        case("same shape", normal(x=(3, 5), z=(3, 5))),
        case("second copied", normal(x=(2, 3, 5), z=(3, 1))),
        case("first copied", normal(x=(5,), z=(2, 3, 5))),
        case("both copied", normal(x=(2, 1, 5), z=(3, 1))),
        case("scalar", normal(x=(), z=(3, 5))),
    ),
    "multiply": (
        case("same shape", normal(x=(3, 5), z=(3, 5))),
        case("second copied", normal(x=(2, 3, 5), z=(3, 1))),
        case("first copied", normal(x=(5,), z=(2, 3, 5))),
        case("both copied", normal(x=(2, 1, 5), z=(3, 1))),
        case("scalar", normal(x=(3, 5), z=())),
    ),
    "pad2d": (
        case("padding=1", normal(x=(2, 3, 5, 2))),
        case("padding=(3, 2), value=0.7", normal(x=(2, 5, 2, 3)), padding=(3, 2), value=0.7),
    ),
}
