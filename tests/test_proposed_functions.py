"""Inputs proposed for functions with all parameters in a vector, with sizes that they are told, with helpers."""

import re

import pytest
from handed_in import records, write

from reports.targets.inlined import whole_text

AHEAD = "import numpy as np\nN, D = 6, 4\n"

VECTOR = """
def ratings_loss(theta, ratings, seen, users, films, k, lam):
    P = theta[:films * k].reshape(films, k)
    Q = theta[films * k:].reshape(users, k)
    off = (P @ Q.T - ratings) * seen
    dP = off @ Q + lam * P
    dQ = off.T @ P + lam * Q
    value = 0.5 * np.sum(off**2) + 0.5 * lam * (np.sum(P**2) + np.sum(Q**2))
    return value, np.concatenate([dP.ravel(), dQ.ravel()])
"""

HELPERS = """
def scores(X, model):
    return X @ model["W"] + model["b"]

def classes_loss(X, y, model):
    z = np.exp(scores(X, model))
    p = z / z.sum(axis=1, keepdims=True)
    value = -np.mean(np.log(p[np.arange(len(y)), y]))
    dz = p.copy()
    dz[np.arange(len(y)), y] -= 1
    dz /= len(y)
    return value, {"W": X.T @ dz, "b": dz.sum(axis=0)}
"""

SIMULATED = """
def advance(state, push):
    a, b, c, d = state
    left, right = push
    return np.array([a + 0.1 * b, b - 0.1 * a + left, c + 0.1 * d, d + right])

def control_cost(start, pushes):
    states = np.zeros((N + 1, D))
    states[0] = start
    for k in range(N):
        states[k + 1] = advance(states[k], pushes[k])
    A, B = np.eye(D), np.zeros((D, 2))
    A[0, 1] = A[2, 3] = 0.1
    A[1, 0] = -0.1
    B[1, 0] = B[3, 1] = 1
    value, grad, adjoint = 0.0, np.zeros_like(pushes), 2 * states[N]
    for k in range(N):
        value += states[k] @ states[k] + pushes[k] @ pushes[k]
    for k in reversed(range(N)):
        grad[k] = 2 * pushes[k] + B.T @ adjoint
        adjoint = 2 * states[k] + A.T @ adjoint
    return value + states[N] @ states[N], grad
"""

LAYERS = """
def two_layers_loss(X, Y, W1, b1, W2, b2):
    h = np.tanh(X @ W1 + b1)
    z = np.exp(h @ W2 + b2)
    p = z / z.sum(axis=1, keepdims=True)
    loss = -np.sum(Y * np.log(p)) / len(X)
    dz = (p - Y) / len(X)
    dh = (dz @ W2.T) * (1 - h**2)
    return loss, (X.T @ dh, dh.sum(axis=0), h.T @ dz, dz.sum(axis=0))
"""

SINGLE = """
def line_loss(Xb, yb, W, b, reg):
    off = np.dot(Xb, W) + b - yb
    loss = np.mean(off**2) + reg * np.sum(W * W)
    grad_W = 2 * np.dot(Xb.T, off) / Xb.shape[0] + 2 * reg * W
    grad_b = 2 * np.mean(off)
    return loss, grad_W, grad_b
"""

NODES = """
class Node:
    def __init__(self, value, back=lambda g: None):
        self.value, self.grad, self.back = value, 0.0, back

    def __matmul__(self, other):
        def back(g):
            self.pass_back(g @ other.value.T)
            other.pass_back(self.value.T @ g)
        return Node(self.value @ other.value, back)

    def tanh(self):
        t = np.tanh(self.value)
        return Node(t, lambda g: self.pass_back(g * (1 - t**2)))

    def pass_back(self, g):
        self.grad = self.grad + g
        self.back(g)

def nodes_loss(X, V, W):
    X, V, W = Node(X), Node(V), Node(W)
    out = (X @ V).tanh() @ W
    out.pass_back(2 * out.value)
    return np.sum(out.value**2), (X.grad, V.grad, W.grad)
"""

