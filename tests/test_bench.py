"""The benchmark: a broken promise is seen, a section that isn't there is said, what is written is whole."""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import pytest
from examples import SAMPLE_SEED, few_quick

from gradcheck import Verdict, check
from layers import dense, relu, softmax_cross_entropy
from layers.mistakes import MISTAKES
from reports.bench import sections, story
from reports.bench.measurement import (
    ALL,
    NONE,
    Measurement,
    at_least,
    at_most,
    below,
    exactly,
    percent,
    share,
)
from reports.bench.peers import PEERS
from reports.bench.peers.subject import subject
from reports.bench.section import EVERYTHING, Sample, Section, Skipped
from reports.bench.sections import (
    GROUPS,
    SECTIONS,
    archives,
    commands,
    coverage,
    false_names,
    growth,
    large,
    soak,
)
from reports.cli import main
from reports.places import Place

EARLIER = {
    *("coverage", "alarms", "power", "cost", "stage1", "stage2", "training", "tape", "gallery"),
    *("mutants", "blame", "lines", "homework", "speed", "start"),
}


def arguments(**given):
    return argparse.Namespace(**{"seed": 0, "data": "digits", "jobs": 1, "json": None, **given})


@pytest.mark.parametrize(
    ("promise", "kept", "broken"),
    [
        (at_most(3), 3, 3.1),
        (below(3), 2.9, 3),
        (at_least(3), 3, 2.9),
        (exactly(3), 3, 4),
        (at_most(math.inf), 1, math.nan),
    ],
)
def test_a_promise_is_kept_or_broken(promise, kept, broken):
    assert not Measurement("figure", kept, promise).broken
    assert Measurement("figure", broken, promise).broken
    assert Measurement("figure", broken, promise).cells()[3] == "BROKEN"


def test_without_a_promise_nothing_is_broken():
    assert not Measurement("figure", math.nan).broken
    assert Measurement("figure", 3).cells() == ("figure", "3", "-", "")


def test_figure_and_promise_are_written_alike():
    measured = Measurement("inconclusive", 0.0067, below(0.01), percent, "2 of 300")
    assert measured.cells() == ("inconclusive", "0.67% (2 of 300)", "< 1.00%", "kept")


def test_a_share_of_nothing_keeps_no_promise():
    assert share("convicted", 0, 0, ALL).broken
    assert not share("convicted", 3, 3, ALL).broken
    assert share("convicted", 2, 3, ALL).broken


def one(*measurements):
    return Section("made-up", lambda sample: measurements, "things", size=7, quick=1)


def test_a_broken_promise_exits_1(capsys):
    assert story.bench([(one(Measurement("wrong", 0, NONE)), 7)], arguments()) == 0
    assert "1 of 1 promises kept" in capsys.readouterr().out
    assert story.bench([(one(Measurement("wrong", 2, NONE)), 7)], arguments()) == 1
    assert "BROKEN in made-up: wrong: 2, promised = 0" in capsys.readouterr().out


def test_what_cannot_be_measured_is_skipped_with_a_word_and_proves_nothing(capsys):
    def lacking(sample):
        raise Skipped("torch is not installed")

    assert story.bench([(Section("made-up", lacking), 0)], arguments()) == 1
    assert "skipped: torch is not installed" in capsys.readouterr().out


