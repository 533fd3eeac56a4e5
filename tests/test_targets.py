"""Targets of the command line: each is itself, each gets its result, whatever its code does."""

import contextlib
import importlib.util
import json
import os
import py_compile
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from handed_in import RIGHT, records, unwrapped, write

from reports.cli import main
from reports.targets import isolated


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_neighbours_of_the_same_name_are_each_ones_own(submissions, capsys, order):
    status, found = records(capsys, *(submissions / which / "hw.py" for which in order))
    verdicts = {one["file"].split("/")[-2]: one["verdict"] for one in found}
    assert verdicts == {"one": "PASS", "two": "FAIL"}
    assert status == 1


def test_an_import_inside_a_function_finds_the_neighbour(tmp_path, capsys):
    late = RIGHT.replace("from helpers_hw import factor", "").replace(
        "    return x * x, lambda dy:",
        "    from helpers_hw import factor\n    return x * x, lambda dy:",
    )
    write(tmp_path, hw=late, helpers_hw="def factor():\n    return 2\n")
    assert records(capsys, tmp_path / "hw.py")[0] == 0


def test_a_users_own_layers_and_reports_are_what_they_import(tmp_path, capsys):
    text = RIGHT.replace(
        "from helpers_hw import factor", "from layers import factor\nimport reports"
    )
    write(tmp_path, hw=text, layers="def factor():\n    return 2\n", reports="theirs = True\n")
    assert records(capsys, tmp_path / "hw.py")[0] == 0