VALLEY = """
def valley(a, b):
    return (1 - a) ** 2 + 10 * (b - a**2) ** 2

def valley_grad(a, b):
    da = -2 * (1 - a) - 40 * a * (b - a**2)
    return np.array([da, 20 * (b - a**2)])
"""

ONE = """
def picked_loss(scores, target_idx):
    p = np.exp(scores)
    return -np.log(p[target_idx] / p.sum())

def picked_gradient(scores, target_idx):
    p = np.exp(scores)
    grad = p / p.sum()
    grad[target_idx] -= 1.0
    return grad
"""

SHORT = """
def short_loss(X, W, y=None):
    \"\"\"Scores, or the loss.

    - X: rows, an array of shape (N, features)
    - W: weights; has shape (features, C)
    \"\"\"
    scores = X.dot(W)
    if y is None:
        return scores
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(X))
    loss = -np.mean(np.log(p[rows, y]))
    p[rows, y] -= 1
    return loss, X.T.dot(p) / len(X)
"""

PAIRS = """
def pair_strength(places):
    r = places[1:] - places[:-1]
    return np.sum(r**4)

def pair_gradient(places):
    r = 4 * (places[1:] - places[:-1]) ** 3
    grad = np.zeros_like(places)
    grad[1:] += r
    grad[:-1] -= r
    return grad
"""

LOOPS = """
def loops_loss(theta, X, y):
    value, grad = 0.0, np.zeros_like(theta)
    for i in range(X.shape[0]):
        z = np.exp([np.dot(theta[:, k], X[i]) for k in range(theta.shape[1])])
        for k in range(theta.shape[1]):
            value -= (y[i] == k) * np.log(z[k] / z.sum())
            grad[:, k] += X[i] * (z[k] / z.sum() - (y[i] == k))
    return value, grad
"""

CHAIN = """
def chain_energy(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2)

def chain_energy_gradient(x):
    grad, n = np.zeros(len(x)), len(x)
    grad[0] = -4 * x[0] * (x[1] - x[0] ** 2)
    grad[n - 1] = 2 * (x[n - 1] - x[n - 2] ** 2)
    for i in range(1, n - 1):
        grad[i] = 2 * (x[i] - x[i - 1] ** 2) - 4 * x[i] * (x[i + 1] - x[i] ** 2)
    return grad
"""

SIGNED = """
def squash(z):
    return 1 / (1 + np.exp(-z))

def signed_loss(theta, X, y):
    p = squash(X.dot(theta))
    return np.sum(np.abs(theta)) - np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))

def signed_loss_gradient(theta, X, y):
    return np.sign(theta) + X.T.dot(squash(X.dot(theta)) - y)
"""

CHOSEN = """
def chosen_loss(w, X, y):
    p = 1 / (1 + np.exp(-X @ w))
    loss = -np.sum(np.where(y == 1, np.log(p), np.log(1 - p)))
    return loss, X.T @ (p - (y == 1))
"""

WINDOWS = """
def correlate_forward(x, w):
    H, W = x.shape
    h, k = w.shape
    out = np.zeros((H - h + 1, W - k + 1))
    for i in range(len(out)):
        for j in range(out.shape[1]):
            out[i, j] = np.sum(x[i : i + h, j : j + k] * w)
    return out, (x, w)

def correlate_backward(dout, cache):
    x, w = cache
    h, k = w.shape
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(len(dout)):
        for j in range(dout.shape[1]):
            dx[i : i + h, j : j + k] += dout[i, j] * w
            dw += dout[i, j] * x[i : i + h, j : j + k]
    return dx, dw
"""

STEPS = """
def smooth_forward(x, stride):
    n = (len(x) - 3) // stride + 1
    return np.array([x[i * stride : i * stride + 3].sum(axis=0) for i in range(n)]), (x, stride)

def smooth_backward(dout, cache):
    x, stride = cache
    dx = np.zeros_like(x)
    for i in range(len(dout)):
        dx[i * stride : i * stride + 3] += dout[i]
    return dx
"""

