"""Configurations of attention, of positions and of the transformer block."""

from __future__ import annotations

from layers.catalogue.draw import Inputs, joined, normal, scaled, shifted
from layers.catalogue.entry import Configurations, case


def heads(N: int, T: int, D: int) -> Inputs:
    """A sequence and the four weights of its heads."""
    weights = dict.fromkeys(("Wq", "Wk", "Wv", "Wo"), (D, D))
    return joined(normal(x=(N, T, D)), scaled(0.5, normal(**weights)))


def block(N: int, T: int, D: int, F: int) -> Inputs:
    """All parameters of a transformer block."""
    return joined(
        normal(x=(N, T, D)),
        shifted(2, normal(gamma1=(D,))),
        normal(beta1=(D,)),
        scaled(0.5, normal(Wq=(D, D), Wk=(D, D), Wv=(D, D), Wo=(D, D))),
        shifted(2, normal(gamma2=(D,))),
        normal(beta2=(D,)),
        scaled(0.5, normal(W1=(D, F), b1=(F,), W2=(F, D), b2=(D,))),
    )


CONFIGURATIONS: Configurations = {
    "attention": (
        case("plain", normal(q=(2, 3, 5), k=(2, 7, 5), v=(2, 7, 2))),
        case("causal", normal(q=(2, 5, 3), k=(2, 5, 3), v=(2, 5, 7)), causal=True),
        case(
            "heads, large scores", scaled(3, normal(q=(2, 2, 3, 5), k=(2, 2, 3, 5), v=(2, 2, 3, 5)))
        ),
    ),
    "multi_head_attention": (
        case("2 heads", heads(2, 5, 6), heads=2),
        case("3 heads, causal", heads(3, 5, 6), heads=3, causal=True),
    ),
    "sinusoidal_encoding": (
        case("plain", normal(x=(2, 7, 5))),
        case("base=10", normal(x=(3, 5, 2)), base=10.0),
    ),
    "rotary_encoding": (
        case("plain", normal(x=(2, 7, 6))),
        case("heads, base=10", normal(x=(2, 3, 5, 4)), base=10.0),
    ),
    "transformer_block": (
        case("2 heads", block(2, 3, 6, 7), heads=2),
        case("3 heads, causal", block(2, 5, 6, 11), heads=3, causal=True),
    ),
}
