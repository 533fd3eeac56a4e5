"""What all tests share: their own helpers within reach, generators that start anew, and who shares a process."""

import contextlib
import gc
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
# The commands that tests start, and the processes that share the tests, are to read what the first has compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A failing example is printed with the blob that repeats it; a busy machine is no failure.
settings.register_profile("quick", deadline=None, max_examples=25, print_blob=True)
settings.load_profile("quick")

TOGETHER = {
    "test_tensorflow.py": "tensorflow",
    "test_forms_tensorflow.py": "tensorflow",
    "test_cli.py": "tensorflow",
    "test_four_edits.py": "tensorflow",
    "test_wheel.py": "wheel",
    "test_page.py": "run",
    "test_run.py": "run",
    "test_browser.py": "run",
    "test_written_pages.py": "run",
}
"""Files whose tests share a process: TensorFlow is imported once, the wheel is built once, a run is done once."""


AT_THE_END = (
    "test_recurrent.py",
    "test_stairs.py",
    "test_strange_conventions.py",
    "test_styles.py",
    "test_unseen.py",
    "test_wild.py",
)
"""Files whose tests start no process. The others run before TensorFlow is there: a fork takes a hundredth of the
fresh interpreter that is started beside its threads. And a large group as the last would run alone."""


SLOW_CASES = Path(__file__).with_name("slow_cases.txt")
"""Cases that take seconds each, a line each; quick siblings in the same test stand for them."""


# Before pytest leaves out what is marked as slow.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    slow = set(SLOW_CASES.read_text().splitlines())
    for item in items:
        if item.nodeid in slow:
            item.add_marker(pytest.mark.slow)

    def turn(item):
        file = item.path.name
        return 1 if TOGETHER.get(file) == "tensorflow" else 2 if file in AT_THE_END else 0

    items.sort(key=turn)


@pytest.fixture(autouse=True, scope="module")
def nothing_old_is_collected():
    """What is left of the files before, modules above all, is looked through by no garbage collection again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests are handed out by files, and several files at once where they are together."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFiles(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = Path(nodeid.split("::")[0]).name
            return TOGETHER.get(file, file)

    return ByFiles(config, log)


@pytest.fixture(autouse=True)
def own_generators(request):
    """No test depends on which ran before it: every generator that outlives a test starts anew."""
    np.random.seed(0)  # noqa: NPY002  Layers that draw from the global one are what is tested.
    if hasattr(request.module, "RNG"):
        request.module.RNG = np.random.default_rng(0)


PATIENCE = 600.0
"""Seconds that a search may take here: on a busy machine it ends where it ends on an idle one, by its steps."""


@pytest.fixture(autouse=True, scope="session")
def no_search_ends_by_the_clock():
    """What is found does not depend on what else the machine does."""
    from gradcheck.repair import search
    from gradcheck.smallest import smallest
    from reports.targets import proposals

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "SECONDS", PATIENCE)
        patch.setattr(proposals, "SECONDS", PATIENCE)
        patch.setattr(smallest, "__defaults__", (PATIENCE, *smallest.__defaults__[1:]))
        yield


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """The folder of a quick run, in which an earlier one had left its loss curves, and what it printed."""
    from reports.cli import main

    out = tmp_path_factory.mktemp("run") / "report"
    out.mkdir()
    (out / "losses.svg").write_bytes(b"stale")
    (out / "notes.txt").write_text("the user's own")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        options = ["--quick", "--no-tape", "--verbose", "--seed", "5", "--out", str(out)]
        assert main(["run", *options]) == 0
    return out, said.getvalue()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium; the test is skipped with a reason where there is none."""
    from browser import started

    chromium = started(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


@pytest.fixture
def submissions(tmp_path):
    """Two folders with the same file, each with a neighbour of the same name: one right, one wrong."""
    from handed_in import RIGHT, write

    for which, factor in (("one", 2), ("two", 3)):
        write(tmp_path / which, hw=RIGHT, helpers_hw=f"def factor():\n    return {factor}\n")
    return tmp_path