WEIGHTED = """
def squares_loss(X, w, y, sample_weight):
    off = X @ w - y
    value = np.sum(sample_weight * off**2)
    dw = 2 * X.T @ (sample_weight * off)
    return value, dw
"""

CASES = {
    "windows": (WINDOWS, "correlate", "dx[i : i + h, j : j + k] +=", "dx[i : i + h, j : j + k] ="),
    "a stride": (STEPS, "smooth", "3] +=", "3] ="),
    "weights": (WEIGHTED, "squares_loss", "(sample_weight * off)", "(sample_weight**2 * off)"),
    "numbers of both signs": (SIGNED, "signed_loss", "np.sign(theta) +", "1 +"),
    "a vector with a middle": (CHAIN, "chain_energy", "= 2 * (x[i] -", "= (x[i] -"),
    "a model with several outputs": (LOOPS, "loops_loss", "- (y[i] == k))", "+ (y[i] == k))"),
    "coordinates": (VALLEY, "valley", "- 40 * a", "+ 40 * a"),
    "a single class": (ONE, "picked_loss", "    grad[target_idx] -= 1.0\n", ""),
    "labels that may be left out": (SHORT, "short_loss", "X.T.dot(p) / len(X)", "X.T.dot(p)"),
    "a gradient that begins alike": (PAIRS, "pair_strength", "    grad[:-1] -= r\n", ""),
    "a vector": (VECTOR, "ratings_loss", "dQ = off.T @ P + lam * Q", "dQ = off.T @ P"),
    "a mask": (VECTOR, "ratings_loss", "dP = off @ Q", "dP = (P @ Q.T - ratings) @ Q"),
    "helpers": (HELPERS, "classes_loss", "    dz /= len(y)\n", ""),
    "sizes of the module": (SIMULATED, "control_cost", "A.T @ adjoint", "A @ adjoint"),
    "gradients in a tuple": (LAYERS, "two_layers_loss", "* (1 - h**2)", ""),
    "classes in rows": (LAYERS, "two_layers_loss", "dz = (p - Y)", "dz = (p - 2 * Y)"),
    "one class of two": (CHOSEN, "chosen_loss", "p - (y == 1)", "p"),
    "a single output": (SINGLE, "line_loss", "+ 2 * reg * W", "+ reg * W"),
    "a method that keeps the axes": (NODES, "nodes_loss", "(1 - t**2)", "(1 - t)"),
}


def seen(folder, capsys, text, name):
    """The verdict on a function in a file, and what is said of its inputs."""
    place = write(folder, hw=AHEAD + text) / "hw.py"
    _, (one,) = records(capsys, f"{place}:{name}", "--effort", "directional")
    return one["verdict"], one["notes"]


@pytest.mark.parametrize(("text", "name", "right", "wrong"), CASES.values(), ids=CASES)
def test_what_is_right_passes_and_what_is_wrong_is_convicted(
    tmp_path, capsys, text, name, right, wrong
):
    assert text.count(right) == 1
    assert seen(tmp_path, capsys, text, name)[0] == "PASS"
    assert seen(tmp_path, capsys, text.replace(right, wrong), name)[0] == "FAIL"


def test_data_of_a_kind_that_a_gradient_needs_are_said(tmp_path, capsys):
    _, (told, kind) = seen(tmp_path, capsys, VECTOR, "ratings_loss")
    assert "ratings (2, 4), seen (2, 4) of zeros and ones" in told
    assert kind == "With any other numbers in seen a gradient is wrong."


def test_a_bias_is_no_single_number_beside_weights_of_several_outputs(tmp_path, capsys):
    assert "yb (3,), W (5,), b ()" in seen(tmp_path, capsys, SINGLE, "line_loss")[1][0]


