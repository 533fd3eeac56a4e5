"""Mutation testing of the checker: random single changes to its code, each of which a test of its room should see.

    nox -s coverage && nox -s mutation -- --samples 60 --seed 1

A position in the code is drawn, then one of the changes that cosmic-ray knows there; a copy of the checkout
with that change runs the tests that watch the line, which is known after a run of the coverage, and those that
cover the room otherwise. What no test sees is printed, unless docs/developers.md says why it may be.
"""

from __future__ import annotations

import argparse
import ast
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from coverage import CoverageData

ROOT = Path(__file__).resolve().parent.parent
WATCHED = ROOT / ".coverage"
SURVIVORS = ROOT / "docs" / "developers.md"

ROOMS = {
    "gradcheck/numeric/": "witness_kept numeric kinks second_look compare harsh precisions grouping"
    " formula check stairs",
    "gradcheck/diagnosis/": "sizes draws names check mistakes forms_pairs forms_modules unseen misuse harsh",
    "gradcheck/lines/trace.py": "trace",
    "gradcheck/lines/": "statements instrument belonging lines lines_shapes lines_derivatives narrow"
    " strange_conventions styles forms_modules mistakes fresh recurrent",
    "gradcheck/repair/": "grammar repair_rooms repair repair_elsewhere names mistakes wild forms_pairs lines"
    " lines_shapes",
    "gradcheck/forms/foreign.py": "forms_tensorflow",
    "gradcheck/forms/": "planning trees forms_pairs forms_modules forms_losses forms_derivatives forms_many"
    " forms_held_out misuse conduct examples strange_conventions",
    "gradcheck/cut/": "cut budget check",
    "gradcheck/smallest.py": "smallest sums own_handout",
    "gradcheck/trees.py": "trees forms_modules forms_pairs forms_losses",
    "gradcheck/outputs.py": "outputs trees forms_pairs forms_modules",
    "gradcheck/conduct.py": "conduct check mistakes misuse forms_held_out",
    "gradcheck/linearity.py": "conduct check mistakes misuse forms_held_out",
    "gradcheck/passes.py": "conduct check mistakes misuse forms_held_out",
    "gradcheck/compare.py": "witness_kept compare check kinks second_look",
    "gradcheck/directional.py": "directional check budget",
    "gradcheck/along.py": "directional check budget",
    "gradcheck/taylor.py": "taylor",
    "gradcheck/tape.py": "tensorflow check",
    "gradcheck/plots.py": "figures",
    "gradcheck/layout.py": "figures",
    "gradcheck/curves.py": "curves figures",
    "gradcheck/many.py": "executors forms_many",
    "gradcheck/journal.py": "journal executors",
    "gradcheck/render.py": "report golden",
    "gradcheck/written.py": "report golden",
    "gradcheck/pytest_plugin.py": "pytest_plugin golden",
    "gradcheck/conformance.py": "forms_many conduct misuse docstrings",
    "gradcheck/": "check report compare conduct misuse arguments budget forms_many docstrings golden",
}
"""Which test files cover a room, those nearest to it first; of the folders the longest that fits counts."""

LEFT_OUT = ("__main__.py", "course.py", "forms/torch.py", "forms/jax.py", "forms/tensorflow.py")
"""Launchers, and what runs only where a framework is installed."""

GUARDS = (("strict=True", "strict=False"), ("frozen=True", "frozen=False"), ("eq=False", "eq=True"))
"""What guards against a fault of our own: there are no inputs that show it missing."""

SAME = ("_Eq_Is", "_NotEq_IsNot", "_Is_Eq", "_IsNot_NotEq")
"""Changes that change nothing where None, a verdict or a small whole number is asked for, which it always is."""

PATIENCE = 300
"""Seconds for one test, of which the longest takes ten: after a change that is seen one may never end."""

CHANCE = 0.05
"""A sample speaks against the promise if so few are seen by chance in fewer than one of twenty."""


@dataclass(frozen=True)
class Mutant:
    """A changed file: which line of it, as it was and as it is."""

    path: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: `{self.before}` → `{self.after}`"


def mutant_of(path: str, rng: random.Random) -> Mutant | None:
    """A random change to a file; None where it cannot be told apart, in an annotation say."""
    source = (ROOT / path).read_text("utf-8")
    tree = get_ast(source)
    places = defaultdict(list)
    for name in operator_names():
        operator = get_operator(name)
        if not operator.arguments() and not name.endswith(SAME):
            found = (
                start
                for node in ast_nodes(tree)
                for start, _ in operator().mutation_positions(node)
            )
            for occurrence, start in enumerate(found):
                places[start].append((operator, occurrence))
    spans = untold(source)
    told = sorted(p for p in places if not any(first <= p <= last for first, last in spans))
    if not told:
        return None
    place = rng.choice(told)
    operator, occurrence = rng.choice(places[place])
    text = mutate_code(source, operator(), occurrence)
    before, after = source.splitlines(), text.splitlines()
    try:
        compile(text, path, "exec")
    except SyntaxError:  # Not a change that somebody could make.
        return None
    changed = [k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b]
    if not changed or len(before) != len(after):
        return None
    k = changed[0]
    if any(after[k] == before[k].replace(*guard) for guard in GUARDS):
        return None
    return Mutant(path, k + 1, before[k].strip(), after[k].strip(), text)


