"""Mistakes in sequences, language and probabilistic models: convicted, truly named, blamed on their line."""

import numpy as np
import pytest

from gradcheck import check, check_loss, check_module, check_pair
from tests.strangers import language, language_aside
from tests.test_fresh import normal, pair
from tests.test_hands import home_of, judged, of, shares
from tests.test_workshop import sizes

seeded = np.random.default_rng
ROW = np.array([2, 0, 1, 3])
"""Characters, the next ones of which are the targets."""
ACTIONS = np.array([0, 2, 1, 1, 0])
WORDS = np.array([[0, 2, 2], [1, 4, 0]])
NEXT = np.array([[2, 2, -1], [4, -1, 3]])


def chars(m):
    net = m.CharRNN(4, 3)

    def loss(Wxh, Whh, Why, bh, by):
        net.params.update(Wxh=Wxh, Whh=Whh, Why=Why, bh=bh, by=by)
        return net.loss(ROW[:-1], ROW[1:])

    return check_loss(loss, *net.params.values())


def vae(m):
    net, x = m.VariationalAutoencoder(4, 3, 2, seeded(4)), (normal(5, 4) > 0).astype(float)

    def loss(We, be, Wm, Ws, Wd, bd):
        net.p.update(We=We, be=be, Wm=Wm, Ws=Ws, Wd=Wd, bd=bd)
        return net.elbo(x)

    return check_loss(loss, *net.p.values())


CELL = {
    f"{kind}{gate}": seeded((ord(kind), ord(gate))).normal(size=shape) / 2
    for kind, shape in (("W", (3, 5)), ("b", (3, 1)))
    for gate in "fico"
}

CHECKS = {
    "CharRNN": chars,
    "lstm": lambda m: pair(m, "lstm", normal(2, 4, 3), normal(3, 4), CELL),
    "dinos_loss": lambda m: check_loss(
        m.dinos_loss,
        *(normal(3, 3) / 2, normal(3, 4), normal(4, 3), normal(3, 1), normal(4, 1)),
        *([None, 2, 0, 1], [2, 0, 1, 3]),
    ),
    "GRUNet": lambda m: check_module(m.GRUNet(2, 3), normal(3, 2, 4)),
    "birnn": lambda m: pair(
        *(m, "birnn", normal(4, 2, 3)),
        sizes(Wl_x=(3, 2), Wl_h=(2, 2), bl=(2,), Wr_x=(3, 2), Wr_h=(2, 2), br=(2,)),
    ),
    "SelfAttention": lambda m: check_module(m.SelfAttention(6, 2, seeded(2)), normal(2, 4, 6)),
    "mlp_block": lambda m: pair(
        *(m, "mlp_block", normal(2, 3, 4), normal(4), normal(4) / 2),
        *(normal(4, 5), normal(5), normal(5, 4), normal(4) / 3),
    ),
    "causal": lambda m: pair(m, "causal", normal(2, 3, 12), 2),
    "LayerNormRNN": lambda m: check_module(m.LayerNormRNN(3, 4), normal(2, 3, 3)),
    "skipgram": lambda m: check_loss(
        *(m.skipgram, normal(5, 3), normal(6, 3), 1),
        *([0, 3], [np.array([1, 2, 1, 4]), np.array([5, 2, 2, 1])]),
        wrt=["centers", "outsides"],
    ),
    "GloVe": lambda m: check_loss(
        *(m.GloVe(np.exp(2 + normal(4, 4))).cost, normal(4, 3), normal(3, 4).T),
        *(normal(4), normal(4) / 2 - 1),
    ),
    "RBM": lambda m: check_loss(
        *(m.RBM((normal(5, 4) > 0).astype(float)).loss, normal(4, 3), normal(4), normal(3)),
        *((normal(4, 5).T > 0).astype(float),),
        wrt=["W", "b", "c"],
    ),
    "linear_chain": lambda m: check_loss(
        *(m.linear_chain, normal(4, 3), normal(3, 3), normal(3), normal(3) / 2 + 1),
        np.array([0, 2, 1, 1]),
    ),
    "ctc": lambda m: check_loss(m.ctc, normal(6, 4), np.array([1, 3, 3])),
    "mdn": lambda m: check_pair(
        *(m.mdn_forward, m.mdn_backward, normal(5, 4), normal(4, 2), normal(4, 6)),
        *(normal(4, 2) / 2 - 0.1, normal(5, 3), 2),
        wrt=["h", "Wpi", "Wmu", "Wsig"],
    ),
    "VariationalAutoencoder": vae,
    "PolicyGradient": lambda m: check_loss(
        *(m.PolicyGradient().surrogate, normal(4, 3), normal(4), normal(6, 3)),
        *(np.array([1, 0, 0, 1, 1, 0]), np.array([0.0, 1, 0, -1, 0, 1])),
        wrt=["W1", "W2"],
    ),
    "ppo_loss": lambda m: check_loss(
        *(m.ppo_loss, normal(5, 3), ACTIONS, normal(5) / 4 - 1.1, normal(5)[::-1].copy()),
        wrt="logits",
    ),
    "LuongDecoder": lambda m: check_module(
        m.LuongDecoder(normal(3, 3), normal(6, 3)), normal(2, 4, 3), normal(2, 5, 3)
    ),
    "Gated": lambda m: check_module(m.Gated(normal(3, 4), normal(3, 4) / 2 + 0.2), normal(5, 3)),
    "wavenet": lambda m: pair(
        *(m, "wavenet", normal(2, 3, 6), normal(2, 3, 4), normal(2, 3, 4) / 2, normal(4, 3), 2)
    ),
    "MinimalGate": lambda m: check_module(
        m.MinimalGate(normal(2, 3), normal(3, 3), normal(2, 3) / 2, normal(3, 3) / 2),
        normal(4, 2, 3),
    ),
    "tied_lm": lambda m: check_loss(
        *(m.tied_lm, normal(5, 4), normal(4, 4), normal(4, 4) / 2, WORDS, NEXT),
        wrt=["E", "P", "W"],
    ),
    "Coupling": lambda m: check_loss(
        m.Coupling(2), normal(5, 4), normal(2, 2), normal(2), normal(2, 2) / 2, normal(2) / 2
    ),
    "content_address": lambda m: check(
        m.content_address, normal(4, 3), normal(5, 3), np.abs(normal(5)) + 0.5
    ),
    "linear_attention": lambda m: pair(
        m, "linear_attention", normal(4, 3), normal(5, 3)[:4], normal(4, 2)
    ),
}
"""How each is checked, in the module or a changed copy of it."""


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_one_passes(name):
    assert CHECKS[name](home_of(name, language, language_aside)).passed


