"""Interrupted work goes on, even after SIGKILL, and is refused where what it depends on has changed."""

import importlib
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from examples import tanh

from gradcheck import check, check_loss, check_many
from gradcheck.journal import Changed, Journal, facts_of
from gradcheck.sources import sources_of

LAYERS = """
import sys
import time
from pathlib import Path
import numpy as np


def loss(x):
    if "hangs" in sys.argv and len([*Path("journal").glob("*.pickle")]) == 2:
        time.sleep(600)
    return (np.sin(x) ** 2).sum(), lambda dL: dL * np.sin(2 * x)
"""

WORK = """
from functools import partial
import numpy as np
import gradcheck.slices
from gradcheck import check, check_loss, check_many
import layers_here

gradcheck.slices.SLICE = 20
x = np.random.default_rng(0).normal(size=(10, 10))
tasks = [partial(check, layers_here.loss, x), partial(check, layers_here.loss, x[:2])]
for report in check_many(tasks, journal="journal", resume=True):
    print(report.to_json(arrays=True))
"""


@pytest.fixture
def started(tmp_path):
    """Starts the work in a process of its own, which hangs where two entries are written if that is asked for."""
    (tmp_path / "layers_here.py").write_text(LAYERS)
    (tmp_path / "work.py").write_text(WORK)

    def start(*how):
        path = os.pathsep.join([str(tmp_path), os.getcwd()])
        command = [sys.executable, str(tmp_path / "work.py"), *how]
        return subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE
        )

    return start


def entries(folder):
    return {place.name: place.stat().st_mtime_ns for place in folder.glob("*.pickle")}


def test_work_that_was_killed_goes_on_where_it_was(started, tmp_path):
    folder = tmp_path / "journal"
    going = started("hangs")
    while len(entries(folder)) < 2 and going.poll() is None:
        time.sleep(0.01)
    going.send_signal(signal.SIGKILL)
    going.communicate()
    assert going.returncode == -signal.SIGKILL
    before = entries(folder)
    assert len(before) == 2
    interrupted, _ = started().communicate()
    after = entries(folder)
    # Five slices of the first gradient, and two reports; none is done again.
    assert len(after) == 7 and after.items() >= before.items()
    for place in folder.iterdir():
        place.unlink()
    assert started().communicate()[0] == interrupted


def test_reports_come_from_the_journal_until_it_is_begun_anew(tmp_path):
    def counted(x):
        counted.calls += 1
        return tanh(x)

    counted.calls, task = 0, partial(check, counted, np.ones(3))
    run = partial(check_many, [task], journal=tmp_path)
    first, used = run()[0], counted.calls
    assert used and run(resume=True)[0].to_json() == first.to_json() and counted.calls == used
    run()
    assert counted.calls == 2 * used


def other(x):
    return np.tanh(x), lambda dy: dy * (1 - np.tanh(x) ** 2)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (partial(check, other, np.ones(3)), "the code and the inputs changed"),
        (partial(check, tanh, np.full(3, 2.0)), "the inputs changed"),
        (partial(check, tanh, np.ones(3), seed=1), "the options changed"),
    ],
)
def test_what_depends_on_something_else_is_refused(tmp_path, changed, what):
    before = check_many([partial(check, tanh, np.ones(3))], journal=tmp_path)
    with pytest.raises(Changed, match=what):
        check_many([changed], journal=tmp_path, resume=True)
    again = check_many([partial(check, tanh, np.ones(3))], journal=tmp_path, resume=True)
    assert again[0].to_json() == before[0].to_json()


def scaled_by(k):
    return lambda x: (x**2, lambda dy: k * x * dy)


class Scaled:
    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        return x**2, lambda dy: self.k * x * dy


