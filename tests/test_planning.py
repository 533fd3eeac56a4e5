"""What each parameter of a backward pass stands for: a row for each way to write one, by names and by order."""

import numpy as np
import pytest

from gradcheck.forms import names
from gradcheck.forms.planning import plan

KINDS = {"a": np.ones(2), "s": 0.5, "i": np.arange(2), "c": {"kept": np.ones(2)}}
"""What an item may be: an array, a number, whole numbers, a cache."""


def told(signature, result, cache=None):
    """The roles of parameters, and the outputs; inputs are x and W."""
    scope = {}
    exec(f"def backward({signature}): pass", scope)
    called, kinds = zip(*(item.split(":") for item in result.split()), strict=True)
    items = tuple(KINDS[kind] for kind in kinds)
    several = {(k,): name for k, name in enumerate(called)}
    value, known = (items, several) if len(items) > 1 else (items[0], {(): called[0]})
    made = plan(scope["backward"], ["x", "W"], value, known, cache)
    roles = [
        f"{role.name} {role.kind} {role.key}" + " by name" * role.by_name for role in made.roles
    ]
    rest = " together" * made.together + f" but {made.left_out}" * bool(made.left_out)
    return f"{', '.join(roles)} → {made.outputs}{rest}"


@pytest.mark.parametrize(
    ("signature", "result", "meant"),
    [
        ("dy, cache", "y:a cache:c", "dy upstream 0, cache cache 1 → (0,)"),
        ("output, grad", "s:a", "output item 0, grad upstream 0 → (0,)"),
        ("dout, cache_x, W", "y:a", "dout upstream 0, cache_x input x, W input W → (0,)"),
        ("cache, dout", "y:a kept:c", "cache cache 1, dout upstream 0 → (0,)"),
        ("cache, dout", "n:i z:a", "cache cache 0, dout upstream 0 → (1,)"),
        ("dA, cache, mode='max'", "A:a cache:c", "dA upstream 0, cache cache 1 → (0,)"),
        ("dout, e=1, cache=None", "y:a cache:c", "dout upstream 0, cache cache 1 by name → (0,)"),
        ("dy, *, cache", "y:a cache:c", "dy upstream 0, cache cache 1 by name → (0,)"),
        ("dcontext", "context:a weights:a", "dcontext upstream 0 → (0,) but (1,)"),
        ("dy, *saved", "y:a kept:c", "dy upstream 0, saved spread 1 → (0,)"),
        ("memory, grad", "kept:c out:a", "memory cache 1, grad upstream 0 → (0,)"),
        ("g, rest", "y:a kept:c", "g upstream 0, rest cache 1 → (0,)"),
        ("g, rest", "y:a kept:a", "g upstream 0, rest cache 1 → (0,)"),
        ("a, b", "loss:s kept:c", "a upstream 0, b cache 1 → (0,)"),
        ("a", "y:a", "a upstream 0 → (0,)"),
        ("dout, x, W", "y:a", "dout upstream 0, x input x, W input W → (0,)"),
        ("x, dy, cache", "y:a cache:c", "x input x, dy upstream 0, cache cache 1 → (0,)"),
        ("dy, k=3, *, x", "y:a", "dy upstream 0, x input x by name → (0,)"),
        ("dout, x, W", "y:a x:a", "dout upstream 0, x item 1, W input W → (0,)"),
        ("dz, z", "y:a z:a", "dz upstream 0, z item 1 → (0,)"),
        ("state, dout", "out:a state:a", "state item 1, dout upstream 0 → (0,)"),
        ("p, q", "loss:s p:a q:a", "p item 1, q item 2 → (0,)"),
        ("dA, A", "A:a", "dA upstream 0, A item 0 → (0,)"),
        ("dw, weights", "weights:a y:a", "dw upstream 0, weights item 0 → (1,)"),
        ("dout, y, cache", "y:a cache:c", "dout upstream 0, y item 0, cache cache 1 → (0,)"),
        ("dh, dc, cache", "h:a c:a k:c", "dh upstream 0, dc upstream 1, cache cache 2 → (0, 1)"),
        ("dc, dh", "h:a c:a", "dc upstream 0, dh upstream 1 → (1, 0)"),
        ("dh_next, dc_next", "h:a c:a", "dh_next upstream 0, dc_next upstream 1 → (0, 1)"),
        ("dc_next, dh_out", "h:a c:a", "dc_next upstream 0, dh_out upstream 1 → (1, 0)"),
        ("d1, d2", "h:a c:a", "d1 upstream 0, d2 upstream 1 → (0,)"),
        ("dy", "h:a c:a", "dy upstream 0 → (0, 1) together"),
        ("dc", "h:a c:a", "dc upstream 0 → (1,) but (0,)"),
    ],
)
def test_what_each_parameter_stands_for(signature, result, meant):
    assert told(signature, result) == meant


