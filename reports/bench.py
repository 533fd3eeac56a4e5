"""`python -m reports.bench`: measures what the project promises, on this machine, and prints it.

Sections: coverage, alarms, power, cost, stage1, tape, gallery, mutants, blame, lines, homework,
stage2, training, speed, start; all of them by default.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from tabulate import tabulate

from gradcheck import Verdict, check, numerical_gradient
from gradcheck.result import Array, Report
from layers import conv2d, dense, digits_cnn, max_pool2d, reference, relu, softmax_cross_entropy
from layers.catalogue import CATALOGUE

Section = Callable[[], list[tuple[str, str, str]]]
"""Rows of what was measured, the figure, and what was promised."""


def coverage(pairs: int = 4000) -> list[tuple[str, str, str]]:
    """How often the true error of a difference is within its bound, derivatives known exactly."""
    rng = np.random.default_rng(0)
    kinds: list[tuple[str, Any, Any, tuple[float, float]]] = [
        ("exp", np.exp, np.exp, (-5, 20)),
        ("sin 50x", lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x), (-3, 3)),
        (
            "rational",
            lambda x: (1 + x) / (2 + x * x),
            lambda x: (2 - 2 * x - x * x) / (2 + x * x) ** 2,
            (-9, 9),
        ),
        ("(x + 1e4) − 1e4", lambda x: (x + 1e4) - 1e4, np.ones_like, (-1, 1)),
        ("tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2, (-6, 6)),
        ("1e-8 x⁵", lambda x: 1e-8 * x**5, lambda x: 5e-8 * x**4, (-3, 3)),
        ("1e8 sin", lambda x: 1e8 * np.sin(x), lambda x: 1e8 * np.cos(x), (-3, 3)),
    ]
    covered, total = 0, 0
    resolutions: list[float] = []
    single: list[float] = []
    for k in range(pairs):
        name, f, df, (low, high) = kinds[k % len(kinds)]
        x = np.array([rng.uniform(low, high)])
        if k % 3 == 0 and name in ("rational", "tanh"):
            x = x * 10.0 ** rng.uniform(-6, 0)
        if k % 5 == 0:
            f, df = _stretched(f, df, 10.0 ** rng.integers(-6, 7))
        coarse = k % 4 == 3 and name in ("exp", "rational", "tanh")
        x = x.astype(np.float32) if coarse else x
        true = df(x.astype(np.float64))
        value, bound = numerical_gradient(f, [x], np.ones(1))
        # The known derivative is itself rounded where it is computed.
        covered += bool(abs(value - true)[0] <= bound[0] + 4 * np.finfo(float).eps * abs(true[0]))
        total += 1
        (single if coarse else resolutions).append(float(bound[0] / abs(true[0])))
    return [
        (
            "function-and-point pairs with error ≤ bound",
            f"{covered / total:.2%} of {total}",
            "≥ 99.9 %",
        ),
        ("median resolution, float64", f"{np.median(resolutions):.1e}", "≤ 1e-9"),
        ("median resolution, float32", f"{np.median(single):.1e}", "-"),
    ]


def _stretched(f: Any, df: Any, scale: float) -> tuple[Any, Any]:
    """The same function in other units: its values and derivatives scaled."""
    return (lambda x: scale * f(x)), (lambda x: scale * df(x))


def random_check(rng: np.random.Generator) -> Report:
    """A right layer at a random shape, configuration, scale and seed."""

    def size(low: int = 1, high: int = 6) -> int:
        return int(rng.integers(low, high + 1))

    scale, seed = 10.0 ** rng.uniform(-3, 1), int(rng.integers(2**31))
    kind = rng.choice(["dense", "conv2d", "max", "avg", "relu", "softmax", "loss", "network"])

    def normal(*shape: int) -> Array:
        return np.asarray(scale * rng.normal(size=shape))

    if kind == "dense":
        n, d, m = size(), size(), size()
        return check(dense, normal(n, d), normal(d, m), normal(m), seed=seed)
    if kind == "conv2d":
        kernel, groups = (size(1, 3), size(1, 3)), size(1, 2)
        channels, features = groups * size(1, 2), groups * size(1, 2)
        options: dict[str, Any] = {
            "stride": size(1, 2),
            "padding": size(0, 1),
            "dilation": size(1, 2),
        }
        x = normal(size(1, 2), size(5, 7), size(5, 7), channels)
        W = normal(*kernel, channels // groups, features)
        return check(partial(conv2d, groups=groups, **options), x, W, normal(features), seed=seed)
    if kind in ("max", "avg"):
        layer = CATALOGUE[f"{kind}_pool2d"].layer
        window = size(2, 3)
        x = normal(size(1, 2), size(3, 7), size(3, 7), size(1, 3))
        x = np.round(x / scale) * scale if rng.random() < 0.3 else x
        return check(partial(layer, size=window, stride=size(1, 3)), x, seed=seed)
    if kind == "relu":
        x = normal(size(), size(), size())
        return check(relu, x * rng.integers(0, 2, x.shape), seed=seed)
    if kind == "softmax":
        return check(CATALOGUE["softmax"].layer, normal(size(), size(2)), seed=seed)
    n, c = size(), size(2)
    labels = rng.integers(0, c, n)
    if kind == "loss":
        return check(softmax_cross_entropy, normal(n, c), labels, seed=seed)
    network = digits_cnn((4, 4, 1), c)
    theta = [p + 0.1 * rng.normal(size=p.shape) for p in network.initialize(rng, scheme="he")]
    x = rng.normal(size=(1, 4, 4, 1))
    return check(network, x, *theta, wrt=["conv.W", "conv.b", "output.b"], seed=seed)


def alarms(checks: int = 10_000) -> list[tuple[str, str, str]]:
    """False alarms and shrugs over random right layers."""
    rng = np.random.default_rng(1)
    verdicts = [random_check(rng).verdict for _ in range(checks)]
    wrong, open_ = (verdicts.count(v) for v in (Verdict.FAIL, Verdict.INCONCLUSIVE))
    return [
        (f"false alarms in {checks:,} checks of right layers", str(wrong), "0"),
        ("inconclusive", f"{open_} ({open_ / checks:.2%})", "< 1 %"),
    ]


def power(seeds: int = 100) -> list[tuple[str, str, str]]:
    """Small mistakes that must be convicted."""

    def elementwise(f: Any, df: Any, spoil: Any) -> Any:
        return lambda x: (f(x), lambda dy: spoil(dy * df(x)))

    def cosh2(x: Array) -> Array:
        return np.asarray(1 / np.cosh(x) ** 2)

    def one_entry(g: Array) -> Array:
        g = g.copy()
        g.flat[4177] *= 1.01
        return g

    cases: list[tuple[str, Any, int]] = [
        (
            "factor 1.0005 on a whole gradient",
            elementwise(np.tanh, cosh2, lambda g: 1.0005 * g),
            50,
        ),
        ("one entry of 10,000 wrong by 1 %", elementwise(np.tanh, cosh2, one_entry), 10_000),
        (
            "sign flipped on a gradient of size 1e-7",
            elementwise(lambda x: 1e-7 * np.tanh(x), lambda x: 1e-7 * cosh2(x), np.negative),
            50,
        ),
    ]
    rows = []
    for name, layer, size in cases:
        convicted = sum(
            check(layer, np.random.default_rng(s).normal(size=size), seed=s).verdict is Verdict.FAIL
            for s in range(seeds)
        )
        rows.append((f"{name}: convicted", f"{convicted} of {seeds}", "all"))
    found = 0
    for s in range(seeds):
        hidden = np.random.default_rng(s).random(10_000) < 0.01

        def zeroed(x: Array, hidden: Array = hidden) -> Any:
            return x.copy(), lambda dy: np.where(hidden, 0, dy)

        x = np.random.default_rng(s + 1).normal(size=10_000)
        found += check(zeroed, x, effort="directional", seed=s).verdict is Verdict.FAIL
    rows.append(
        ("directional, identity with 1 % zeroed: convicted", f"{found} of {seeds}", "≥ 99 %")
    )
    return rows


def cost() -> list[tuple[str, str, str]]:
    """Evaluations and seconds for large inputs."""
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(1, 1568)), 0.01 * rng.normal(size=(1568, 100)), rng.normal(size=100)
    started = time.perf_counter()
    row = check(dense, x, W, b, wrt="W").rows[0]
    seconds = time.perf_counter() - started
    elementwise = check(relu, rng.normal(size=(1000, 1000))).rows[0]
    return [
        ("dense W (1568, 100): evaluations", f"{row.evaluations:,}", f"≤ {4 * 1568:,} + a few"),
        ("dense W (1568, 100): seconds", f"{seconds:.2f}", "< 2"),
        ("relu of 10⁶ entries: evaluations", str(elementwise.evaluations), "≤ 20"),
    ]


def stage1(seeds: int = 100) -> list[tuple[str, str, str]]:
    """The catalogue over many seeds, numerical witness alone."""
    largest, bad, total = 0.0, 0, 0
    for seed in range(seeds):
        for entry in CATALOGUE.values():
            for one in entry.configurations:
                inputs: dict[str, Any] = dict(one.inputs(np.random.default_rng(seed)))
                report = check(entry.bound(one), seed=seed, **inputs)
                total += 1
                bad += not report.passed
                largest = max([largest, *(row.relative_error for row in report.rows)])
    return [
        (f"stage 1, {seeds} seeds: not PASS", f"{bad} of {total}", "0"),
        ("stage 1: largest relative error", f"{largest:.1e}", "≤ 1e-8"),
    ]


def gallery(seeds: int = 20) -> list[tuple[str, str, str]]:
    """The planted mistakes: how many are convicted, and how many named as expected."""
    from layers.mistakes import MISTAKES
    from reports.mistakes import examine, said

    convicted, named, misnamed, total = 0, 0, 0, 0
    for mistake in MISTAKES.values():
        for seed in range(seeds):
            report = examine(mistake, mistake.shows, seed)
            codes = [finding.code for finding in said(mistake, report)]
            right = mistake.code in (codes[:1] if mistake.gradient else codes)
            total += 1
            convicted += report.verdict is Verdict.FAIL
            named += right
            misnamed += not right and codes[:1] not in ([], ["unknown"])
    open_ = sum(mistake.code == "unknown" for mistake in MISTAKES.values())
    return [
        (
            f"{len(MISTAKES)} planted mistakes, {seeds} seeds: convicted",
            f"{convicted} of {total}",
            "all",
        ),
        ("… the expected code first", f"{named / total:.2%}", "≥ 95 %"),
        ("… another name than expected", f"{misnamed / total:.2%}", "≤ 2 %"),
        ("… of which `unknown` is what is expected", str(open_), "-"),
    ]


def stage2(images: int = 100) -> list[tuple[str, str, str]]:
    """Every parameter of the network on real images, one image at a time."""
    from pathlib import Path

    from reports.data import load
    from reports.run import Job, starting_point, step_reports

    data = load(_data_argument())
    network = digits_cnn(data.x_train.shape[1:], data.classes)
    parameters = starting_point(network, 0)
    bad, seconds = 0, []
    for k in range(images):
        job = Job(data, Path(), tape=False, seed=k)
        started = time.perf_counter()
        x, labels = data.x_train[k : k + 1], data.y_train[k : k + 1]
        bad += sum(not r.passed for r in step_reports(network, x, labels, parameters, job))
        seconds.append(time.perf_counter() - started)
    return [
        (f"stage 2, {images} images of {data.source}: layers not PASS", str(bad), "0"),
        (
            f"all {network.size:,} parameters on one image: seconds",
            f"{np.median(seconds):.2f}",
            "< 10",
        ),
    ]


def tape(seeds: int = 100) -> list[tuple[str, str, str]]:
    """The catalogue over many seeds against both witnesses."""
    largest = {"numeric": (0.0, "-"), "tape": (0.0, "-")}
    bad, unexpected, total = 0, 0, 0
    for seed in range(seeds):
        for entry in CATALOGUE.values():
            for one in entry.configurations:
                inputs: dict[str, Any] = dict(one.inputs(np.random.default_rng(seed)))
                report = check(entry.bound(one), twin=entry.twin(one), seed=seed, **inputs)
                total += 1
                bad += not report.passed
                codes = {finding.code for finding in report.all_findings()}
                unexpected += bool(codes - {"kink", "vacuous"})
                for row in report.rows:
                    place = f"{entry.name}, {one.label}"
                    largest["numeric"] = max(largest["numeric"], (row.relative_error, place))
                    largest["tape"] = max(largest["tape"], (row.tape_error or 0.0, place))
    (numeric, where), (taped, there) = largest["numeric"], largest["tape"]
    return [
        (f"catalogue, both witnesses, {seeds} seeds: not PASS", f"{bad} of {total}", "0"),
        ("… with a finding beyond kink and vacuous", str(unexpected), "0"),
        (f"largest relative error, numeric ({where})", f"{numeric:.1e}", "≤ 1e-8"),
        (f"largest relative error, tape ({there})", f"{taped:.1e}", "≤ 1e-12"),
    ]


def speed() -> list[tuple[str, str, str]]:
    """Forward and backward in float32 beside TensorFlow's compiled graph of the same function."""
    from layers import twins

    rng = np.random.default_rng(0)

    def normal(*shape: int, scale: float = 1.0) -> Array:
        return np.asarray(scale * rng.normal(size=shape))

    image, channels = normal(32, 28, 28, 8), normal(8)
    tokens, heads = normal(32, 64, 128), normal(32, 4, 64, 32)
    recurrent = [normal(28, 256, scale=0.1), normal(64, 256, scale=0.1), normal(256)]
    cases: list[tuple[str, dict[str, Any], list[Array], str]] = [
        ("conv2d", {"padding": 1}, [image, normal(3, 3, 8, 16), normal(16)], "≤ 3"),
        ("dense", {}, [normal(32, 1568), normal(1568, 100), normal(100)], "≤ 1.3"),
        ("dense", {}, [normal(256, 1024), normal(1024, 512), normal(512)], "≤ 1.3"),
        ("max_pool2d", {}, [image], "-"),
        ("batch_norm", {}, [image, channels, channels], "-"),
        ("layer_norm", {}, [tokens, normal(128), normal(128)], "-"),
        ("gelu", {}, [normal(256, 1024)], "-"),
        ("softmax", {}, [normal(256, 1024)], "-"),
        ("softmax_cross_entropy", {}, [normal(256, 1000), rng.integers(0, 1000, 256)], "-"),
        ("embedding", {}, [rng.integers(0, 1000, (32, 128)), normal(1000, 64)], "-"),
        ("attention", {}, [heads, heads, heads], "-"),
        ("lstm", {}, [normal(32, 28, 28), normal(32, 64), normal(32, 64), *recurrent], "-"),
    ]
    rows = []
    for name, options, given, promised in cases:
        inputs = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in given]
        layer = partial(CATALOGUE[name].layer, **options)
        twin = partial(getattr(twins, name), **options)
        dy = rng.normal(size=layer(*inputs)[0].shape).astype(np.float32)
        mine = _seconds(partial(_there_and_back, layer, inputs, dy), 30)
        its = _seconds(_compiled(twin, inputs, dy), 30)
        shape = "×".join(str(n) for n in inputs[0].shape)
        figure = f"{1e3 * mine:.2f} ms / {1e3 * its:.2f} ms = {mine / its:.2f}"
        rows.append((f"{name}, first input {shape}: ours / TensorFlow", figure, promised))
    return rows


