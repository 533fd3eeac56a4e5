"""Checks beside and within each other say what each says alone; nothing but an import comes of an import."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import numpy as np
from examples import dense, tanh

from gradcheck import check

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2)), RNG.normal(size=2)


def slipped(x):
    y = np.tanh(x)

    def backward(dy):
        slope = 1 + y * y
        dx = dy * slope
        return dx

    return y, backward


def told(layer, *inputs):
    """All that a report says, with its repair, which is looked for only then."""
    report = check(layer, *inputs)
    return report.to_json(arrays=True), str(report), str(report.smallest()) if report.rows else ""


CASES = [(slipped, X[:2]), (tanh, X), (dense, X, W, B), (slipped, X[0]), (tanh, X[:2])]


def test_checks_in_threads_say_what_they_say_one_after_the_other():
    alone = [told(*case) for case in CASES]
    # Each beside the others, and one beside itself.
    cases, expected = [*CASES, CASES[0]], [*alone, alone[0]]
    with ThreadPoolExecutor(len(cases)) as pool:
        assert list(pool.map(lambda case: told(*case), cases)) == expected


TURNS = count()


def is_judged_truly(inner):
    # Of many calls alike each eighth searches the line and its repair too.
    lines = None if next(TURNS) % 8 == 0 else False
    return check(inner, X[0, :1], lines=lines).passed == (inner is tanh)


def within(x, *, slip, inner):
    """A layer that checks another one on its way forward and back."""

    def backward(dy):
        assert is_judged_truly(inner)
        dx = (2 + slip) * x * dy
        return dx

    assert is_judged_truly(inner)
    return x * x, backward


def test_a_layer_that_calls_check_itself_is_checked_and_so_is_the_other():
    for inner in (tanh, slipped):
        assert check(partial(within, slip=0, inner=inner), X[0, :1]).passed
    report = check(partial(within, slip=1, inner=tanh), X[0, :1], lines=False)
    assert [str(row.verdict) for row in report.rows] == ["FAIL"]


IMPORTED = """
import logging, os, random, signal, sys, threading, warnings
import numpy as np

def world():
    return (
        dict(os.environ), list(sys.path), sys.excepthook, sys.getrecursionlimit(), threading.active_count(),
        [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)], list(warnings.filters),
        list(logging.root.handlers), np.geterr(), np.get_printoptions(), random.getstate(),
        np.random.get_state()[1].tobytes(), os.getcwd(), sorted(os.listdir()), sys.dont_write_bytecode,
    )

before = world()
import gradcheck
for name in gradcheck.__all__:
    getattr(gradcheck, name)
assert world() == before
strange = {"tensorflow", "torch", "jax", "matplotlib", "reports", "layers"}
assert not strange & {name.split(".")[0] for name in sys.modules}
"""


def test_an_import_changes_nothing(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=tmp_path, env=environment, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_reports_do_not_depend_on_the_seed_of_hashes(tmp_path):
    """In the order of a set everything is another in each process."""
    (tmp_path / "hw.py").write_text(
        "import numpy as np\n\n\ndef slipped(x, W):\n    z = x @ W\n    y = np.tanh(z)\n\n    def backward(dy):\n"
        "        dz = dy * (1 + y * y)\n        return dz @ W.T, x.T @ dz\n\n    return y, backward\n\n\n"
        "def slipped_inputs(rng):\n    return {'x': rng.normal(size=(3, 4)), 'W': rng.normal(size=(4, 2))}\n"
    )
    command = [sys.executable, "-m", "gradcheck", "check", "hw.py", "--format", "json"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    said = {
        subprocess.run(
            command,
            cwd=tmp_path,
            env={**environment, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(said) == 1 and b'"FAIL"' in said.pop()