@pytest.mark.parametrize("cache", [0, 1, -1, "h", "y"])
def test_which_item_is_the_cache_may_be_said(cache):
    number = {"h": 0, "y": 1, -1: 1}.get(cache, cache)
    assert told("dq, z", "h:a y:a", cache) == f"dq upstream 0, z cache {number} → ({1 - number},)"
    named = told("dq, h", "h:a y:a", cache).split(", ")[1]
    assert named.startswith(f"h {'item' if number else 'cache'} 0")


@pytest.mark.parametrize(
    ("signature", "result", "cache", "what"),
    [
        ("dy, b", "y:a", None, r"takes 'b', .* no input \(W, x\): give it by name, b=…"),
        ("cache, y, mem", "y:a cache:c mem:c", None, "takes no upstream gradient"),
        ("dy, z", "h:a y:a", "q", "returns nothing called 'q'"),
        ("dy, z", "h:a y:a", 2, "cache=2, but the forward pass returns 2 values"),
        ("dy, z", "h:a y:a", -3, "cache=-3, but"),
    ],
)
def test_what_stands_for_nothing_is_said(signature, result, cache, what):
    with pytest.raises(TypeError, match=what):
        told(signature, result, cache)


GRADIENTS = """
dv d_v grad_v gradient_v delta_v nabla_v dL_dv dJ_dv dl_dv dj_dv dL_v g_v dLdv dJdv dLv gradv Dv ∂v ∇v
v_gradient v_grad v_grads v_g v_delta vGrad vgrad _dv dV
"""


def test_names_of_gradients():
    assert [one for one in GRADIENTS.split() if not names.is_of(one, "v")] == []
    assert [one for one in ("v", "vd", "du", "d", "dvv", "grad") if names.is_of(one, "v")] == []
    assert (
        names.is_of("dw", "weights") and names.is_of("db1", "bias1") and names.is_of("dB", "biases")
    )
    assert not names.is_of("dw", "weighted") and not names.is_of("dweight", "w")


@pytest.mark.parametrize(
    ("tells", "yes", "no"),
    [
        (names.is_cache, "cache caches l_cache cache_l _ctx Context mem saved_x stash tape", "c cached2 x memo"),
        (names.is_upstream, "dy dout grad_y delta upstream err top_diff g_y out_grad _d ygrad error", "y g out x"),
        (names.is_target, "y t gt y_true y_train truth ground_truth label targets actual one_hot", "yt x yy"),
        (names.is_parameter, "w b W1 bias biases weights_2 theta betas coef_ coefs intercept params", "x bx wb"),
    ],
)  # fmt: skip
def test_what_names_tell(tells, yes, no):
    assert [name for name in yes.split() if not tells(name)] == []
    assert [name for name in no.split() if tells(name)] == []


def test_the_name_of_a_backward_pass_and_what_it_takes_tell_which_is_which():
    def forward(x, W): ...
    def back_prop(dout, x): ...
    def unnamed(dout, cache): ...
    def other(dout, x): ...

    assert names.are_turned_round(back_prop, forward) and names.are_turned_round(unnamed, forward)
    assert not names.are_turned_round(forward, back_prop)
    assert not names.are_turned_round(other, forward)
    assert not names.are_turned_round(back_prop, unnamed)
    assert names.takes(unnamed) == ["dout", "cache"] and names.needs(lambda a, b=1: a) == ["a"]


def test_what_a_function_calls_what_it_returns():
    def several(x, layer):
        inner = x, 2 * x

        def nested():
            return x

        return inner, layer.W, layer["b"], x.reshape(-1), np.exp(x), [x, nested]

    assert names.returned_names(several) == {
        (0,): "inner", (0, 0): "x", (1,): "W", (2,): "b", (3,): "x", (5, 0): "x", (5, 1): "nested",
    }  # fmt: skip
    assert names.returned_names(len) == {}
    given = ("W, b c", ["W", "b", "c"], None)
    assert [names.words(one, "parameters") for one in given] == [["W", "b", "c"]] * 2 + [[]]
    with pytest.raises(TypeError, match="parameters is 3, expected names"):
        names.words(3, "parameters")