def _there_and_back(layer: Any, inputs: list[Array], dy: Array) -> None:
    layer(*inputs)[1](dy)


def _compiled(twin: Any, inputs: list[Array], dy: Array) -> Callable[[], None]:
    """The twin and its gradients as one graph, the gradients handed out as arrays."""
    from gradcheck.tape import tensorflow

    tf = tensorflow()
    tensors = [tf.constant(x) for x in inputs]
    watched = [tensor for tensor in tensors if tensor.dtype.is_floating]

    def gradients() -> Any:
        with tf.GradientTape() as recorded:
            recorded.watch(watched)
            y = twin(*tensors)
        return recorded.gradient(y, watched, dy)

    graph = tf.function(gradients)

    def run() -> None:
        for gradient in graph():
            tf.convert_to_tensor(gradient).numpy()

    run()
    return run


def _data_argument() -> str:
    return next((a.removeprefix("--data=") for a in sys.argv if a.startswith("--data=")), "digits")


def training() -> list[tuple[str, str, str]]:
    """Forward and backward of convolution and pooling against the plain loops, 100 images 28×28."""
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(100, 28, 28, 1)), rng.normal(size=(3, 3, 1, 8)), rng.normal(size=8)

    def fast() -> None:
        y, back = conv2d(x, W, b, padding=1)
        pooled, back_pool = max_pool2d(y)
        back(back_pool(pooled)[0])  # type: ignore[arg-type]

    def plain() -> None:
        few = x[:2]
        y, back = reference.conv2d(few, W, b, padding=1)
        pooled, back_pool = reference.max_pool2d(y)
        back(back_pool(pooled)[0])  # type: ignore[arg-type]

    network = digits_cnn((28, 28, 1))
    theta = network.initialize(rng, scheme="he")
    labels = rng.integers(0, 10, 100)

    def step() -> None:
        logits, back = network(x, *theta)
        loss, back_loss = softmax_cross_entropy(logits, labels)
        back(back_loss(np.ones_like(loss))[0])  # type: ignore[arg-type]

    quick, slow, whole = _seconds(fast, 5), 50 * _seconds(plain, 1), _seconds(step, 5)
    return [
        ("convolution and pooling, plain loops: s a step (2 images × 50)", f"{slow:.1f}", "-"),
        ("convolution and pooling, fast: s a step", f"{quick:.4f}", "-"),
        ("whole network, forward and backward: s a step", f"{whole:.4f}", "-"),
        ("plain loops over whole fast step", f"{slow / whole:.0f}×", "≥ 200×"),
    ]


