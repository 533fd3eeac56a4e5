"""The instrumented copies of a forward and a backward pass, and what is noted of each statement, are kept."""

# ruff: noqa: F821, F841, RUF059
# What is copied is read here, and never runs.

import ast

from golden_files import agrees_to_the_letter

from gradcheck.lines.instrument import Backward, Forward, Instrument
from gradcheck.lines.recorder import Recorder
from gradcheck.lines.source import Source


def forward(self, x, W):
    h = scores = x @ W
    h -= h.max()
    self.p, n = np.exp(h), len(h)
    cache["x"], (low, high) = x, split(x)
    left, right = (side(half) for half in (low, high))
    y[0] = left
    y["l" + str(n)] = right
    grown = []
    for t in range(n):
        h = np.tanh(h + W)
        y[t] = h
        y[t] += 1
        if h[t]:
            grown.append(h)
            grown.append(1 / (1 + np.exp(-h)))
            grown.append((h, t))
    total: float = np.maximum(0, x @ W)

    def inner(z):
        z = helped(z)
        return z

    return total, inner


def backward(self, dy, cache):
    x, W = cache
    dx = np.zeros_like(x)
    dh, ds = 0, []
    dh += dy
    dx[0] = dh
    for t in reversed(range(3)):
        dx[t] = dy[t] * self.z
        dx[t] += dh
        dh = helped(dh, t)
        ds.append(dh)
        while dh:
            np.add.at(dx, t, dh)
            print(dx)
    grads = {"W": x.T @ dy, "b": dy.sum(axis=0)}
    dx + dy
    if dx:
        return {"x": dx, **grads, "all": [dx, -dh]}
    if dh:
        return *grads, dx
    return dx, (dh, None)


def helper(x, by=1):
    z = x * by + offset
    kept[0] = z
    return z


FILE = frozenset({__file__})


def noted(sites):
    """What is noted of each site, a line each."""
    for k, site in enumerate(sites):
        reads = " ".join(sorted(site.reads))
        also = [
            f"{name}={value}"
            for name, value in (("loop", site.loop and site.loop - site.line), ("path", site.path))
            if value is not None
        ]
        kind = ("whole" if site.whole else "part", "in place" * site.in_place, site.function, *also)
        yield f"{k} {site.variable}: {' '.join(filter(None, kind))}; reads {reads}; {site.text}"


def instrumented(function, direction, name="", upstream=()):
    """The copy's text, then what is noted."""
    recorder, source = Recorder(), Source.of(function)
    instrument = Instrument(recorder, [], direction, FILE)
    instrument.change(source, source.tree, name)
    if upstream:
        handler = direction(source, instrument.sites, name, frozenset())
        handler.upstream(source.tree, upstream)
    text = ast.unparse(ast.fix_missing_locations(source.tree))
    return "\n".join((text, *noted(instrument.sites), ""))


def test_the_copy_of_a_forward_pass():
    agrees_to_the_letter("instrument.forward.txt", instrumented(forward, Forward))


def test_the_copy_of_a_backward_pass():
    told = instrumented(backward, Backward, upstream=("dy",))
    agrees_to_the_letter("instrument.backward.txt", told)


def test_the_copy_of_a_helper_has_locals_of_its_own():
    agrees_to_the_letter("instrument.helper.txt", instrumented(helper, Backward, "helper"))


def test_without_files_no_call_is_followed():
    source = Source.of(forward)
    Instrument(Recorder(), [], Forward).change(source, source.tree)
    assert Forward.following not in ast.unparse(source.tree)


def test_functions_of_other_files_and_of_no_file_are_not_followed():
    instrument = Instrument(Recorder(), [], Forward, FILE)
    for other in (len, ast.parse, noted.__class__, 3):
        assert instrument.followed(other, "other") is other
    assert instrument.followed(noted, "noted") is not noted and set(instrument.helpers) == {noted}
    assert instrument.followed(noted, "noted").func is instrument.followed(noted, "other").func
