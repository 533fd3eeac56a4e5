"""Configurations of pooling: windows that tile, overlap and leave gaps, with ties and without."""

from __future__ import annotations

from layers.catalogue.draw import normal, tied
from layers.catalogue.entry import Configurations, case

CONFIGURATIONS: Configurations = {
    "max_pool2d": (
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
    "avg_pool2d": (
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
    "global_max_pool2d": (
        case("image", normal(x=(2, 3, 5, 7))),
        case("ties", tied(3, x=(2, 3, 5, 2))),
    ),
    "global_avg_pool2d": (
        case("image", normal(x=(2, 3, 5, 7))),
        case("one pixel", normal(x=(3, 1, 1, 5))),
    ),
    "upsample2d": (
        case("factor=2", normal(x=(2, 3, 5, 2))),
        case("factor=(3, 2)", normal(x=(2, 2, 3, 5)), factor=(3, 2)),
    ),
}