def _seconds(work: Callable[[], None], times: int) -> float:
    """The quickest of several runs: the one that nothing else disturbed."""
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def mutants() -> list[tuple[str, str, str]]:
    """Every single change to a backward pass of the catalogue: convicted, equal, or survived."""
    from reports.mutation import Fate, all_mutants, judge

    outcomes = list(judge(all_mutants()))
    fates = Counter(outcome.fate for outcome in outcomes)
    survivors = [outcome for outcome in outcomes if outcome.fate is Fate.SURVIVED]
    unknown = [outcome for outcome in survivors if not outcome.explanation]
    changing = len(outcomes) - fates[Fate.EQUAL]
    score = fates[Fate.CONVICTED] / changing
    return [
        ("single changes to backward passes", f"{len(outcomes):,}", "-"),
        ("of these, change no value", f"{fates[Fate.EQUAL]:,}", "-"),
        ("convicted of the others", f"{fates[Fate.CONVICTED]:,} of {changing:,}", "all"),
        ("mutation score", f"{score:.2%}", "100 %"),
        ("survivors, explained in layers/mistakes/survivors.md", f"{len(survivors)}", "-"),
        ("survivors that nobody has explained", f"{len(unknown)}", "0"),
        *((f"  {outcome.mutant.name}", "survives", "convicted") for outcome in unknown),
    ]


