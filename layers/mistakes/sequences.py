"""Mistakes in recurrent layers and in attention."""

from __future__ import annotations

from layers.attention import attention, multi_head_attention, rotary_encoding, transformer_block
from layers.catalogue import CATALOGUE
from layers.catalogue.draw import Inputs, joined, normal, scaled
from layers.catalogue.entry import case
from layers.mistakes.planted import Mistake
from layers.recurrent import gru, lstm, rnn


def _recurrent(T: int, gates: int, *states: str) -> Inputs:
    return joined(
        normal(x=(3, T, 2), **dict.fromkeys(states, (3, 7))),
        scaled(0.7, normal(Wx=(2, gates * 7), Wh=(7, gates * 7), b=(gates * 7,))),
    )


_RNN, _RNN1 = case("plain", _recurrent(5, 1, "h0")), case("one step", _recurrent(1, 1, "h0"))
_LSTM = case("plain", _recurrent(5, 4, "h0", "c0"))
_LSTM1 = case("one step", _recurrent(1, 4, "h0", "c0"))
_GRU, _GRU1 = case("plain", _recurrent(5, 3, "h0")), case("one step", _recurrent(1, 3, "h0"))
_QKV = case("plain", normal(q=(2, 3, 5), k=(2, 7, 5), v=(2, 7, 2)))
_NARROW = case("one feature", normal(q=(2, 3, 1), k=(2, 7, 1), v=(2, 7, 2)))
_HEADS = CATALOGUE["multi_head_attention"].configurations[0]
_BLOCK = CATALOGUE["transformer_block"].configurations[0]

SEQUENCES = (
    Mistake(
        "rnn-carry",
        rnn,
        "dh = dy[:, t] + carry",
        "dh = dy[:, t]",
        "carry-dropped",
        "x",
        "What the next step sends back is dropped: each step by itself is right.",
        _RNN,
        _RNN1,
    ),
    Mistake(
        "rnn-tanh",
        rnn,
        "dh * (1 - h[:, t] * h[:, t])",
        "dh",
        "missing-mask",
        "x",
        "The derivative of tanh left out.",
        _RNN,
    ),
    Mistake(
        "rnn-Wh-time",
        rnn,
        "_product(_all_before(h, h0), da)",
        "_product(h, da)",
        "unknown",
        "Wh",
        "The state after the step instead of the one before.",
        _RNN,
    ),
    Mistake(
        "rnn-b-mean",
        rnn,
        "return dx, dh0, dWx, dWh, db",
        "return dx, dh0, dWx, dWh, db / (N * T)",
        "averaged",
        "b",
        "Averaged over batch and time.",
        _RNN,
    ),
    Mistake(
        "lstm-carry-h",
        lstm,
        "dh = dy[:, t] + carry_h",
        "dh = dy[:, t]",
        "carry-dropped",
        "x",
        "The hidden state's carry dropped.",
        _LSTM,
        _LSTM1,
    ),
    Mistake(
        "lstm-carry-c",
        lstm,
        " + carry_c",
        "",
        "carry-dropped",
        "x",
        "The cell's carry dropped: the way along which gradients survive.",
        _LSTM,
        _LSTM1,
    ),
    Mistake(
        "lstm-forget-gate",
        lstm,
        "daf = df * f[:, t] * (1 - f[:, t])",
        "daf = df * f[:, t]",
        "partial",
        "Wx",
        "One gate's derivative incomplete.",
        case("one step", _recurrent(1, 4, "h0", "c0")),
    ),
    Mistake(
        "lstm-gate-swapped",
        lstm,
        "[dai, daf, dag, dao]",
        "[daf, dai, dag, dao]",
        "swapped",
        "b",
        "Two gates in the wrong order.",
        _LSTM,
    ),
    Mistake(
        "lstm-cell-time",
        lstm,
        "tanh_c, c_before = np.tanh(c), _all_before(c, c0)",
        "tanh_c, c_before = np.tanh(c), c",
        "unknown",
        "Wx",
        "c_t instead of c_{t−1}.",
        _LSTM,
    ),
    Mistake(
        "gru-carry",
        gru,
        "dh = dy[:, t] + carry",
        "dh = dy[:, t]",
        "carry-dropped",
        "x",
        "What the next step sends back is dropped.",
        _GRU,
        _GRU1,
    ),
    Mistake(
        "gru-reset",
        gru,
        "dr = dreset * h_before[:, t]",
        "dr = dreset * r[:, t]",
        "partial",
        "b",
        "The product rule's wrong factor: one gate of three is off.",
        _GRU1,
    ),
    Mistake(
        "gru-update-sign",
        gru,
        "dz = dh * (h_before[:, t] - n[:, t])",
        "dz = dh * (n[:, t] - h_before[:, t])",
        "partial",
        "b",
        "z and 1 − z exchanged on the way back.",
        _GRU1,
    ),
    Mistake(
        "attention-scale",
        attention,
        "dq = dscores @ k * scale",
        "dq = dscores @ k",
        "scaled",
        "q",
        "1/√D on the way there only.",
        _QKV,
        _NARROW,
    ),
    Mistake(
        "attention-diagonal",
        attention,
        "(dscores,) = backward_softmax(dp)",
        "dscores = p * (1 - p) * dp",
        "diagonal-only",
        "q",
        "The softmax reduced to its diagonal.",
        _QKV,
    ),
    Mistake(
        "attention-mask-after",
        attention,
        "p, backward_softmax = softmax(scores)",
        "p, backward_softmax = softmax(q @ _t(k) * scale)\n    p = p * (scores > -np.inf)",
        "unknown",
        "q",
        "The causal mask applied after the softmax: rows no longer sum to one, and the way back does not know.",
        case("causal", normal(q=(2, 5, 3), k=(2, 5, 3), v=(2, 5, 7)), causal=True),
        _QKV,
    ),
    Mistake(
        "attention-q-k-swapped",
        attention,
        "return dq, dk, dv",
        "return dk, dq, dv",
        "swapped",
        "q",
        "Queries and keys have one shape.",
        case("self", normal(q=(2, 5, 3), k=(2, 5, 3), v=(2, 5, 7))),
    ),
    Mistake(
        "heads-one-branch",
        multi_head_attention,
        " + dk @ Wk.T",
        "",
        "extra-term",
        "x",
        "x is used three times, two of its gradients are added.",
        _HEADS,
    ),
    Mistake(
        "heads-swapped",
        multi_head_attention,
        "return dx, dWq, dWk, dWv, dWo",
        "return dx, dWk, dWq, dWv, dWo",
        "swapped",
        "Wq",
        "Weights of one shape in the wrong order.",
        _HEADS,
    ),
    Mistake(
        "rotary-same-way",
        rotary_encoding,
        "deven = dy_even * cos + dy_odd * sin",
        "deven = dy_even * cos - dy_odd * sin",
        "partial",
        "x",
        "Turned the same way again.",
        case("plain", normal(x=(2, 7, 6))),
        case("one position", normal(x=(2, 1, 6))),
    ),
    Mistake(
        "block-residual",
        transformer_block,
        "dh = dy + dh2",
        "dh = dh2",
        "extra-term",
        "x",
        "The residual forgotten.",
        _BLOCK,
    ),
)
