"""Files in the styles of courses pass the plain command line as they are; a planted mistake's line is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.cli import main

FOLDER = Path(__file__).parent / "strangers" / "courses"

MISTAKES = {
    "convnet": ("d_L_d_filters[f] += d_L_d_out", "d_L_d_filters[f] = d_L_d_out"),
    "layers": ("return grad * self.mask", "return grad"),
    "lstm": ("dit = dct * cct * it * (1 - it)", "dit = dct * cct * (1 - it)"),
    "rnn": ("dhnext = self.Whh.T @ dhraw", "dhnext = self.Whh @ dhraw"),
    "network": (
        "delta = np.dot(self.weights[-l + 1].transpose(), delta) * sp",
        "delta = np.dot(self.weights[-l + 1].transpose(), delta)",
    ),
    "ops": ("grad_b = a.T @ grad_output", "grad_b = -a.T @ grad_output"),
    "keras": (
        "self.bias_grad = np.sum(grads, axis=0)",
        "self.bias_grad = np.mean(grads, axis=0)",
    ),
    "losses": (
        "dlogits[np.arange(n), self.labels] -= 1",
        "dlogits[np.arange(n), self.labels] -= 2",
    ),
    "optim": ("accum_grad = accum_grad.dot(W.T)", "accum_grad = accum_grad.dot(self.W.T)"),
    "word2vec": (
        "gradOutsideVecs = np.outer(delta, centerWordVec)",
        "gradOutsideVecs = np.outer(yHat, centerWordVec)",
    ),
    "batchnorm": (
        "dvar = 0.5 * dstd / std",
        "dvar = dstd / std",
    ),
    "embedding": ("np.add.at(dW, self.idx, dout)", "dW[self.idx] = dout"),
}
"""One mistake for each file: what stands there once, and what is written for it."""

UNNAMED = {"network"}
"""Convicted, but the line is not found: nothing in that text is called the gradient of anything it knows."""


def checked(path: Path, capsys) -> tuple[int, list[dict]]:
    status = main(["check", str(path), "--format", "json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("stem", MISTAKES)
def test_a_file_passes_as_it_is(stem, capsys):
    status, reports = checked(FOLDER / f"{stem}.py", capsys)
    assert status == 0 and reports, [(r.get("error"), r.get("verdict")) for r in reports]


@pytest.mark.slow
@pytest.mark.parametrize("stem", MISTAKES)
def test_the_line_of_a_planted_mistake_is_named(stem, capsys, tmp_path):
    right, wrong = MISTAKES[stem]
    text = (FOLDER / f"{stem}.py").read_text()
    assert text.count(right) == 1
    line = text[: text.index(right)].count("\n") + 1
    path = tmp_path / f"{stem}.py"
    path.write_text(text.replace(right, wrong))
    status, reports = checked(path, capsys)
    found = [f for r in reports for f in r["findings"] if f["code"] == "first-wrong-line"]
    assert status == 1
    assert stem in UNNAMED or line in {f["evidence"]["line"] for f in found}, found
