"""Configurations of the recurrent layers, of attention and of the transformer block."""

from __future__ import annotations

from layers.attention import (
    attention,
    multi_head_attention,
    rotary_encoding,
    sinusoidal_encoding,
    transformer_block,
)
from layers.catalogue.draw import Inputs, joined, normal, scaled, shifted
from layers.catalogue.entry import case, entry
from layers.recurrent import gru, lstm, rnn


def _recurrent(N: int, T: int, D: int, H: int, gates: int, *states: str) -> Inputs:
    return joined(
        normal(x=(N, T, D), **dict.fromkeys(states, (N, H))),
        scaled(0.7, normal(Wx=(D, gates * H), Wh=(H, gates * H), b=(gates * H,))),
    )


def _heads(N: int, T: int, D: int) -> Inputs:
    weights = dict.fromkeys(("Wq", "Wk", "Wv", "Wo"), (D, D))
    return joined(normal(x=(N, T, D)), scaled(0.5, normal(**weights)))


def _block(N: int, T: int, D: int, F: int) -> Inputs:
    return joined(
        normal(x=(N, T, D)),
        shifted(2, normal(gamma1=(D,))),
        normal(beta1=(D,)),
        scaled(0.5, normal(Wq=(D, D), Wk=(D, D), Wv=(D, D), Wo=(D, D))),
        shifted(2, normal(gamma2=(D,))),
        normal(beta2=(D,)),
        scaled(0.5, normal(W1=(D, F), b1=(F,), W2=(F, D), b2=(D,))),
    )


SEQUENCES = (
    entry(
        rnn,
        case("plain", _recurrent(3, 5, 2, 7, 1, "h0")),
        case("one step", _recurrent(2, 1, 5, 3, 1, "h0")),
    ),
    entry(
        lstm,
        case("plain", _recurrent(3, 5, 2, 7, 4, "h0", "c0")),
        case("one step", _recurrent(2, 1, 5, 3, 4, "h0", "c0")),
    ),
    entry(
        gru,
        case("plain", _recurrent(3, 5, 2, 7, 3, "h0")),
        case("one step", _recurrent(2, 1, 5, 3, 3, "h0")),
    ),
    entry(
        attention,
        case("plain", normal(q=(2, 3, 5), k=(2, 7, 5), v=(2, 7, 2))),
        case("causal", normal(q=(2, 5, 3), k=(2, 5, 3), v=(2, 5, 7)), causal=True),
        case(
            "heads, large scores", scaled(3, normal(q=(2, 2, 3, 5), k=(2, 2, 3, 5), v=(2, 2, 3, 5)))
        ),
    ),
    entry(
        multi_head_attention,
        case("2 heads", _heads(2, 5, 6), heads=2),
        case("3 heads, causal", _heads(3, 5, 6), heads=3, causal=True),
    ),
    entry(
        sinusoidal_encoding,
        case("plain", normal(x=(2, 7, 5))),
        case("base=10", normal(x=(3, 5, 2)), base=10.0),
    ),
    entry(
        rotary_encoding,
        case("plain", normal(x=(2, 7, 6))),
        case("heads, base=10", normal(x=(2, 3, 5, 4)), base=10.0),
    ),
    entry(
        transformer_block,
        case("2 heads", _block(2, 3, 6, 7), heads=2),
        case("3 heads, causal", _block(2, 5, 6, 11), heads=3, causal=True),
    ),
)