HOLDING = {
    "closure": lambda k: partial(check, scaled_by(k), np.ones(3)),
    "inner closure": lambda k: partial(check, scaled_by(np.full(3, k)), np.ones(3)),
    "object": lambda k: partial(check, Scaled(k), np.ones(3)),
    "method": lambda k: partial(check, Scaled(k).__call__, np.ones(3)),
    "default": lambda k: partial(
        check, lambda x, *, k=k: (x**2, lambda dy: k * x * dy), np.ones(3)
    ),
    "no partial": lambda k: lambda: check(scaled_by(k), np.ones(3)),
    "how it is checked": lambda k: partial(check if k == 2 else check_loss, scaled_by(2), 1.0),
}


@pytest.mark.parametrize("held", HOLDING)
def test_a_function_of_the_same_name_that_holds_something_else_is_another(tmp_path, held):
    check_many([HOLDING[held](2)], journal=tmp_path)
    assert check_many([HOLDING[held](2)], journal=tmp_path, resume=True)
    with pytest.raises(Changed, match="the inputs changed"):
        check_many([HOLDING[held](3)], journal=tmp_path, resume=True)


def test_a_function_that_stands_in_no_file_is_told_by_what_it_does():
    """In a notebook a cell may be run again after it was changed, and what a layer calls may stand in another."""
    made = {}
    for factor in (2, 3):
        scope = {"__name__": "__main__"}
        for cell in (
            f"def go_back(x, dy): return {factor} * x * dy",
            "def layer(x): return x**2, lambda dy: go_back(x, dy)",
        ):
            exec(compile(cell, "<cell>", "exec"), scope)
        made[factor] = facts_of([partial(check, scope["layer"], np.ones(2))])["inputs"]
    assert made[2] != made[3]


TOLD = """
import numpy as np
from gradcheck.digests import digest_of

class Held:
    def __init__(self):
        self.names, self.rng, self.me = {"a", "b", "c"}, np.random.default_rng(0), self
        self.thing = np.array([None, "x"], dtype=object)

def layer(x, held=Held()):
    return (lambda: x in {"p", "q", "r"}), len, np.sum, print

print(digest_of([layer, Held().__init__, open(__import__("os").devnull)]))
"""