def test_an_unknown_section_is_one_line_and_exit_2(capsys):
    assert main(["bench", "covrage"]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert said.err.count("\n") == 1
    assert "did you mean 'coverage'?" in said.err
    assert main(["bench", "xyzzy"]) == 2
    assert "there are coverage, " in capsys.readouterr().err


def test_a_group_is_its_sections_each_once():
    chosen = story.named(["archives", "trust", "archives"], SECTIONS, GROUPS)
    assert [one.name for one in chosen] == [
        "archives",
        *(n for n in GROUPS["trust"] if n != "archives"),
    ]
    assert "trust" in story.listing(SECTIONS, GROUPS)


def test_what_takes_longest_is_measured_only_where_it_is_named():
    assert "large" not in [one.name for one in story.named([], SECTIONS)]
    assert [one.name for one in story.named(["large"], SECTIONS)] == ["large"]


@pytest.mark.parametrize("millions", [1, 10])
def test_the_large_network_is_as_large_as_it_says(millions):
    assert large.vgg(millions).size == pytest.approx(millions * 10**6, rel=0.02)


def test_every_group_is_made_of_sections():
    assert all(set(members) <= set(SECTIONS) for members in GROUPS.values())


@pytest.mark.parametrize(
    ("section", "size"),
    [(archives.SECTION, 300), (commands.SECTION, 12)],
    ids=lambda one: str(one)[:8],
)
def test_a_random_sample_of_faults_ends_as_it_should(section, size):
    measured = story.measure(section, Sample(size, SAMPLE_SEED))
    assert not measured.broken, measured
    # Faults there were: a reader that takes everything, or commands that all succeed, would show none.
    figures = {one.name: one.value for one in measured.measurements}
    assert figures.get("refused", figures.get("end with 2")) > size / 4


@pytest.mark.parametrize(
    ("status", "text", "fault"),
    [
        (0, "", None),
        (2, "gradcheck: no such file", None),
        (2, "", "failed without a word"),
        (3, "said", "ended with 3"),
        ("ValueError", "", "ended with ValueError"),
        (1, "Traceback (most recent call last)", "a traceback"),
        (1, "gradcheck: lone\nFAKE: PASS.py", "a file's name forged a line"),
    ],
)
def test_what_is_wrong_with_a_command_line_that_ended(status, text, fault):
    assert commands.Ended(("check",), status, text).fault == fault


def test_a_file_that_is_half_read_or_raises_is_seen(monkeypatch, tmp_path):
    monkeypatch.setattr(archives, "from_file", lambda path: None)
    assert archives.said(tmp_path) == "half read"
    monkeypatch.setattr(archives, "from_file", lambda path: {}["x"])
    assert archives.said(tmp_path) == "KeyError"


def test_every_earlier_section_is_there():
    assert set(SECTIONS) >= EARLIER
    assert all(section.title.endswith(".") for section in SECTIONS.values())


def test_a_section_runs_on_a_small_sample_and_is_written(tmp_path, capsys):
    file = tmp_path / "figures.json"
    assert main(["bench", "coverage", "--samples", "12", "--seed", "3", "--json", str(file)]) == 0
    assert "Sample: 12 functions at a point, seed 3." in capsys.readouterr().out
    written = json.loads(file.read_text())
    assert written["schema"] == story.SCHEMA
    assert written["seed"] == 3
    assert written["libraries"]["numpy"] == np.__version__
    (section,) = written["sections"]
    covered = section["measurements"][0]
    assert covered["value"] == 1
    assert covered["promise"] == {"sign": "≥", "limit": 0.999}
    assert covered["kept"] is True


def test_a_figure_that_is_not_a_number_is_written_as_null(tmp_path):
    file = tmp_path / "figures.json"
    section = one(Measurement("share of nothing", math.nan, ALL))
    assert story.bench([(section, 7)], arguments(json=file)) == 1
    assert json.loads(file.read_text())["sections"][0]["measurements"][0]["value"] is None


@pytest.mark.parametrize("wrong", [["--samples", "0"], ["--quick", "--samples", "3"]])
def test_samples_that_make_no_sense_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "coverage", *wrong])
    assert ended.value.code == 2


def test_a_sample_keeps_order_and_follows_its_seed():
    everything = list(range(100))
    some = Sample(10, seed=4).of(everything)
    assert some == sorted(some)
    assert len(set(some)) == 10
    assert some == Sample(10, seed=4).of(everything)
    assert some != Sample(10, seed=5).of(everything)
    assert Sample(EVERYTHING).of(everything) == everything


def test_coverage_sees_an_error_that_is_larger_than_its_bound():
    case = next(coverage.cases(Sample(1)))
    assert coverage.covers(case, case.true * (1 + 1e-9), 1.1e-9 * abs(case.true))
    assert not coverage.covers(case, case.true * (1 + 1e-9), 0.9e-9 * abs(case.true))


def test_nonsense_is_linear_wrong_and_of_the_right_size():
    x = np.random.default_rng(0).normal(size=(50, 70))
    layer = false_names.nonsense(relu, 0, 2.0, seed=1)
    _, backward = layer(x)
    a, b = np.random.default_rng(1).normal(size=(2, *x.shape))
    (together,), (ga,), (gb,) = backward(a + b), backward(a), backward(b)
    assert np.allclose(together, ga + gb)
    assert np.isclose(np.std(ga), 2.0, rtol=0.1)
    assert check(layer, x, lines=False).verdict is Verdict.FAIL