@pytest.mark.parametrize("own", ["layers.py", "layers/__init__.py"])
def test_a_folder_with_its_own_layers_and_reports_changes_nothing(tmp_path, own):
    write((tmp_path / own).parent, **{Path(own).stem: "def factor():\n    return 2\n"})
    text = RIGHT.replace("from helpers_hw import", "import reports\nfrom layers import")
    write(tmp_path, hw=text, reports="theirs = True\n")
    argv = "-m", "gradcheck", "check", "hw.py", "dense", "--no-tape", "--quiet"
    path = os.pathsep.join([".", str(Path(__file__).parent.parent)])
    # Another process: in this one ours are imported already, and nothing could come between.
    said = subprocess.run(
        [sys.executable, *argv], env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert {"hw.py:square: PASS", "dense (plain): PASS"} <= {*said.stdout.splitlines()}


def test_one_bad_target_hides_no_other(submissions, tmp_path, capsys):
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    good, wrong = submissions / "one" / "hw.py", submissions / "two" / "hw.py"
    assert main(["check", str(broken), str(good), str(wrong)]) == 2
    said = capsys.readouterr()
    assert f"{good}:square: PASS" in said.out
    assert f"{wrong}:square: FAIL" in said.out
    assert said.err.startswith(f"gradcheck: {broken}: cannot be imported: line 1: SyntaxError")
    assert len(said.err.splitlines()) == 1


FORMS = ("csv", "json", "markdown", "html", "latex", "github", "sarif", "junit")


@pytest.mark.parametrize("form", FORMS)
def test_one_bad_target_hides_no_other_in_any_form(submissions, tmp_path, capsys, form):
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    assert main(["check", str(broken), str(submissions / "two" / "hw.py"), "--format", form]) == 2
    said = capsys.readouterr()
    assert "broken.py" in said.out and "square" in said.out


ENDINGS = {
    "sys.exit": "import sys; sys.exit(0)",
    "os._exit": "import os; os._exit(0)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "hangs": "\n            while True: time.sleep(0.1)",
    "its files closed": "import os; os.closerange(0, 256); time.sleep(1000)",
    "a child holds its files": "import os; os.fork() or time.sleep(1000); os._exit(3)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_target_that_ends_its_process_fails_and_the_others_get_theirs(tmp_path, capsys, ending):
    write(
        tmp_path,
        hw=f"""
        import time
        import numpy as np

        def bad(x):
            def backward(dy):
                {ENDINGS[ending].strip()}
            return x * x, backward

        def bad_inputs(rng):
            return {{"x": rng.normal(size=4)}}

        def good(x):
            print("a line for each of many calls")
            return x * x, lambda dy: 2 * x * dy

        def good_inputs(rng):
            return {{"x": rng.normal(size=4)}}
        """,
    )
    # Long enough for the good one on a busy machine; only what hangs is waited for.
    patience = "5" if ending == "hangs" else "60"
    status, found = records(capsys, tmp_path / "hw.py", "--timeout", patience)
    assert [(one["name"], one["verdict"]) for one in found] == [("bad", "FAIL"), ("good", "PASS")]
    assert [finding["code"] for finding in found[0]["findings"]] == ["raises"]
    assert status == 1


def test_what_gets_no_further_is_stopped_unasked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(isolated, "STILL", 4.0)
    write(
        tmp_path,
        hw="""
        import time
        import numpy as np

        def bad(x):
            return x * x, lambda dy: time.sleep(1000)

        def bad_inputs(rng):
            return {"x": rng.normal(size=4)}

        def good(x):
            return x * x, lambda dy: 2 * x * dy

        def good_inputs(rng):
            return {"x": rng.normal(size=4)}
        """,
    )
    status, found = records(capsys, tmp_path / "hw.py")
    assert [(one["name"], one["verdict"]) for one in found] == [("bad", "FAIL"), ("good", "PASS")]
    (finding,) = found[0]["findings"]
    assert finding["message"] == "bad got no further for 4 s and was stopped while it was checked."
    assert status == 1
    monkeypatch.undo()
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    assert f"and {isolated.STILL:g} without a sign of that" in unwrapped(capsys.readouterr().out)


def goes_on(send, aside):
    for _ in range(8):
        time.sleep(0.5)
        aside("going on")
    send("done at last")


def test_what_goes_on_has_as_long_as_it_takes_unless_a_limit_is_given(monkeypatch):
    monkeypatch.setattr(isolated, "STILL", 3.0)
    said = [one for one in isolated.run_apart(goes_on) if one != isolated.TICK]
    assert said == ["going on"] * 8 + ["done at last"]
    *_, last = isolated.run_apart(goes_on, timeout=2.0)
    assert last == isolated.Died("took longer than 2 s and was stopped")


def forks(send, aside):
    send("before")
    os.fork()
    send("after")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_what_forks_is_heard_once():
    assert list(isolated.run_apart(forks)) == ["before", "after"]


def leaves_a_process(send, aside, session, ending):
    send(subprocess.Popen(["sleep", "1000"], start_new_session=session).pid)
    ending()


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks at processes in /proc")
@pytest.mark.parametrize("ending", [bool, is_killed, signal.pause])
@pytest.mark.parametrize("session", [False, True])
def test_a_process_that_is_left_running_is_ended(session, ending):
    left, *_ = isolated.run_apart(leaves_a_process, session, ending, timeout=1.0)
    until = time.monotonic() + 10
    while _runs(left) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _runs(left)


def _runs(number):
    """Whether a process runs: one that has ended may wait for somebody to ask how."""
    try:
        return " Z " not in Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False


def test_an_exception_whose_words_raise_is_named(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        import numpy as np

        class Mute(Exception):
            def __str__(self):
                raise KeyError

        def bad(x):
            def backward(dy):
                raise Mute
            return x * x, backward

        def bad_inputs(rng):
            return {"x": rng.normal(size=4)}

        def worse(x):
            raise Mute

        worse_inputs = bad_inputs
        """,
    )
    assert main(["check", str(tmp_path / "hw.py")]) == 2
    said = capsys.readouterr()
    assert "The backward pass raises Mute (in backward, line" in unwrapped(said.out)
    assert said.err.endswith(": Mute\n")


KEPT = {
    "[]": "KEPT.append(1)",
    "0": "KEPT = KEPT + 1",
    "SimpleNamespace(to=np.zeros(1))": "KEPT.to[0] = 1",
}
"""What a module keeps, and how a target changes it."""


@pytest.mark.parametrize("kept", KEPT)
def test_what_one_target_leaves_in_its_module_the_next_does_not_meet(tmp_path, capsys, kept):
    write(
        tmp_path,
        hw=f"""
        from types import SimpleNamespace
        import numpy as np

        KEPT = {kept}
        BEFORE = repr(KEPT)

        def first(x):
            global KEPT
            {KEPT[kept]}
            return x * x, lambda dy: 2 * x * dy

        def first_inputs(rng):
            return {{"x": rng.normal(size=2)}}

        def second(x):
            return x * x, lambda dy: (2 if repr(KEPT) == BEFORE else 3) * x * dy

        second_inputs = first_inputs
        """,
    )
    status, found = records(capsys, tmp_path / "hw.py")
    assert [one["verdict"] for one in found] == ["PASS", "PASS"]
    assert status == 0


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "GeneratorExit", "Enough"])
def test_whatever_a_target_raises_is_named_with_its_line(tmp_path, capsys, error):
    write(
        tmp_path,
        hw=f"""
        class Enough(BaseException):
            pass

        def bad(x):
            def backward(dy):
                raise {error}
            return x * x, backward

        def bad_inputs(rng):
            return {{"x": rng.normal(size=4)}}

        def good(x):
            return x * x, lambda dy: 2 * x * dy

        good_inputs = bad_inputs
        """,
    )
    status, (bad, good) = records(capsys, tmp_path / "hw.py")
    assert (status, bad["verdict"], good["verdict"]) == (1, "FAIL", "PASS")
    assert f"bad raises {error} while it is checked, line 7" in bad["findings"][0]["message"]


def test_a_file_that_loops_while_it_is_imported_is_stopped(tmp_path, capsys):
    write(tmp_path, hw="import time\nwhile True: time.sleep(0.1)")
    assert main(["check", str(tmp_path / "hw.py"), "dense", "--no-tape", "--timeout", "5"]) == 2
    said = capsys.readouterr()
    assert "took longer than 5 s" in said.err and "PASS" in said.out


def test_what_is_on_disk_is_judged_and_nothing_is_left_beside_it(tmp_path, capsys):
    """Two submissions of one size and time: the compiled neighbour of the first is not the second's."""
    write(tmp_path, hw=RIGHT, helpers_hw="def factor():\n    return 2\n")
    helper = tmp_path / "helpers_hw.py"
    os.utime(helper, (1e9, 1e9))
    py_compile.compile(str(helper), doraise=True)
    helper.write_text("def factor():\n    return 3\n")
    os.utime(helper, (1e9, 1e9))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert records(capsys, tmp_path / "hw.py")[0] == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_nobody_can_put_bytecode_where_it_is_looked_for(tmp_path, capsys, monkeypatch):
    """In a folder that everybody may write to, a compiled neighbour could lie that is not what the file says."""
    write(tmp_path, hw=RIGHT, helpers_hw="def factor():\n    return 2\n")
    helper = tmp_path / "helpers_hw.py"
    os.utime(helper, (1e9, 1e9))
    script = f"import sys; from reports.targets import loading; loading.load({str(tmp_path / 'hw.py')!r})"
    command = [sys.executable, "-c", f"{script}; print(sys.pycache_prefix)"]
    prefix = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "pycache_prefix", prefix)
        place = Path(importlib.util.cache_from_source(str(helper)))
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True)
        py_compile.compile(str(helper), str(place), doraise=True)
    helper.write_text("def factor():\n    return 3\n")
    os.utime(helper, (1e9, 1e9))
    assert records(capsys, tmp_path / "hw.py")[0] == 1
    assert not place.exists()


def test_a_file_that_cannot_be_imported_is_pointed_at_where_it_is_at_fault(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, broken="x = 1\ndef f(:\n", needs="import fails\n", fails="\n\nx = undefined\n")
    assert main(["check", "broken.py", "needs.py", "--format", "github"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "gradcheck: broken.py: cannot be imported: line 2: SyntaxError: invalid syntax: def f(:",
        "gradcheck: needs.py: cannot be imported: fails.py, line 3: NameError: name 'undefined' is "
        "not defined",
    ]
    first, second = said.out.splitlines()[:2]
    assert first.startswith("::error file=broken.py,line=2,title=not-checked::broken.py: cannot")
    assert second.startswith("::error file=fails.py,line=3,title=not-checked::needs.py: cannot")
    main(["check", "broken.py", "needs.py", "--format", "sarif"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert [place["artifactLocation"]["uri"] for place in places] == ["broken.py", "fails.py"]
    assert [place["region"]["startLine"] for place in places] == [2, 3]


def test_a_notebook_is_read(tmp_path, capsys):
    source = [
        "%matplotlib inline\n",
        "def square(x):\n",
        "    return x * x, lambda dy: 3 * x * dy\n",
    ]
    cells = [{"cell_type": "markdown", "source": ["text"]}, {"cell_type": "code", "source": source}]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells}))
    status, (one,) = records(capsys, f"{tmp_path / 'book.ipynb'}:square")
    assert status == 1 and one["name"] == "square"
    assert "In the notebook that is line 3 of code cell 1." in json.dumps(one["findings"])


def test_several_jobs_give_the_same_in_the_same_order(submissions, capsys):
    places = [submissions / which / "hw.py" for which in ("one", "two")]
    assert records(capsys, *places) == records(capsys, *places, "--jobs", "2")


def test_cells_and_lines_of_a_notebook_that_are_no_python_are_passed_over(tmp_path, capsys):
    cells = ["%%bash\nls -l\n", "%%time\nimport numpy as np\nnp.dot?\n  !ls", PAIR]
    cells = [{"cell_type": "code", "source": [cell]} for cell in cells]
    (tmp_path / "nb.ipynb").write_text(json.dumps({"cells": cells}))
    status, found = records(capsys, tmp_path / "nb.ipynb")
    assert status == 0 and [one["name"] for one in found] == ["tanh"]


def test_a_cell_that_raises_is_named_as_the_notebook_counts(tmp_path, capsys):
    cells = [{"cell_type": "code", "source": [cell]} for cell in (PAIR, "x = 1\nassert x == 2")]
    (tmp_path / "nb.ipynb").write_text(json.dumps({"cells": cells}))
    assert main(["check", str(tmp_path / "nb.ipynb")]) == 2
    assert "line 2 of code cell 2: AssertionError" in unwrapped(capsys.readouterr().err)


PAIR = """
def tanh_forward(x):
    y = np.tanh(x)
    return y, y
def tanh_backward(dy, y):
    return dy * (1 - y * y)
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "no such file"), ("def f(x:\n", "SyntaxError"), ("raise OSError", "OSError")],
)
def test_a_name_in_a_file_that_cannot_be_read_is_refused_once(tmp_path, capsys, text, said):
    file = tmp_path / "hw.py"
    if text is not None:
        file.write_text(text)
    assert main(["check", f"{file}:f"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
