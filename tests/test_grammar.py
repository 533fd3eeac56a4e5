"""What could have been meant by what is written: every edit proposed, its price and the slip it mends, kept."""

import ast
from itertools import groupby

import numpy as np
from golden_files import agrees_to_the_letter

from gradcheck.repair import slips
from gradcheck.repair.grammar import LEFT_OUT, MISTAKEN
from gradcheck.repair.grammar.names import NAMED
from gradcheck.repair.grammar.operands import LEFT_OPERANDS
from gradcheck.repair.scope import Pool, Scope

BACKWARD = """
def backward(dy, cache):
    unused = cache["z"]
    for t in range(n):
        part = x[t, :] * np.clip(dy, 0, hi) + helped(x)
        dz = np.sum(part, axis=0) + states[t].reshape(2, -1) @ x[:2, 1:].T
    return dz, scale(x, W)
"""
FORWARD = "z = x @ W + 0.5"


def helped(a):
    return a * a


def twice(a, b):
    return a * b


def scale(dy, W, by=2):
    return dy * W * by


class Held:
    def __init__(self):
        self.z, self.mean = np.ones((2, 3)), 0.25


def scope():
    rng = np.random.default_rng(0)
    local = {
        "x": rng.normal(size=(2, 3)),
        "W": rng.normal(size=(3, 3)),
        "b": rng.normal(size=3),
        "images": rng.normal(size=(1, 2, 2, 3)),
        "mask": np.array([True, False, True]),
        "labels": np.array([2, 0]),
        "n": 2,
        "pad": 1,
        "rate": 0.5,
        "size": (2, 2),
        "train": True,
        "states": [np.ones(3), np.zeros(3)],
        "self": Held(),
        "t": 1,
        "hi": 3,
    }
    module = {"np": np, "helped": helped, "twice": twice, "scale": scale, "EPS": 1e-5}
    tree, ahead = ast.parse(BACKWARD).body[0], ast.parse(FORWARD)
    return Scope(local, module, Pool.of(tree, local, module, ahead), frozenset({"states"}))


MEANT = """
x += b | x -= b | x *= b | x /= b | x[0] = b | x[0] += b | z = x | h, w = x.shape
a, b, c, d, e, f, g = x
x + b | x - b | x * b | x / b | x @ W | x ** n | n // 2 | x * b * (1 - b) | 1 - b | (x + b) * b | x * (b - b)
-x | ~mask | not train | train | mask | x > 0 | mask == labels | b if train else x | train and mask | train or mask
x | W | b | images | n | rate | labels | size | missing | t | x.T | images.T
2 * x | 2 * x @ W | 2 * W
2 | 0 | 1.5 | 0.0 | True | None
range(n) | reversed(states) | np.sum(x) | x.sum(axis=0) | np.mean(x, axis=1, keepdims=True) | images.max()
np.exp(x) | np.zeros_like(x) | np.outer(b, b) | np.where(mask, b, 0) | x.swapaxes(0, 1) | scale(x, W) | helped(x)
(x, b) | (1, 2) | x[0] | x[1:, :] | states[0] | self.z | self.mean | x.shape[0] | len(x) | (x, b)[0]
np.cumsum(b) | np.cumsum(b[::-1])[::-1] | np.cumsum(x[::-1], axis=0)[::-1]
x[:2, 1:].T @ x[:2, 1:] | b * (1 - b) | np.exp(b) * np.exp(b) | states[0] - states[0]
"""
PLAIN = "x | W | images | labels | n | 2 * W | 2 * x @ W | x[1:, :] | (x, b)"
SLICES = "1: | :2 | n:n + 2 | t:t + 2 | ::2 | t:n:hi | :n:2 | :-pad"
NAMES = {id(value): name for name, value in vars(slips).items() if isinstance(value, slips.Slip)}


def node_of(text):
    statement = ast.parse(text).body[0]
    return statement.value if isinstance(statement, ast.Expr) else statement


