"""The report page: whole, still, every figure that of gradients.json, failing rows first, users' text harmless."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from gradcheck import check
from gradcheck.render import scientific
from layers.dense import dense
from reports.cli import main
from reports.page.gradients import families, summary, table
from reports.page.report import family_names, report_page
from reports.page.shell import page
from reports.page.sketch import heat_map, scatter
from reports.page.steps import LEFT, frame, steps
from reports.places import Place
from reports.request import Found, Request
from reports.stages.curves import with_curves
from reports.table import _record, by_layer, lines

HEAVIEST = 1_000_000
"""Bytes of a page that one would send around."""

VOID = {"meta", "br", "hr", "img", "link"}


class Page(HTMLParser):
    """The rows of a page's tables, its figures with their text, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.figures, self.open, self.fetched, self.value = [], [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.fetched += [found[a] for a in ("src", "href", "xlink:href") if a in found]
        assert not any(name.startswith("on") for name in found)
        assert tag != "img" or found["alt"]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        self.value = found.get("data-value")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.fetched += [v for a, v in attributes if a in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.value is not None:
            self.figures.append((float(self.value), data))
            self.value = None
        if self.open and self.open[-1] in ("td", "th") and self.rows:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def out(ran):
    return ran[0]


@pytest.fixture(scope="module")
def text(out):
    return (out / "report.html").read_text("utf-8")


def wrong_dense(x, W, b):
    y, backward = dense(x, W, b)

    def half(dy):
        dx, dW, db = backward(dy)
        dW = dW.copy()
        dW[1, 2] *= 2
        return dx, dW, db

    return y, half


def pairs_of(layer, name="dense", configuration="<b>mine</b>"):
    rng = np.random.default_rng(0)
    shapes = ((4, 3), (3, 5), (5,))
    report = check(layer, *(rng.normal(size=shape) for shape in shapes), name=name)
    found = with_curves(lines(name, configuration, report))
    return [(line, _record(line)) for line in found]


def test_the_page_is_whole_still_and_light(text):
    parts = Page(text)
    assert not parts.open
    assert all(link.startswith(("#", "data:image/png")) for link in parts.fetched)
    assert "default-src 'none'" in text and '<html lang="en">' in text
    assert len(text.encode()) < HEAVIEST


def test_every_gradient_of_the_record_stands_on_the_page_with_its_figures(out, text):
    record = json.loads((out / "gradients.json").read_text())
    shown = [row for row in Page(text).rows if len(row) == 8 and row[-1] in ("PASS", "FAIL")]
    assert len(shown) == len(record["gradients"]) > 100
    for wanted in record["gradients"]:
        figures = [wanted["relative_error"], wanted["tape_error"], wanted["resolution"]]
        written = ["-" if figure is None else scientific(figure) for figure in figures]
        assert any(
            row[:3] == [wanted["layer"], wanted["configuration"], wanted["gradient"]]
            and row[4:] == [*written, wanted["verdict"]]
            for row in shown
        ), wanted


def test_every_figure_is_one_of_the_record(out, text):
    record = json.loads((out / "gradients.json").read_text())
    known = {
        row[name]
        for row in record["gradients"]
        for name in ("relative_error", "tape_error", "resolution", "norm")
    }
    figures = Page(text).figures
    assert len(figures) > 2 * len(record["gradients"])
    for value, written in figures:
        assert value in known and written in (scientific(value), f"{value:.2g}")


def test_the_circumstances_are_told(out, text):
    record = json.loads((out / "gradients.json").read_text())
    for name in ("command", "data", "date", "times", "gradcheck", "python", "numpy"):
        assert record[name] in text
    assert "training was left out (--no-tape)" in text


def test_failing_rows_come_first_with_map_scatter_finding_and_the_wrong_line():
    pairs = pairs_of(wrong_dense)
    html = table(pairs, "dense")
    verdicts = re.findall(r'<tbody class="(\w+)"', html)
    assert verdicts == ["fail", "pass", "pass"]
    first = html.split("</tbody>")[0]
    assert "<details open" in first and 'class="map"' in first and 'class="scatter"' in first
    # Doubled in one place: called by the edit that mends it.
    assert "<code>scaled</code>" in first
    assert "wrong" in first and "dW[1, 2] *= 2" in first


def test_the_family_with_a_failing_row_is_open_and_first():
    pairs = [*pairs_of(dense, "relu"), *pairs_of(wrong_dense)]
    first, second = families(pairs, family_names())
    assert "dense: FAIL, 2 of 3 gradients" in first and 'class="family" open' in first
    assert "activations: PASS, 3 of 3" in second and 'class="family" open' not in second


def test_the_terminal_has_a_line_a_layer_and_failing_rows_whole():
    found = [*(line for line, _ in pairs_of(dense, "relu")), *(p for p, _ in pairs_of(wrong_dense))]
    head, _, relu, wrong, *rest = by_layer(found).splitlines()
    assert head.split()[:2] == ["layer", "gradients"]
    assert relu.split()[:2] == ["relu", "3"] and relu.endswith("PASS")
    assert wrong.split()[:2] == ["dense", "3"] and wrong.endswith("FAIL")
    assert [line.split()[2] for line in rest if line.endswith("FAIL")] == ["dW"]
    nothing = replace(found[0], row=replace(found[0].row, relative_error=float("nan")))
    assert " nan " in by_layer([found[1], nothing, found[2]])


def test_what_is_not_finite_is_not_lost_among_small_errors():
    (first, record), *others = pairs_of(dense)
    assert "largest relative error 0" not in summary(others)
    assert summary([*others, (first, {**record, "relative_error": None})]).endswith("not finite")


def test_verbose_prints_every_row_and_where_the_page_lies(ran):
    folder, said = ran
    assert re.search(r"^dense +plain +dW ", said, flags=re.M)
    assert re.search(r"^([\d,]+) parameters; \1 entries", said, flags=re.M)
    assert said.rstrip().endswith(str(folder / "report.html"))


def test_a_run_with_a_wrong_gradient_says_so_in_its_first_sentence(tmp_path, capsys, monkeypatch):
    rng = np.random.default_rng(0)
    wrong = check(wrong_dense, *(rng.normal(size=s) for s in ((4, 3), (3, 5), (5,))), name="dense")
    monkeypatch.setattr("reports.run.check_network", lambda request: Found(True))
    monkeypatch.setattr("reports.stages.layers.places", lambda at_most: [Place("dense", 0)])
    monkeypatch.setattr(
        "reports.stages.layers._check_place",
        lambda place, **options: (wrong, lines("dense", "plain", wrong)),
    )
    assert main(["run", "--quick", "--no-tape", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert len(re.findall(r"^dense .* dW .* FAIL$", said, flags=re.M)) == 1
    html = (tmp_path / "report.html").read_text("utf-8")
    rows = len(json.loads((tmp_path / "gradients.json").read_text())["gradients"])
    assert f'<span class="verdict">FAIL</span> {rows - 1} of {rows} gradients' in html
    assert 'class="family" open' in html and "dW[1, 2] *= 2" in html
    assert re.search(r"<strong>FAIL: dW of dense \(plain\)\.</strong> In line \d+ the factor", html)


def test_what_comes_from_users_is_shown_and_not_run():
    pairs = pairs_of(wrong_dense, name="<script>alert(1)</script>")
    html = table(pairs, "<img src=x>")
    assert "<script>" not in html and "<img src=x" not in html and "<b>" not in html
    assert "&lt;script&gt;" in html


def test_the_same_seed_gives_the_same_figures_to_the_byte():
    row = pairs_of(wrong_dense)[1][0].row
    again = pairs_of(wrong_dense)[1][0].row
    assert heat_map(row) == heat_map(again) and scatter(row) == scatter(again)
    assert heat_map(row) != heat_map(pairs_of(dense)[1][0].row)


def test_a_gradient_that_is_not_finite_is_drawn_and_said():
    row = pairs_of(dense)[0][0].row
    broken = row.analytic.copy()
    broken[0, 0] = np.nan
    assert "Red: 1 not finite" in heat_map(replace(row, analytic=broken))


def heights(html, method):
    """How far below the top a line of the drawing lies, at each step from the longest."""
    (path,) = re.findall(rf'class="{method}" d="M([^"]+)"', html)
    return [int(point.split()[1]) for point in path.split("L")]


def test_a_right_gradient_makes_a_v_and_a_wrong_one_a_plateau():
    def curved(x, W, b):
        s = x @ W + b
        return np.exp(s), lambda dy: (
            dy * np.exp(s) @ W.T,
            x.T @ (dy * np.exp(s)),
            (dy * np.exp(s)).sum(0),
        )

    (line, _), *_ = pairs_of(curved)
    html = steps(line.row, line.curves)
    down = heights(html, "central")
    lowest = down.index(max(down))
    assert 0 < lowest < len(down) - 1 and max(down) - 50 > max(down[0], down[-1])
    (taken,) = re.findall(r'class="taken" d="M(\d+)', html)
    assert int(taken) > LEFT and f"The check took {scientific(line.row.step)}" in html
    wrong = pairs_of(wrong_dense)[1][0]
    plateau = heights(steps(wrong.row, wrong.curves), "extrapolated")[:8]
    assert max(plateau) - min(plateau) <= 1
    assert "A plateau" in steps(wrong.row, wrong.curves) and "A plateau" not in html


def test_every_gradient_of_a_run_has_its_curve(out, text):
    record = json.loads((out / "gradients.json").read_text())
    assert text.count('class="extrapolated"') == len(record["gradients"])
    assert text.count('id="steps-frame"') == 1 and frame() in text


def test_a_script_runs_only_by_its_hash():
    assert "script-src" not in page("still", "")
    once, other = page("a", "", "let a = 1"), page("a", "", "let a = 2")
    hashes = [re.search(r"script-src '(sha256-[^']+)'", text)[1] for text in (once, other)]
    assert hashes[0] != hashes[1]


def test_a_trained_network_is_shown_with_digits_filters_and_confusions(tmp_path):
    request = Request("digits", tmp_path, architecture="digits_cnn")
    data = request.data
    read = data.y_test.copy()
    read[7] = (read[7] + 1) % 10
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (data.y_test, read), 1)
    facts = {
        "steps": 3, "images": 5, "loss_before": 2.25, "loss_after": 0.125, "training_accuracy": 0.75,
        "test_accuracy": 0.625, "deviation": 1.5e-16, "confusion": counts.tolist(),
    }  # fmt: skip
    weights = np.random.default_rng(0).normal(size=(3, 3, 1, 8))
    arrays = {"before": weights, "after": -weights, "read": read}
    stages = {
        "layers": Found(True, tuple(line for line, _ in pairs_of(dense))),
        "network": Found(True),
        "training": Found(True, facts=facts, arrays=arrays),
    }
    record = {
        "passed": True, "data": "digits", "network": "digits_cnn", "seed": 0, "quick": False,
        "tape": True, "command": "gradcheck run", "date": "today", "times": "1 s", "training": facts,
        "gradients": [record for _, record in pairs_of(dense)],
    }  # fmt: skip
    html = report_page(request, stages, record)
    assert not Page(html).open
    assert "Loss 2.25 → 0.125" in html and "62.5%" in html and "1.5e-16" in html
    assert (
        f"<strong>{read[7]}, is {data.y_test[7]}</strong>" in html
        and "1 of the 1 that it misreads" in html
    )
    assert html.count("Filter 3 ") == 2
    row = [str(n) if n else "·" for n in counts[int(data.y_test[7])]]
    assert any(shown[1:] == row for shown in Page(html).rows)
