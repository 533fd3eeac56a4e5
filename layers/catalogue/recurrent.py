"""Configurations of the recurrent layers."""

from __future__ import annotations

from layers.catalogue.draw import Inputs, joined, normal, scaled
from layers.catalogue.entry import Configurations, case


def recurrent(N: int, T: int, D: int, H: int, gates: int, *states: str) -> Inputs:
    """A sequence, its initial states, and weights for all gates side by side."""
    return joined(
        normal(x=(N, T, D), **dict.fromkeys(states, (N, H))),
        scaled(0.7, normal(Wx=(D, gates * H), Wh=(H, gates * H), b=(gates * H,))),
    )


CONFIGURATIONS: Configurations = {
    "rnn": (
        case("plain", recurrent(3, 5, 2, 7, 1, "h0")),
        case("one step", recurrent(2, 1, 5, 3, 1, "h0")),
    ),
    "lstm": (
        case("plain", recurrent(3, 5, 2, 7, 4, "h0", "c0")),
        case("one step", recurrent(2, 1, 5, 3, 4, "h0", "c0")),
    ),
    "gru": (
        case("plain", recurrent(3, 5, 2, 7, 3, "h0")),
        case("one step", recurrent(2, 1, 5, 3, 3, "h0")),
    ),
}