@pytest.mark.parametrize(
    ("unit", "wrong"),
    [
        # The diagonal alone of a softmax, where it is followed by more.
        (language, "dpre = p * (1 - p) * datt"),
        # Nothing is carried through loops that only add up.
        (language, "dinp[b, s, keys] = inp[b, t, mine] * dpre[s] * scale"),
        # Along which axis a helper reduces is told by a number.
        (language, "beta[i] = lse(trans + scores[i + 1] + beta[i + 1], 0)"),
        # Twice what it were before a root, by accident.
        (language, "dmn = -(dcos * cos).sum(0) / mn**2"),
        # What is lost is read nowhere but to be added to.
        (language, "g_trans = np.exp(pair - logZ)"),
        # What is lost is no contribution, but what a turn leaves the next.
        (language_aside, "acc = delta[..., t]"),
        # A loop is not tried through the list that it writes into.
        (language_aside, "grad = y - occupied"),
    ],
)
def test_what_was_misnamed_has_a_true_name_and_its_line(unit, wrong):
    _, truly, line = judged(unit, of(unit, wrong), CHECKS)
    assert truly and line


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        # What a helper is handed has a name there, and so a true value.
        "lstm_cell_back(da[:, :, t], dc_prevt, caches[t])",
        # A value that follows a convention as long as nobody has written over it.
        "dscores /= self.d_k",
        "return (gx - y * gx,)",
        "dscores = self.A * (1 - self.A) * dA",
        # What goes into the first wrong value may have come round the loop, wrong already.
        'np.dot(parameters["Waa"], daraw)',
        # What goes into it in the same turn was right when it was first wrong.
        "da = inv * (da_hat - m1)",
    ],
)
def test_what_had_another_line_or_no_name_has_a_true_one_and_its_line(wrong):
    unit = next(
        m for m in (language, language_aside) if wrong in [w.strip() for *_, w, _ in m.MISTAKES]
    )
    _, truly, line = judged(unit, of(unit, wrong), CHECKS)
    assert truly and line


@pytest.mark.slow
def test_four_of_five_have_a_true_name_and_hardly_one_a_false_one():
    """29, 5 and 32 of 38 at first sight."""
    truly, falsely, lines = shares(language, CHECKS)
    assert truly >= 34 / 38 and falsely <= 1 / 38 and lines >= 36 / 38


@pytest.mark.slow
def test_of_those_set_aside_no_less_is_found_than_at_first_sight():
    """30, 4 and 30 of 38 when they were first run; three more have been mended since, one of the four."""
    truly, falsely, lines = shares(language_aside, CHECKS)
    assert truly >= 33 / 38 and falsely <= 3 / 38 and lines >= 31 / 38


def test_rows_that_nobody_has_looked_up_do_not_make_the_others_a_part():
    def looked_up(table, w):
        y = np.tanh(table[1] @ w)

        def backward(dy):
            dtable = np.zeros_like(table)
            dtable[1] = (dy * np.cos(y + dy)) @ w.T
            return dtable, np.outer(table[1], dy * (1 - y**2))

        return y, backward

    row = check(looked_up, normal(5, 3), normal(3, 4), lines=False)["table"]
    assert row.findings[0].code != "partial", row.findings