def blame() -> list[tuple[str, str, str]]:
    """The line that is blamed for every single change to a backward pass."""
    from reports.mutation import all_mutants, blame

    blamed = list(blame(all_mutants()))
    named = [one for one in blamed if one.named]
    hits, missed = sum(one.hit for one in named), sum(one.missed for one in blamed)
    return [
        ("changes convicted by a gradient", f"{len(blamed):,}", "-"),
        ("the changed line has a name that is compared", f"{len(named):,}", "-"),
        ("of these, the changed line is blamed", f"{hits / len(named):.2%}", "≥ 95 %"),
        ("a right line is blamed alone", f"{missed / len(blamed):.2%}", "≤ 2 %"),
    ]


def lines(seeds: int = 20) -> list[tuple[str, str, str]]:
    """The lines of right backward passes, and what it costs to compare them."""
    verdicts: Counter[Verdict] = Counter()
    seconds = {False: 0.0, True: 0.0}
    for entry in CATALOGUE.values():
        for one, seed in product(entry.configurations, range(seeds)):
            inputs = one.inputs(np.random.default_rng(seed)).values()
            for by_line in seconds:
                started = time.perf_counter()
                report = check(entry.bound(one), *inputs, seed=seed, lines=by_line)
                seconds[by_line] += time.perf_counter() - started
                verdicts.update(line.verdict for line in report.lines)
    compared = sum(verdicts.values())
    return [
        (f"lines of right layers compared, {seeds} seeds", f"{compared:,}", "-"),
        ("of these, not PASS", f"{compared - verdicts[Verdict.PASS]}", "0"),
        (
            "time of a check with lines over that without",
            f"{seconds[True] / seconds[False]:.1f}",
            "≤ 10",
        ),
    ]


