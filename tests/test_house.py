"""The house: arrows one way, no circles, few floors, rooms that open with a sentence, few thoughts in each."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from radon.complexity import cc_visit
from radon.visitors import Function

ROOT = Path(__file__).parent.parent
PACKAGES = ("gradcheck", "layers", "reports")
ROOMS = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
LAUNCHERS = {ROOT / "gradcheck" / name for name in ("__main__.py", "course.py")}
"""The two that start the course from the checker: the one exception to the arrows."""


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in ROOMS}


@cache
def imports(path):
    """The modules of ours that a room imports, at once, when they are used, or for their types alone."""
    return frozenset(imported(ast.parse(path.read_text(encoding="utf-8"))))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found = whole if whole in MODULES else node.module
                if found in MODULES:
                    yield found


def test_the_checker_and_the_layers_know_nothing_of_the_others():
    for path in ROOMS:
        package = path.relative_to(ROOT).parts[0]
        allowed = {"gradcheck": {"gradcheck"}, "layers": {"layers"}, "reports": set(PACKAGES)}[
            package
        ]
        if path not in LAUNCHERS:
            assert {name.split(".")[0] for name in imports(path)} <= allowed, path


def test_no_room_imports_itself_through_others():
    graph = {
        name: imports(path) - {name} if path not in LAUNCHERS else set()
        for name, path in MODULES.items()
    }
    done, under_way = set(), []

    def visit(name):
        assert name not in under_way, " → ".join([*under_way[under_way.index(name) :], name])
        if name in done:
            return
        under_way.append(name)
        for other in sorted(graph[name]):
            # A package's door hands on what is in its rooms; they do not go through it.
            visit(other)
        under_way.pop()
        done.add(name)

    for name in graph:
        visit(name)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_opens_with_a_sentence(package):
    for path in (ROOT / package).rglob("*.py"):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert (said and said.split("\n")[0].rstrip().endswith((".", ":", ",", ";"))) or said, path
        assert said[0].isupper() or said[0] in "`…", path


@cache
def complexities(package):
    """What radon counts in each function, and in each that is written in it."""
    found = []
    for path in (ROOT / package).rglob("*.py"):
        for block in cc_visit(path.read_text(encoding="utf-8")):
            if isinstance(block, Function):
                found.append((f"{path.relative_to(ROOT)}: {block.name}", block.complexity))
                found += [(f"{path.name}: {c.name}", c.complexity) for c in block.closures]
    return found


MOST = 12
"""Above twelve branches nobody follows."""


def test_few_thoughts_in_a_function():
    crowded = {name: k for name, k in complexities("gradcheck") if k > MOST}
    assert not crowded


MEAN = 3
"""What a function of the checker holds on average: a choice or two."""


def test_few_thoughts_on_average():
    counted = [k for _, k in complexities("gradcheck")]
    assert sum(counted) / len(counted) < MEAN


FLOORS = 12
"""As many rooms stand above each other, each on what it imports; a folder is one room."""


def test_few_floors():
    graph = {}
    for name, path in MODULES.items():
        if name.startswith("gradcheck") and path not in LAUNCHERS:
            graph.setdefault(room_of(name), set()).update(map(room_of, imports(path)))

    def floor(room):
        below = graph.get(room, set()) - {room}
        return 1 + max(map(floor, below), default=0)

    assert max(map(floor, graph)) <= FLOORS


def room_of(name):
    return ".".join(name.split(".")[:2])


@pytest.mark.slow
def test_every_slow_case_is_there_and_has_a_quick_sibling():
    def collected(marked):
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-n0",
            "-o",
            "addopts=",
            "-m",
            marked,
        ]
        lines = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True
        ).stdout.splitlines()
        return {line for line in lines if "::" in line}

    cases = [
        line for line in (ROOT / "tests/slow_cases.txt").read_text().splitlines() if "::" in line
    ]
    slow, quick = collected("slow"), {one.partition("[")[0] for one in collected("not slow")}
    assert [case for case in cases if case not in slow or case.partition("[")[0] not in quick] == []
