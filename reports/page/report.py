"""The report of `gradcheck run` as one page: verdict, stages, every gradient, and how to have it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from gradcheck.result import Verdict
from layers.catalogue import CATALOGUE
from layers.families import FAMILIES, layers_of
from reports.page.drawing import captioned
from reports.page.flow import flow
from reports.page.gradients import Pair, families, summary, table
from reports.page.shell import page, section
from reports.page.steps import frame
from reports.page.trained import confusion, digits, filters
from reports.request import Found, Request
from reports.table import Line

LIBRARIES = ("gradcheck", "python", "numpy", "tensorflow", "keras", "scipy")


def report_page(request: Request, stages: Mapping[str, Found], record: Mapping[str, Any]) -> str:
    """The page, as HTML that stands by itself; every figure on it is what gradients.json says, `record`."""
    records = iter(record["gradients"])
    pairs = {
        name: [(line, next(records)) for line in found.table] for name, found in stages.items()
    }
    body = [
        _head(record, pairs),
        frame(),
        section("1. Every layer", EXPLAINED, *_layers(pairs["layers"])),
        section("2. The whole network on real digits", *_network(request, pairs["network"])),
        section("3. Training", *_training(request, stages["training"], record.get("training", {}))),
        section("How it was run", _circumstances(record)),
    ]
    script = (Path(__file__).parent / "sort.js").read_text("utf-8")
    return page("Gradient report", "\n".join(body), script)


EXPLAINED = (
    "<p><em>rel. error</em> is ‖hand − numeric‖ / max(‖hand‖, ‖numeric‖); <em>vs tape</em> the same "
    "against TensorFlow’s GradientTape; <em>resolution</em> the error below which the finite "
    "differences, by their own bound, can see nothing. A gradient fails when an entry differs by more "
    "than its bound, whatever the figure.</p>\n"
    "<p>Under each row: its error laid out like the parameter; hand-derived against numeric, where a "
    "factor is another slope; and the error of central (dashed) and extrapolated differences against "
    "their step, a V where both sides agree and a plateau where no step brings them together, with the "
    "step that the check took (upright) and its resolution (dotted).</p>"
)


def _head(record: Mapping[str, Any], pairs: Mapping[str, Sequence[Pair]]) -> str:
    word = str(_verdict(record, pairs))
    return (
        "<h1>Gradient report</h1>\n"
        f'<p class="said {word.lower()}"><span class="verdict">{word}</span> {_sentence(record, pairs)}</p>\n'
        f'<p class="lead">{escape(record["data"])}. Network {escape(record["network"])}, '
        f"seed {record['seed']}{', quick' if record['quick'] else ''}.</p>\n{_not_passed(pairs)}"
    )


def _verdict(record: Mapping[str, Any], pairs: Mapping[str, Sequence[Pair]]) -> Verdict:
    """PASS if everything passed; else that of the gradients, and FAIL where only training went wrong."""
    if record["passed"]:
        return Verdict.PASS
    found = Verdict.of(line.report.verdict for some in pairs.values() for line, _ in some)
    return Verdict.FAIL if found is Verdict.PASS else found


def _sentence(record: Mapping[str, Any], pairs: Mapping[str, Sequence[Pair]]) -> str:
    """The verdict in a sentence."""
    rows = [row for found in pairs.values() for _, row in found]
    right = sum(row["verdict"] == "PASS" for row in rows)
    layers = len({line.layer for line, _ in pairs["layers"]})
    what = (
        f"{right} of {len(rows)} gradients, of {layers} layers and of the whole network, agree with "
        "their finite differences within the bound"
    )
    return f"{what}; {_learned(record.get('training', {}))}."


NAMED = 8
"""Gradients that did not pass, named at the head of the page; the rest is counted."""


def _not_passed(pairs: Mapping[str, Sequence[Pair]]) -> str:
    """What did not pass, gradient by gradient, with what is said of it."""
    lines = [
        line
        for found in pairs.values()
        for line, _ in found
        if line.row.verdict is not Verdict.PASS
    ]
    items = [f"<li>{_named(line)}</li>" for line in lines[:NAMED]]
    if len(lines) > NAMED:
        items.append(f"<li>and {len(lines) - NAMED} more, in the tables below</li>")
    return f'<ul class="findings">{"".join(items)}</ul>' if items else ""


def _named(line: Line) -> str:
    said = "".join(f" {escape(finding.message)}" for finding in line.row.findings[-1:])
    where = f"d{line.row.name} of {line.layer} ({line.configuration})"
    return f"<strong>{line.row.verdict}: {escape(where)}.</strong>{said}"


def _learned(training: Mapping[str, Any]) -> str:
    if "left_out" in training or not training:
        return f"training was left out ({escape(str(training.get('left_out', 'not asked for')))})"
    return (
        f"trained for {training['steps']} steps, the network reads {training['test_accuracy']:.1%} "
        "of the test images"
    )


def _layers(pairs: Sequence[Pair]) -> Iterator[str]:
    yield f"<p>{escape(summary(pairs))}.</p>"
    yield from families(pairs, family_names())


def family_names() -> dict[str, str]:
    """For each layer of the catalogue the family that it is taught in."""
    names = {layer: family for family in FAMILIES for layer in layers_of(family)}
    return {name: names.get(entry.layer.__name__, "other") for name, entry in CATALOGUE.items()}


def _network(request: Request, pairs: Sequence[Pair]) -> Iterator[str]:
    if not pairs:
        return
    yield f"<p>{escape(summary(pairs))}.</p>"
    yield flow(_stations(request, pairs))
    yield table(pairs, "Each layer with what really arrives there, then all of it at once")


def _stations(request: Request, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """The layers in forward order, each with what arrives there and the norm of its gradient."""
    kinds = {step.name: step.kind for step in request.network.steps}
    arriving = {"loss": "logits"}
    return [
        {"name": line.layer, "kind": kinds.get(line.layer, "softmax_cross_entropy"), **record}
        | {"name": line.layer}
        for line, record in pairs
        if line.configuration != "end to end" and record["name"] == arriving.get(line.layer, "x")
    ]


def _training(request: Request, found: Found, facts: Mapping[str, Any]) -> Iterator[str]:
    if "left_out" in facts or not facts:
        yield f"<p>Left out: {escape(str(facts.get('left_out', 'not asked for')))}.</p>"
        return
    yield (
        f"<p>{facts['steps']} full-batch steps of Adam on {facts['images']} images, beside the TensorFlow "
        f"twin from the same weights on the same batches. Loss {facts['loss_before']:.3g} → "
        f"{facts['loss_after']:.3g}; accuracy {facts['training_accuracy']:.1%} in training, "
        f"{facts['test_accuracy']:.1%} on test images. Largest relative deviation of the two loss curves: "
        f"{facts['deviation']:.1e}.</p>"
    )
    yield "".join(f'<p class="said fail">{escape(note)}</p>' for note in found.notes)
    if "losses.svg" in found.figures:
        drawn = found.figures["losses.svg"]()
        yield captioned(drawn, "Lockstep: both losses over the steps, and how far they are apart.")
    yield from _looked_at(request, found, facts)


def _looked_at(request: Request, found: Found, facts: Mapping[str, Any]) -> Iterator[str]:
    data, arrays = request.data, found.arrays
    yield digits(data.x_test, data.y_test, arrays["read"])
    if arrays["before"].ndim == 4:
        yield filters(arrays["before"], arrays["after"])
    yield confusion(facts["confusion"])


def _circumstances(record: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {record[name]}" for name in LIBRARIES if name in record)
    tape = "finite differences with a bound" + (", GradientTape" if record["tape"] else "")
    told = {
        "command": f"<code>{escape(record['command'])}</code>",
        "data": escape(record["data"]),
        "seed": str(record["seed"]),
        "witnesses": tape,
        "versions": escape(versions),
        "date": escape(record["date"]),
        "times": escape(record["times"]),
    }
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{text}</td></tr>' for name, text in told.items()
    )
    return (
        f"<table><caption>What is needed to have this report again</caption>{rows}</table>\n"
        "<p>The same figures in full: <code>gradients.json</code>, <code>gradients.csv</code> beside "
        "this page.</p>"
    )