def test_what_is_asked_by_words_that_nobody_knows_is_asked_for(tmp_path, capsys):
    """No array is proposed for p[f"W{k}"]."""
    text = "def deep_loss(x, p):\n    return sum(p[f'W{k}'] @ x for k in range(2)), {}\n"
    text += "def deep_loss_gradient(x, p):\n    return x\n"
    place = write(tmp_path, hw=AHEAD + text) / "hw.py"
    status, (one,) = records(capsys, f"{place}:deep_loss")
    assert status == 2 and "no inputs for deep_loss" in one["error"]


def twice(x):
    return twice(x) + x


def four_times(x):
    y = twice(x)
    return y


def test_a_helper_that_calls_itself_has_an_end():
    assert re.search(r"y = twice\(x\) \+ x \+ x \+ x$", whole_text(four_times), re.MULTILINE)


def test_no_zeros_and_ones_are_proposed_where_they_would_excuse_a_mistake(tmp_path, capsys):
    wrong = """
        import numpy as np

        def scaled_loss(w, x):
            dw = 2 * w * x
            return np.sum((w * x)**2), dw
    """
    status, (report,) = records(capsys, write(tmp_path, own=wrong) / "own.py")
    assert status == 1 and report["verdict"] == "FAIL"


SUMMED = """
def affine_forward(x, W, b):
    return {product} + b, (x, W)

def affine_backward(dout, cache):
    x, W = cache
    return {dx}, {dW}, dout.sum(axis={axis}, keepdims=True)
"""

NORM = """
def norm_forward(x, gamma, beta):
    centred = x - x.mean(axis={along}, keepdims=True)
    std = np.sqrt((centred**2).mean(axis={along}, keepdims=True) + 1e-5)
    hat = centred / std
    return gamma * hat + beta, (hat, std, gamma)

def norm_backward(dout, cache):
    hat, std, gamma = cache
    d = dout * gamma
    mean = lambda v: v.mean(axis={along}, keepdims=True)
    dx = (d - mean(d) - hat * mean(d * hat)) / std
    return dx, (dout * hat).sum(axis={scale}, keepdims=True), dout.sum({shift}keepdims=True)
"""


@pytest.mark.parametrize(
    "text",
    [
        SUMMED.format(product="x @ W", dx="dout @ W.T", dW="x.T @ dout", axis=1),
        SUMMED.format(product="W @ x", dx="W.T @ dout", dW="dout @ x.T", axis=0),
        NORM.format(along=1, scale=1, shift="axis=1, "),
        NORM.format(along="(0, 2, 3)", scale="(0, 2, 3)", shift=""),
        NORM.format(along="(0, 2, 3)", scale="(0, 1, 2, 3)", shift="axis=(0, 2, 3), "),
    ],
    ids=["rows", "columns", "of each example", "one shift for all", "one scale for all"],
)
def test_no_bias_or_scale_is_proposed_that_a_sum_along_the_wrong_axis_fits(tmp_path, capsys, text):
    status, (one,) = records(capsys, write(tmp_path, hw=AHEAD + text) / "hw.py")
    assert status != 0 and one.get("verdict") != "PASS"


FEW = """
def hinge_loss(w, X, y):
    s = np.where(y == 1, 1, -1)
    m = 1 - s * (X @ w)
    loss = np.maximum(0, m).mean()
    grad = -(X.T @ (s * (m > 0))) / len(y)
    return loss, grad
"""


def test_no_few_examples_excuse_what_all_lie_on_one_side_of(tmp_path, capsys):
    for text, status in ((FEW, 0), (FEW.replace("(s * (m > 0))", "s"), 1)):
        assert records(capsys, write(tmp_path, hw=AHEAD + text) / "hw.py")[0] == status