def test_a_digest_is_the_same_in_another_process():
    """Addresses and the order of sets are others there."""
    said = {
        subprocess.run(
            [sys.executable, "-c", TOLD],
            env={**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(said) == 1 and said.pop().strip()


def test_another_version_is_refused(tmp_path, monkeypatch):
    task = partial(check, tanh, np.ones(3))
    check_many([task], journal=tmp_path)
    monkeypatch.setattr("gradcheck.journal.__version__", "0")
    with pytest.raises(Changed, match="the version changed"):
        check_many([task], journal=tmp_path, resume=True)


def test_an_entry_is_whole_or_not_there(tmp_path, monkeypatch):
    journal = Journal(tmp_path, {}, resume=False)

    def interrupted(self, place):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.put("key", 1)
    assert journal.get("key") is None and journal.done("key", lambda: 2) == 2
    assert Journal(tmp_path, {}, resume=True).get("key") == 2


def test_an_edited_file_is_other_code(tmp_path, monkeypatch):
    place = tmp_path / "saved_twice.py"
    place.write_text("def layer(x):\n    return 2 * x, lambda dy: 2 * dy\n")
    monkeypatch.syspath_prepend(tmp_path)
    import saved_twice

    before = facts_of([partial(check, saved_twice.layer, np.ones(2))])
    place.write_text(place.read_text() + "# another line\n")
    after = facts_of([partial(check, saved_twice.layer, np.ones(2))])
    assert {name for name in before if before[name] != after[name]} == {"code"}


def test_an_error_is_not_kept(tmp_path):
    def once(x):
        once.calls += 1
        if once.calls == 1:
            raise RuntimeError("the first time")
        return tanh(x)

    once.calls, task = 0, partial(check, once, np.ones(3))
    assert not check_many([task], journal=tmp_path)[0].passed
    assert check_many([task], journal=tmp_path, resume=True)[0].passed


def test_what_the_file_of_a_layer_imports_is_code_too(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "handed_in_here"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "constants.py").write_text("K = 2\n")
    (package / "helpers.py").write_text("from .constants import K\n")
    (package / "layers.py").write_text(
        "from . import helpers\n\n\ndef layer(x):\n    return 2 * x, lambda dy: helpers.K * dy\n"
    )
    layer = importlib.import_module("handed_in_here.layers").layer
    tasks = [partial(check, layer, np.ones(2))]
    assert check_many(tasks, journal=tmp_path / "journal")[0].passed
    assert check_many(tasks, journal=tmp_path / "journal", resume=True)[0].passed
    (package / "constants.py").write_text("K = 3\n")
    with pytest.raises(Changed, match="the code changed"):
        check_many(tasks, journal=tmp_path / "journal", resume=True)


@pytest.mark.parametrize(
    "imports", ["from .late_here import K", "from late_package import late_here"]
)
def test_what_is_imported_once_a_layer_runs_is_code_before(tmp_path, monkeypatch, imports):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "late_package"
    package.mkdir()
    for name, text in (
        ("__init__", ""),
        ("late_here", "import later_here"),
        ("layers", f"def layer(x):\n    {imports}\n    import math, no_such_module.inner"),
    ):
        (package / f"{name}.py").write_text(text)
    (tmp_path / "later_here.py").write_text("")
    before = sources_of([importlib.import_module("late_package.layers").layer])
    importlib.import_module("late_package.late_here")
    assert sources_of([importlib.import_module("late_package.layers").layer]) == before
    assert {"late_here.py", "later_here.py"} <= {file.name for file in before}
    for name in ("late_package", "late_package.layers", "late_package.late_here", "later_here"):
        del sys.modules[name]


@pytest.mark.parametrize(("folder", "also"), [("site-packages", False), ("packages", True)])
def test_what_is_installed_anywhere_has_a_version_and_is_not_read(
    tmp_path, monkeypatch, folder, also
):
    """An environment may share the packages of the system or of the user, which lie in none of its folders."""
    (tmp_path / folder).mkdir()
    for name, text in (("installed_here", "import inner_here"), ("inner_here", "")):
        (tmp_path / folder / f"{name}.py").write_text(text)
    (tmp_path / "imports_it.py").write_text("import installed_here\ndef layer(x): ...\n")
    monkeypatch.syspath_prepend(tmp_path / folder)
    monkeypatch.syspath_prepend(tmp_path)
    found = sources_of([importlib.import_module("imports_it").layer])
    names = {"imports_it.py"} | ({"installed_here.py", "inner_here.py"} if also else set())
    assert {file.name for file in found} == names
    for name in ("imports_it", "installed_here", "inner_here"):
        del sys.modules[name]


def test_a_damaged_entry_is_done_again(tmp_path):
    tasks = [partial(check, tanh, np.ones(2))]
    before = check_many(tasks, journal=tmp_path)[0].to_json()
    (entry,) = tmp_path.glob("*.pickle")
    entry.write_bytes(entry.read_bytes()[:30])
    assert check_many(tasks, journal=tmp_path, resume=True)[0].to_json() == before


@pytest.mark.parametrize("content", ["PASS", (0, "PASS"), ((1, "another"), None), 3.5])
def test_an_entry_of_something_else_is_done_again(tmp_path, content):
    tasks = [partial(check, tanh, np.ones(2))]
    before = check_many(tasks, journal=tmp_path)[0].to_json()
    (entry,) = tmp_path.glob("*.pickle")
    entry.write_bytes(pickle.dumps(content))
    assert check_many(tasks, journal=tmp_path, resume=True)[0].to_json() == before


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b"\xff\xfe", b""])
def test_damaged_facts_are_said_to_be_damaged(tmp_path, content):
    tasks = [partial(check, tanh, np.ones(2))]
    check_many(tasks, journal=tmp_path)
    (tmp_path / "journal.json").write_bytes(content)
    with pytest.raises(Changed, match="is damaged"):
        check_many(tasks, journal=tmp_path, resume=True)
    assert check_many(tasks, journal=tmp_path)[0].passed