def test_false_names_draws_from_kinked_configurations_too():
    drawn = {str(case.place) for case in false_names.cases(Sample(3000))}
    assert {"relu, zeros", "max_pool2d, ties"} <= drawn


def test_soak_draws_every_class_and_never_a_singular_matrix():
    cases = soak.cases(Sample(40))
    assert {(case.kind, case.dtype) for case in cases} == {
        (kind, dtype) for kind in soak.CLASSES for dtype in ("float32", "float64")
    }
    place = Place("inverse", 0)
    reports = [soak.Case("exact zeros", "float64", place, seed).report() for seed in range(20)]
    assert all(report is not None and report.passed for report in reports)


def test_soak_leaves_out_what_overflows():
    def report(power):
        case = soak.Case("huge", "float32", Place("l2_penalty", 0), 0)
        huge = {"huge": lambda values, rng: {k: x * 10.0**power for k, x in values.items()}}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(soak, "CLASSES", huge)
            return case.report()

    assert report(0) is not None
    assert report(30) is None


@pytest.mark.parametrize("name", few_quick(["soak", "false-names"], 1))
def test_two_processes_measure_what_one_does(name):
    def figures(jobs):
        return list(SECTIONS[name].measure(Sample(4, seed=3, jobs=jobs)))

    assert figures(1) == figures(2)


PRESENT = [peer for peer in PEERS if peer.installed]


@pytest.mark.parametrize("peer", PRESENT, ids=[peer.name for peer in PRESENT])
def test_a_peer_accepts_a_right_layer_and_rejects_a_wrong_one(peer):
    if peer.package == "tensorflow":
        pytest.skip("TensorFlow is asked where it is imported anyway")
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)]

    def spoilt(x, W, b):
        y, backward = dense(x, W, b)
        return y, lambda dy: tuple(k * g for k, g in zip((1, 1, 2), backward(dy), strict=True))

    assert sections.peers.answer(peer, subject("right", dense, inputs)) is True
    assert sections.peers.answer(peer, subject("wrong", spoilt, inputs)) is False


@pytest.mark.slow
def test_what_peers_are_asked_has_other_numbers_of_the_right_shape():
    mistakes = {"dense-b-mean": True, "dense-count": False, "relu-in-place": False}
    asked = sections.peers.planted_mistakes([MISTAKES[name] for name in mistakes], seed=0)
    assert [one.name for one in asked] == [name for name, taken in mistakes.items() if taken]
    mutants = sections.peers.mutated(3, seed=0)
    assert len(mutants) == 3
    assert not any(PRESENT[0].accepts(mutant) for mutant in mutants)


def test_an_input_without_a_gradient_is_held_at_its_value():
    logits, labels = np.random.default_rng(0).normal(size=(3, 5)), np.array([4, 0, 2])
    one = subject("loss", softmax_cross_entropy, [logits, labels])
    assert one.positions == (0,)
    assert one.value(logits) == softmax_cross_entropy(logits, labels)[0]


def test_growth_tells_a_constant_from_a_linear_cost(monkeypatch):
    def unaligned(x):
        return x[::-1] * x, lambda dy: x[::-1] * dy + (x * dy)[::-1]

    def measured(layer):
        grown = growth.Growth("made up", layer, lambda draw, n: [draw(n)], "x", growth.FLAT)
        monkeypatch.setattr(growth, "GROWTHS", (grown,))
        (measurement,) = growth.growth(Sample(0))
        return measurement

    assert not measured(relu).broken
    assert measured(unaligned).broken


def test_a_long_name_or_figure_is_wrapped_at_words(capsys):
    section = one(Measurement("a name " * 20, 6293, detail="163, 219, 283, 411 at 8, 16, 32, 64"))
    story.bench([(section, 7)], arguments())
    said = capsys.readouterr().out
    assert max(len(line) for line in said.splitlines()) <= 100
    assert "6,293" in said


def test_the_page_tells_of_every_section():
    page = (Path(__file__).parent.parent / "docs" / "bench.md").read_text(encoding="utf-8")
    assert [name for name in SECTIONS if f"`{name}`" not in page] == []
