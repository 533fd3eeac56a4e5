"""The command line in a terminal, a pseudo-terminal here: colours, progress, `--watch`, Ctrl-C."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from reports.progress import Waiting
from reports.terminal import coloured

ROOT = Path(__file__).parent.parent
PATIENCE = 200
"""Seconds that a busy machine may take; on an idle one it is half a second."""

RIGHT = "def square(x):\n    return x * x, lambda dy: 2 * x * dy\n"
INPUTS = "def square_inputs(rng):\n    return {'x': rng.normal(size=3)}\n"


@contextmanager
def heard(signalled):
    """What is started hears a signal, as in a terminal, though the tests may be run by a shell in the background,
    which has them ignore it: what is ignored stays so in a new program, and what is handled is not."""
    before = signal.signal(signalled, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signalled, before)


class Terminal:
    """A program whose standard streams are a terminal, and what it has written there."""

    def __init__(self, folder, *argv, **environment):
        self.end, other = pty.openpty()
        own = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
        with heard(signal.SIGINT):
            self.program = subprocess.Popen(
                [sys.executable, "-m", "gradcheck", *argv],
                cwd=folder,
                env={**own, "PYTHONPATH": str(ROOT), **environment},
                stdin=other,
                stdout=other,
                stderr=other,
                start_new_session=True,
            )
        os.close(other)
        self.written, self.seen = "", 0

    def read(self, wanted=None):
        """What is written up to a pattern, or until the end; what follows is for the next time."""
        until = time.monotonic() + PATIENCE
        while not (found := wanted and re.search(wanted, self.written[self.seen :])):
            assert time.monotonic() < until, self.written
            if select.select([self.end], [], [], 0.1)[0] and not self._more():
                assert wanted is None, self.written
                break
        start, self.seen = self.seen, len(self.written)
        if found:
            self.seen = start + found.end()
        return self.written[start : self.seen]

    def _more(self):
        """Take what is there; False at the end."""
        try:
            more = os.read(self.end, 65536)
        except OSError:  # Linux's way to say that the other end is closed.
            more = b""
        self.written += more.decode()
        return bool(more)

    def interrupted(self):
        """Press Ctrl-C; the exit status."""
        self.program.send_signal(signal.SIGINT)
        self.read()
        return self.program.wait(PATIENCE)

    def close(self):
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self.end)


@pytest.fixture
def terminal():
    opened = []

    def opens(*argv, **environment):
        opened.append(Terminal(*argv, **environment))
        return opened[-1]

    yield opens
    for one in opened:
        one.close()


def test_a_program_hears_ctrl_c_though_the_tests_are_run_in_the_background():
    asked = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heard(signal.SIGINT):
            said = subprocess.check_output([sys.executable, "-S", "-c", asked], text=True)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert said == "True\n"


def test_watching_a_file_that_is_changed_broken_removed_and_mended(tmp_path, terminal):
    file = tmp_path / "hw.py"
    file.write_text(RIGHT + INPUTS)
    seen = terminal(tmp_path, "check", "hw.py", "--watch")
    seen.read("hw.py:square: \033\\[32mPASS\033\\[0m")
    file.write_text((RIGHT + INPUTS).replace("2 * x", "3 * x"))
    said = seen.read("hw.py:square: \033\\[31mFAIL\033\\[0m")
    assert "hw.py changed:" in said
    seen.read("repair: (.|\\s)*passes")
    file.write_text((RIGHT + INPUTS).replace("2 * x", "2 * x ("))
    seen.read("hw.py: cannot be imported: line 2: SyntaxError")
    file.unlink()
    seen.read("hw.py: no such file")
    file.write_text((RIGHT + INPUTS).replace("2 * x", "4 * x"))
    seen.read("repair: (.|\\s)*passes")
    (tmp_path / "beside.py").write_text("x = 1\n")
    assert "beside.py changed:" in seen.read("repair: (.|\\s)*passes")
    seen.read("Ctrl-C ends")
    assert seen.interrupted() == 1
    assert "Traceback" not in seen.written


def test_leaving_a_watch_after_a_pass_is_no_failure(tmp_path, terminal):
    (tmp_path / "hw.py").write_text(RIGHT + INPUTS)
    seen = terminal(tmp_path, "check", "hw.py", "--watch", NO_COLOR="1")
    seen.read("square: PASS(.|\n)*Ctrl-C ends")
    assert seen.interrupted() == 0
    assert "\033[3" not in seen.written


def test_leaving_a_watch_before_anything_was_judged_is_no_pass(tmp_path, terminal):
    (tmp_path / "hw.py").write_text("import time\ntime.sleep(60)\n")
    seen = terminal(tmp_path, "check", "hw.py", "--watch")
    seen.read(r"hw.py: \d+ s so far")
    assert seen.interrupted() == 130


def test_a_long_silence_is_told_and_ctrl_c_ends_it(tmp_path, terminal):
    slow = "import time\ntime.sleep(60)\n"
    (tmp_path / "hw.py").write_text(slow + RIGHT + INPUTS)
    seen = terminal(tmp_path, "check", "hw.py")
    seen.read(r"hw.py: \d+ s so far")
    assert seen.interrupted() == 130
    assert "gradcheck: interrupted" in seen.written and "Traceback" not in seen.written


def test_a_command_line_that_is_killed_leaves_nothing_running(tmp_path, terminal):
    (tmp_path / "hw.py").write_text(
        "import os\nopen('pid', 'w').write(str(os.getpid()))\nwhile True: pass\n"
    )
    seen = terminal(tmp_path, "check", "hw.py")
    seen.read(r"hw.py: \d+ s so far")
    seen.program.kill()
    seen.program.wait(PATIENCE)
    worker, until = int((tmp_path / "pid").read_text()), time.monotonic() + PATIENCE
    while is_running(worker):
        assert time.monotonic() < until
        time.sleep(0.1)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # In a container nobody may collect what has ended.
    return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"


def test_work_of_more_than_two_seconds_has_an_estimate(tmp_path, terminal):
    slow = RIGHT.replace("    return", "    time.sleep(0.02)\n    return")
    many = "def square_inputs(rng):\n    return {'x': rng.normal(size=(3, 40))}\n"
    mixed = slow.replace("x * x", "(x @ x.T).sum(axis=0)").replace(
        "2 * x * dy", "x + 0 * dy[:, None]"
    )
    (tmp_path / "hw.py").write_text("import time\n" + mixed + many)
    seen = terminal(tmp_path, "check", "hw.py:square")
    seen.read(r"square: \d+ of \d+ groups of entries, about \d+ s left")
    assert seen.interrupted() == 130


def test_there_is_nothing_to_watch_in_the_catalogue(tmp_path, terminal):
    seen = terminal(tmp_path, "check", "dense", "--watch")
    assert "no target is one" in seen.read()
    assert seen.program.wait(PATIENCE) == 2


class Somebody:
    """A stream that says whether somebody looks."""

    def __init__(self, looks):
        self.looks = looks

    def isatty(self):
        return self.looks


def test_colours_are_for_those_who_look_and_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured("f: PASS", Somebody(True)) == "f: \033[32mPASS\033[0m"
    assert coloured("f: PASS", Somebody(False)) == "f: PASS"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("f: PASS", Somebody(True)) == "f: PASS"


def test_what_takes_less_is_said_once_of_a_long_check_and_stays(capsys, monkeypatch):
    waiting = Waiting()
    waiting.shown = True
    now = iter([0.0, 3.0, 3.1, 40.0, 40.0])
    monkeypatch.setattr("reports.progress.time.monotonic", lambda: next(now))
    for done in (1, 2, 3):
        waiting("f", done, 100)
    for done in (1, 2):
        waiting("g", done, 2)
    said = capsys.readouterr().err
    hint = "f: 147 s more for every entry of a gradient; --effort directional takes a few dozen evaluations\n"
    assert said.count(hint) == said.count("--effort") == 1


def test_where_nobody_looks_nothing_is_said_of_progress(capsys):
    waiting = Waiting()
    waiting.PATIENCE = 0
    waiting("f", 1, 2)
    waiting("f", 0, 0)
    with waiting.aside():
        pass
    assert capsys.readouterr() == ("", "")
