"""`gradcheck run`: tried before it works, whole afterwards, the same with any number of processes."""

import json
import os
import re

import pytest

from gradcheck import __version__
from gradcheck.many import THREADS
from reports.cli import main
from reports.parallel import apart, mapped, shared_out
from reports.places import places
from reports.request import Found, Request
from reports.run import run
from reports.stages import layers as layers_stage
from reports.written import FIGURES, PAGE, TEXTS

QUICK = ["run", "--quick", "--no-tape"]


@pytest.fixture
def report(ran):
    """The folder of a quick run."""
    return ran[0]


def test_a_folder_that_cannot_be_written_is_said_before_any_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("reports.run.check_layers", None)
    (tmp_path / "file").touch()
    assert main([*QUICK, "--out", str(tmp_path / "file" / "report")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "cannot write to" in said.err


def test_figures_of_an_earlier_run_do_not_stay(report):
    names = {path.name for path in report.iterdir()}
    assert names == {*TEXTS, *FIGURES, "notes.txt"} - {"losses.svg", "filters.svg"}


@pytest.mark.parametrize("name", ["gradients.txt", "gradients.md"])
def test_a_table_says_what_it_is_of(report, name):
    text = (report / name).read_text()
    assert "Everything passed" in text
    assert "digits (scikit-learn)" in text
    assert "seed 5, quick" in text
    assert f"gradcheck {__version__}" in text
    assert "numpy" in text
    assert "conv.W" in text
    assert "dx kink: " in text


def test_the_record_is_whole_and_its_times_add_up(report):
    record = json.loads((report / "gradients.json").read_text())
    assert record["passed"] is True
    assert record["seed"] == 5
    assert record["training"] == {"left_out": "--no-tape"}
    assert {"data", "layers", "network", "figures"} <= set(record["seconds"])
    said = float(record["times"].split(" s: ")[0])
    assert abs(said - sum(record["seconds"].values())) < 0.1
    assert any(
        finding["code"] == "kink" for row in record["gradients"] for finding in row["findings"]
    )


def test_the_times_that_are_printed_add_up_to_the_time_that_it_took(capsys, tmp_path, monkeypatch):
    clock = [7.0]

    def network(request):
        clock[0] += 3.2
        return Found(True)

    def drawing(request, stages):
        clock[0] += 1.5
        return Found(True)

    # A clock that only work moves: another would also show what else the machine does.
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("reports.stages.layers.places", lambda at_most: places(1)[:2])
    monkeypatch.setattr("reports.run.check_network", network)
    monkeypatch.setattr("reports.run.draw", drawing)
    assert main([*QUICK, "--out", str(tmp_path)]) == 0
    (total, parts), *_ = re.findall(r"^([\d.]+) s: (.*)\.$", capsys.readouterr().out, re.M)
    seconds = dict(part.rsplit(" ", 1) for part in parts.split(", "))
    assert {"start", "data", "layers", "network", "figures", "report"} >= set(seconds)
    assert (float(seconds["network"]), float(seconds["figures"])) == (3.2, 1.5)
    assert float(total) == 4.7


@pytest.mark.slow
def test_two_jobs_find_what_one_finds(tmp_path, monkeypatch):
    some = places(1)[::13]
    monkeypatch.setattr("reports.stages.layers.places", lambda at_most: some)
    monkeypatch.setattr("reports.run.check_network", lambda request: Found(True))
    for jobs in "12":
        assert main([*QUICK, "--jobs", jobs, "--out", str(tmp_path / jobs)]) == 0
    tables = [(tmp_path / jobs / "gradients.csv").read_text() for jobs in "12"]
    assert tables[0] == tables[1] and len(tables[0].splitlines()) > len(some)
    pages = [(tmp_path / jobs / PAGE).read_text("utf-8") for jobs in "12"]
    # All but when it was: the drawings too, to the byte.
    one, two = (re.sub(r'<tr><th scope="row">(date|times)</th>.*?</tr>', "", p) for p in pages)
    assert one == two != pages[0]


def test_a_run_that_was_interrupted_goes_on(tmp_path, monkeypatch, capsys):
    some, seen = places(1)[::13], []
    monkeypatch.setattr("reports.stages.layers.places", lambda at_most: some)
    monkeypatch.setattr("reports.run.check_network", lambda request: Found(True))
    checked = layers_stage._check_place

    def until_the_third(place, seed, tape):
        seen.append(str(place))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return checked(place, seed, tape)

    monkeypatch.setattr(layers_stage, "_check_place", until_the_third)
    out = ["--out", str(tmp_path)]
    with pytest.raises(KeyboardInterrupt):
        run(Request("digits", tmp_path, tape=False, quick=True))
    assert len(list((tmp_path / "journal").glob("*.pickle"))) == 2
    assert main([*QUICK, *out, "--resume", "--seed", "1"]) == 2
    assert "--resume: the options changed since" in capsys.readouterr().err
    assert main([*QUICK, *out, "--resume"]) == 0
    assert len(seen) == len(some) + 1 and not (tmp_path / "journal").exists()


def test_a_process_apart_has_one_thread_and_this_one_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    assert list(apart(os.getenv, THREADS)) == ["1"] * len(THREADS)
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert "TF_NUM_INTRAOP_THREADS" not in os.environ


def test_results_keep_the_order_of_their_tasks():
    tasks = [3, -1, 2, -5, 0, 7]
    assert list(mapped(abs, tasks, 2)) == [abs(task) for task in tasks]


def test_work_is_shared_out_to_whoever_is_free():
    assert shared_out([1.0] * 64, 2) == 2
    assert shared_out([64.0, *[1.0] * 63], 2) == pytest.approx(127 / 67)
    assert shared_out([5.0], 2) == 1