NET = """
def init_net(sizes, rng):
    pairs = enumerate(zip(sizes[:-1], sizes[1:]), 1)
    net = {}
    for k, (n, m) in pairs:
        net[f"W{k}"], net[f"b{k}"] = 0.01 * rng.normal(size={shape}), np.zeros({bias})
    return net

def forward(X, net):
    A, kept = X, {"A0": X}
    for k in range(1, len(net) // 2 + 1):
        A = 1 / (1 + np.exp(-({product})))
        kept[f"A{k}"] = A
    return A, kept

def squared_loss(A, T):
    return 0.5 * np.sum((A - T) ** 2)

def backward(kept, net, T):
    grads, last = {}, len(net) // 2
    dA = kept[f"A{last}"] - T
    for k in range(last, 0, -1):
        A, before = kept[f"A{k}"], kept[f"A{k - 1}"]
        dZ = dA * A * (1 - A)
        grads[f"dW{k}"], grads[f"db{k}"] = {dW}, dZ.sum(axis={axis}, keepdims=True)
        dA = {dA}
    return grads
"""
ROWS = {
    "{shape}": "(n, m)", "{bias}": "(1, m)", "{axis}": "0", "{dW}": "before.T @ dZ",
    "{product}": 'A @ net[f"W{k}"] + net[f"b{k}"]', "{dA}": 'dZ @ net[f"W{k}"].T',
}  # fmt: skip
COLUMNS = {
    "{shape}": "(m, n)", "{bias}": "(m, 1)", "{axis}": "1", "{dW}": "dZ @ before.T",
    "{product}": 'net[f"W{k}"] @ A + net[f"b{k}"]', "{dA}": 'net[f"W{k}"].T @ dZ',
}  # fmt: skip


def without_its_beginning(text):
    return text[text.index("def forward") :]


def with_words_put_together(text):
    begun = without_its_beginning(text)
    return begun.replace('net[f"W{k}"]', 'net["W" + str(k)]').replace('f"b{k}"', '"b" + str(k)')


BEGUN = [lambda text: text, without_its_beginning, with_words_put_together]


@pytest.mark.parametrize("begun", BEGUN, ids=["by its file", "by its keys", "by words"])
@pytest.mark.parametrize("layout", [ROWS, COLUMNS], ids=["rows", "columns"])
def test_a_net_is_begun_as_its_file_begins_it(tmp_path, capsys, layout, begun):
    """Its numbers are others: biases of zeros and weights of a hundredth would hide what is wrong with them."""
    text = NET
    for hole, filling in layout.items():
        text = text.replace(hole, filling)
    text = AHEAD + begun(text)
    status, (right,) = records(capsys, write(tmp_path, net=text) / "net.py")
    shapes = {row["name"]: row["shape"] for row in right["rows"]}
    assert status == 0 and sorted(shapes) == ["net.W1", "net.W2", "net.b1", "net.b2"]
    wrong = text.replace("A * (1 - A)", "(1 - A)")
    status, (report,) = records(capsys, write(tmp_path, net=wrong) / "net.py")
    assert status == 1 and report["repair"]["after"].strip() == "dZ = dA * (A * (1 - A))"


BY_NAME = """
def margin_loss(w, X, y, *, margin, decay):
    return np.maximum(0, margin - y * (X @ w)).sum() + decay * w @ w

def margin_loss_gradient(w, X, y, *, margin, decay):
    active = margin - y * (X @ w) > 0
    return -(y * active) @ X + 2 * decay * w
"""
LISTED = """
def cost(theta, X, y):
    off = X @ theta - y
    J = 0.5 * off @ off
    grad = X.T @ off
    return [J, grad]
"""
VALLEY = """
def valley(x, y):
    return (x - 1) ** 2 + 100 * (y - x**2) ** 2

def valley_grad(x, y):
    across = 200 * (y - x**2)
    return 2 * (x - 1) - 2 * x * across, across
"""


@pytest.mark.parametrize(
    ("text", "right", "wrong", "rows"),
    [
        (LISTED, "X.T @ off", "X.T @ off / 2", {"theta"}),
        (BY_NAME, "2 * decay", "decay", {"w"}),
        (VALLEY, "2 * x * across,", "x * across,", {"x", "y"}),
    ],
    ids=["a list", "numbers by name", "a tuple of derivatives"],
)
def test_a_value_has_its_gradients_beside_it(tmp_path, capsys, text, right, wrong, rows):
    status, (one,) = records(capsys, write(tmp_path, own=AHEAD + text) / "own.py")
    assert status == 0 and {row["name"] for row in one["rows"]} == rows
    mistaken = write(tmp_path, own=AHEAD + text.replace(right, wrong)) / "own.py"
    assert records(capsys, mistaken)[0] == 1