def untold(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations stand, and what is imported for them alone, from and to: nothing computes with them."""
    parts: list[ast.AST | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            parts += [node.returns, *(one.annotation for one in arguments)]
        elif isinstance(node, ast.AnnAssign):
            parts.append(node.annotation)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts.append(node)
    return [
        ((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset))
        for part in parts
        if part is not None
    ]


def drawn(samples: int, rng: random.Random) -> Iterator[Mutant]:
    """Random mutants; a file is drawn as often as it has lines."""
    files = [f for f in listed("gradcheck") if f.endswith(".py") and not f.endswith(LEFT_OUT)]
    weights = [len((ROOT / f).read_text("utf-8").splitlines()) for f in files]
    while samples:
        mutant = mutant_of(rng.choices(files, weights)[0], rng)
        if mutant is not None:
            samples -= 1
            yield mutant


class Watchers:
    """Which tests run a line, as a run of the coverage has noted it; of what it has not, those of the room."""

    def __init__(self, noted: Path) -> None:
        self.data = CoverageData(str(noted)) if is_of_this_code(noted) else None
        if self.data:
            self.data.read()

    def of(self, mutant: Mutant) -> list[str]:
        """Tests, or files of them, those nearest to the mutant first."""
        near = tests_of(mutant.path)
        noted = self.tests(mutant)
        if not noted:
            return near
        places = {name: k for k, name in enumerate(near)}
        files = Counter(name.split("::")[0] for name in noted)

        def turn(name: str) -> tuple[int, int, str]:
            file = name.split("::")[0]
            return places.get(file, len(places)), files[file], file

        return sorted(noted, key=turn)

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that have run a line of the mutant's statement, in the order in which they ran."""
        if self.data is None:
            return []
        contexts = self.data.contexts_by_lineno(str(ROOT / mutant.path))
        lines = statement((ROOT / mutant.path).read_text("utf-8"), mutant.line)
        found = (context for line in lines for context in contexts.get(line, ()))
        return list(dict.fromkeys(name.rpartition("|")[0] for name in found if "|" in name))


def is_of_this_code(noted: Path) -> bool:
    """Whether the coverage was run after the last change to the code and to its tests."""
    if not noted.is_file():
        return False
    changed = max((ROOT / name).stat().st_mtime for name in listed("gradcheck", "tests"))
    return noted.stat().st_mtime > changed


def listed(*folders: str) -> list[str]:
    """The checkout's files."""
    said = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in said.stdout.splitlines() if (ROOT / name).is_file()]


def statement(source: str, line: int) -> range:
    """The lines of the innermost statement that holds a line, its body left out."""
    around = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.end_lineno is not None:
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno
            if node.lineno <= line <= end:
                around = range(node.lineno, end + 1)
    return around


def tests_of(path: str) -> list[str]:
    """The test files that cover a file of the checker."""
    room = max((room for room in ROOMS if path.startswith(room)), key=len)
    return [f"tests/test_{name}.py" for name in ("seen_changes", *ROOMS[room].split())]


def is_seen(mutant: Mutant, tests: list[str], checkout: Path) -> bool:
    """Whether a test fails, or never ends, with the change; the file is put back."""
    file = checkout / mutant.path
    whole = file.read_bytes()
    file.write_text(mutant.text, "utf-8")
    asked = checkout / "asked.txt"
    asked.write_text("\n".join(tests), "utf-8")
    limits = ("-o", f"faulthandler_timeout={PATIENCE}", "-o", "faulthandler_exit_on_timeout=true")
    command = ["-m", "pytest", "-n0", "-x", "-q", "-p", "no:cacheprovider", *limits, f"@{asked}"]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=checkout,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return ended.returncode != 0
    finally:
        file.write_bytes(whole)


def copied(folder: Path) -> Path:
    """A copy of the checkout's files, for one mutant at a time."""
    for name in listed():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def main() -> int:
    """Draw, test, print what no test saw and the share that was seen; 1 if that speaks against the promise."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--promise", type=float, default=0.9)
    given = parser.parse_args()
    print(f"{given.samples} mutants, seed {given.seed}", flush=True)
    mutants = list(drawn(given.samples, random.Random(given.seed)))
    watchers = Watchers(WATCHED)
    if watchers.data is None:
        print("no coverage of this code (nox -s coverage): the tests of the room watch a line")
    explained = SURVIVORS.read_text("utf-8") if SURVIVORS.is_file() else ""
    with tempfile.TemporaryDirectory() as folder:
        free: SimpleQueue[Path] = SimpleQueue()
        for k in range(given.jobs):
            free.put(copied(Path(folder, str(k))))

        def judged(mutant: Mutant) -> str:
            checkout = free.get()
            try:
                seen = is_seen(mutant, watchers.of(mutant), checkout)
            finally:
                free.put(checkout)
            return "seen" if seen else "explained" if f"- {mutant}" in explained else "missed"

        fates = []
        with ThreadPoolExecutor(given.jobs) as pool:
            for mutant, fate in zip(mutants, pool.map(judged, mutants), strict=True):
                fates.append(fate)
                print(f"{fate:9} {mutant.path}:{mutant.line}\n{'':9} {mutant}", flush=True)
    seen, told = fates.count("seen"), fates.count("explained")
    counted = len(fates) - told
    share, chance = seen / max(1, counted), so_few(seen, counted, given.promise)
    print(
        f"{seen} of {counted} seen: {share:.0%} (promised {given.promise:.0%}); {told} explained\n"
        f"if the promise is kept, so few are seen in {chance:.0%} of samples"
    )
    return 1 if chance < CHANCE else 0


def so_few(seen: int, counted: int, share: float) -> float:
    """The probability that no more are seen of a sample, where a share of all would be."""
    return sum(
        math.comb(counted, k) * share**k * (1 - share) ** (counted - k) for k in range(seen + 1)
    )


if __name__ == "__main__":
    sys.exit(main())