def homework() -> list[tuple[str, str, str]]:
    """The classic homework's two mistakes and others of training code, on 100 digits."""
    from reports.data import load
    from reports.homework import TRAINING_MISTAKES, every_tie, rises, trained
    from reports.training import HandTrainer

    data = load(_data_argument())
    ties = every_tie(data)
    right = trained(HandTrainer, data)
    rows = [
        (
            "every tie: bias gradient over the true one, 9 of 10",
            f"{ties.low:.2g} … {ties.high:.2g}",
            "-",
        ),
        ("every tie: share of bias gradients with the wrong sign", f"{ties.uphill:.0%}", "-"),
        (
            "every tie: accuracy after 50 steps, right pooling",
            f"{ties.accuracy:.0%}, {ties.right_accuracy:.0%}",
            "-",
        ),
        ("right training: steps in which the loss rises", f"{rises(right.ours)} of 50", "-"),
        ("right training: the curves part", f"{right.parted_at}", "None"),
    ]
    for name, trainer in TRAINING_MISTAKES.items():
        curves = trained(trainer, data)
        rows.append(
            (
                f"{name}: loss rises, curves part after step",
                f"{rises(curves.ours)} of 50, {curves.parted_at}",
                "≤ 2",
            )
        )
    return rows


def start() -> list[tuple[str, str, str]]:
    """A cold start of the command line."""

    def run(*arguments: str) -> Callable[[], None]:
        command = [sys.executable, "-m", "reports", *arguments]
        return lambda: void(subprocess.run(command, check=True, capture_output=True))

    def void(_: object) -> None:
        return None

    checked = _seconds(run("check", "dense", "--no-tape"), 3)
    helped = _seconds(run("--help"), 3)
    return [
        ("gradcheck check dense --no-tape: s", f"{checked:.2f}", "< 1"),
        ("gradcheck --help: s", f"{helped:.2f}", "-"),
    ]


SECTIONS: dict[str, Section] = {
    "coverage": coverage,
    "alarms": alarms,
    "power": power,
    "cost": cost,
    "stage1": stage1,
    "tape": tape,
    "gallery": gallery,
    "mutants": mutants,
    "blame": blame,
    "lines": lines,
    "homework": homework,
    "stage2": stage2,
    "training": training,
    "speed": speed,
    "start": start,
}


def main() -> None:
    """Measure the sections named on the command line, or all."""
    chosen = [a for a in sys.argv[1:] if not a.startswith("-")] or list(SECTIONS)
    for name in chosen:
        started = time.perf_counter()
        rows = SECTIONS[name]()
        print(tabulate(rows, (name, "measured", "promised"), disable_numparse=True))
        print(f"({time.perf_counter() - started:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