EACH = """
def project(x, W):
    return x @ W

def project_back(dy, x, W):
    return dy @ W.T, np.einsum("nti,ntj->ij", x, dy)

def mix_forward(x, W):
    return project(x, W), (x, W)

def mix_backward(dy, cache):
    dx, dW = project_back(dy, *cache)
    return dx, dW
"""
PAIRS = """
def pairs_loss(z):
    n = len(z) // 2
    assert len(z) == 2 * n
    s = z @ z.T - 1e9 * np.eye(2 * n)
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows, other = np.arange(2 * n), (np.arange(2 * n) + n) % (2 * n)
    loss = -np.log(p[rows, other]).sum()
    p[rows, other] -= 1
    dz = (p + p.T) @ z
    return loss, dz
"""


@pytest.mark.parametrize(
    ("text", "right", "wrong", "axes"),
    [(EACH, "dy @ W.T", "-dy @ W.T", 3), (PAIRS, "(p + p.T) @ z", "p @ z", 2)],
    ids=["batches of rows", "pairs, of which one shows nothing"],
)
def test_inputs_fit_the_way_back_too_and_show_something(tmp_path, capsys, text, right, wrong, axes):
    status, (one,) = records(capsys, write(tmp_path, own=AHEAD + text) / "own.py")
    assert status == 0 and len(one["rows"][0]["shape"]) == axes
    mistaken = write(tmp_path, own=AHEAD + text.replace(right, wrong)) / "own.py"
    assert records(capsys, mistaken)[0] == 1


SCAN = """
def scan_forward(a, b, u):
    # a, b: (T, N); u: (T,)
    h = np.zeros((len(a) + 1, a.shape[1]))
    for t in range(len(a)):
        h[t + 1] = a[t] * h[t] + b[t] * u[t]
    return h[1:], (a, b, u, h)

def scan_backward(dy, saved):
    a, b, u, h = saved
    da, db, du, dh = np.zeros_like(a), np.zeros_like(b), np.zeros_like(u), np.zeros(a.shape[1])
    for t in reversed(range(len(a))):
        dh = dh + dy[t]
        da[t] = dh * h[t]
        db[t] = dh * u[t]
        du[t] = dh @ b[t]
        dh = dh * a[t]
    return da, db, du
"""


def test_shapes_that_a_comment_names_are_proposed(tmp_path, capsys):
    status, (one,) = records(capsys, write(tmp_path, scan=AHEAD + SCAN) / "scan.py")
    assert status == 0, one
    assert [row["shape"] for row in one["rows"]] == [[3, 5], [3, 5], [3]]


def test_the_sizes_of_real_data_are_as_good_as_letters(tmp_path, capsys):
    large = SCAN.replace("(T, N)", "(60000, 784)").replace("(T,)", "(60000,)")
    status, (one,) = records(capsys, write(tmp_path, scan=AHEAD + large) / "scan.py")
    assert status == 0, one
    assert [row["shape"] for row in one["rows"]] == [[3, 5], [3, 5], [3]]


TURNED = """
def turn(x):
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([0.6 * a - 0.8 * b, 0.8 * a + 0.6 * b], axis=-1)

def turn_grad(grad):
    a, b = np.split(grad, 2, axis=-1)
    return np.concatenate([0.6 * a + 0.8 * b, 0.6 * b - 0.8 * a], axis=-1)
"""


@pytest.mark.parametrize(("sign", "status"), [("+", 0), ("-", 1)])
def test_what_takes_its_upstream_gradient_alone_is_no_derivative(tmp_path, capsys, sign, status):
    text = AHEAD + TURNED.replace("0.6 * a + 0.8", f"0.6 * a {sign} 0.8")
    assert records(capsys, write(tmp_path, turn=text) / "turn.py")[0] == status