def told(rules, node, here):
    """What some rules propose for a node, those of the same price and slip in one line."""
    several = [one for rule in rules for one in rule(node, here)]
    several.sort(key=lambda one: (one.price, NAMES.get(id(one.slip), "-")))
    for (price, slip), alike in groupby(several, lambda one: (one.price, one.slip)):
        texts = [
            ast.unparse(ast.fix_missing_locations(one.node))
            + (f" about {ast.unparse(one.about)}" if one.about is not None else "")
            for one in alike
        ]
        yield f"  {price:.4g} {NAMES.get(id(slip), '-')}: {' ¦ '.join(texts)}"


def agrees(name, rules, nodes, here):
    """What rules propose for nodes is what a golden file says."""
    found = ("\n".join((text, *told(rules, node, here))) for text, node in nodes.items())
    agrees_to_the_letter(f"grammar.{name}.txt", "\n".join(found) + "\n")


def test_what_may_be_mistaken_for_something_else():
    nodes = {text: node_of(text) for text in MEANT.strip().replace("\n", " | ").split(" | ")}
    nodes |= {f"[{text}]": node_of(f"x[{text}]").slice for text in SLICES.split(" | ")}
    agrees("mistaken", MISTAKEN, nodes, scope())


def test_what_may_have_been_left_out():
    rules = [one for one in LEFT_OUT if one not in LEFT_OPERANDS]
    agrees("left_out", rules, {text: node_of(text) for text in PLAIN.split(" | ")}, scope())


def test_what_may_be_a_factor_or_a_term_more():
    """Of all that is at hand a little: each is proposed beside each operator."""
    everything = scope()
    few = {name: everything.local[name] for name in ("x", "b", "labels", "n")}
    few["left"] = few["x"] + 1
    tree, ahead = ast.parse("dx = x[:n] * b\nleft = x"), ast.parse("x ** 3")
    here = Scope(few, {"helped": helped}, Pool.of(tree, few, {"helped": helped}, ahead))
    nodes = {text: node_of(text) for text in ("x", "n", "2")}
    agrees("operands", LEFT_OPERANDS, nodes, here)


def test_what_is_given_a_value_and_read_nowhere_is_the_likeliest_name():
    local = {"x": np.ones((2, 3)), "z": np.ones((2, 3)), "left": np.ones((2, 3))}
    here = Scope(local, {}, Pool.of(ast.parse("left = z\ny = x * z[:]"), local, {}, ast.Pass()))
    for written in ("x", "z[:]"):
        several = (one for rule in NAMED for one in rule(node_of(written), here))
        assert ast.unparse(min(several, key=lambda one: one.price).node) == "left"


def test_what_an_image_is_cut_and_counted_by():
    """A place in a window laid flat, a channel, the padding on both sides, what a dict holds beside."""

    class Layer:
        pad = 2

    held = {"before": np.ones(3), "after": np.ones(3), "kept": 1}
    local = {"x": np.ones((4, 4)), "n": 1, "c": 2, "held": held, "self": Layer()}
    tree = ast.parse("y = x[n, c]\nz = x[self.pad:, :]")
    here = Scope(local, {}, Pool.of(tree, local, {}, ast.Pass()))
    meant = {
        "c % n": "c // n",
        "c // n": "c % n",
        "x[n, 0]": "x[n, c]",
        "held['before']": "held['after']",
        "x[2 * self.pad:, 2 * self.pad:]": "x[self.pad:-self.pad, self.pad:-self.pad]",
    }
    for written, other in meant.items():
        several = (one for rule in MISTAKEN for one in rule(node_of(written), here))
        assert other in {ast.unparse(one.node) for one in several}, written
    kept = (one for rule in MISTAKEN for one in rule(node_of("held['before']"), here))
    assert "held['kept']" not in {ast.unparse(one.node) for one in kept}
