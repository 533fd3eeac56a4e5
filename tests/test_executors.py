"""`--executor`: what is not there is said; a cluster of several processes loses a worker and no result."""

import os
from functools import partial

import numpy as np
import pytest
from examples import tanh

from gradcheck import check, check_many
from reports.cli import main
from reports.errors import UserError
from reports.executors import started
from reports.parallel import mapped

X = np.random.default_rng(0).normal(size=(3, 4))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("slurm:4", "expected dask:ADDRESS or loky:N"),
        ("dask", "expected dask:ADDRESS or loky:N"),
    ],
)
def test_an_executor_that_there_is_not_is_said(name, said):
    with pytest.raises(UserError, match=said), started(name):
        pass


def test_a_package_that_is_missing_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UserError, match="pip install distributed"), started("dask:tcp://here:1"):
        pass


def test_the_command_line_refuses_it_in_one_line(tmp_path, capsys):
    command = ["run", "--quick", "--no-tape", "--executor", "slurm:4", "--out", str(tmp_path)]
    assert main(command) == 2
    assert "expected dask:ADDRESS or loky:N" in capsys.readouterr().err


@pytest.mark.slow
def test_loky_says_what_this_process_says():
    pytest.importorskip("loky")
    tasks = [partial(check, tanh, X), partial(check, tanh, X[:2])]
    here = [report.to_json(arrays=True) for report in check_many(tasks)]
    with started("loky:2") as pool:
        there = check_many(tasks, pool)
        assert [report.to_json(arrays=True) for report in there] == here


def squares(x, W):
    """No value in it has a name: it cannot be cut, and its 3,000 weights are three slices."""
    return ((x @ W) ** 2).sum(), lambda dL: (2 * dL * x @ W @ W.T, 2 * dL * x.T @ (x @ W))


def deadly_once(x, *, mark):
    """Kills the worker that it runs on, the first time."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return tanh(x)
    os._exit(7)


def deadly(x):
    os._exit(7)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    options = {
        "processes": True,
        "n_workers": 2,
        "threads_per_worker": 1,
        "dashboard_address": None,
    }
    with distributed.LocalCluster(**options) as local:
        yield local


@pytest.mark.slow
def test_dask_says_what_this_process_says_and_a_killed_worker_costs_nothing(cluster, tmp_path):
    tasks = [
        partial(
            check, squares, np.ones((2, 30)) + X[0, 0], np.arange(3000.0).reshape(30, 100) / 3000
        ),
        partial(check, partial(deadly_once, mark=str(tmp_path / "mark")), X),
        partial(check, tanh, X),
    ]
    (tmp_path / "mark").touch()
    here = [report.to_json(arrays=True) for report in check_many(tasks)]
    (tmp_path / "mark").unlink()
    with started(f"dask:{cluster.scheduler_address}") as pool:
        there = check_many(tasks, pool)
        assert [report.to_json(arrays=True) for report in there] == here
    assert (tmp_path / "mark").exists()


@pytest.mark.slow
def test_dask_gives_up_a_task_that_kills_every_worker_and_that_alone(cluster):
    with started(f"dask:{cluster.scheduler_address}") as pool:
        reports = check_many([partial(check, layer, X) for layer in (tanh, deadly, tanh)], pool)
    assert [report.passed for report in reports] == [True, False, True]
    assert "the layer kills its process" in reports[1].findings[0].message


@pytest.mark.slow
def test_stages_run_there_too(cluster):
    where = f"dask:{cluster.scheduler_address}"
    assert list(mapped(abs, [-1, 2, -3], 1, where)) == [1, 2, 3]
