"""The wheel owns one top-level name: it lives beside anybody's own `layers`, and leaves it whole."""

import subprocess
import sys
import sysconfig
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow

RAISES = 'raise RuntimeError("a file of the student, imported by mistake")\n'
RELU = """
import numpy as np

def relu(x):
    y = np.maximum(x, 0)

    def backward(dy):
        return dy * (x > 0)

    return y, backward

def relu_inputs(rng):
    return {"x": rng.normal(size=(3, 4))}
"""
NEIGHBOUR = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "neighbour"
version = "1.0"

[tool.hatch.build.targets.wheel]
packages = ["layers"]
"""


def run(*command, cwd, check=True, **environment):
    """What a command of the visitor's prints; nothing of our own environment leaks into it."""
    clean = {"PATH": "/usr/bin:/bin", "NO_COLOR": "1", "HOME": str(cwd), **environment}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + ("" if check else done.stderr)


def build(project, into):
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", into, cwd=project)
    return next(into.glob("*.whl"))


def visitor(folder):
    """A virtual environment that sees our dependencies, and nothing of this checkout."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    site = next(folder.glob("lib/python*/site-packages"))
    # A plain path: the .pth files in there, an editable install of ours among them, are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


def pip(python, *arguments):
    offline = ("--no-index", "--no-deps", "--no-build-isolation") if "install" in arguments else ()
    command = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--python", python)
    run(*command, *arguments, *offline, cwd=python.parent)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An environment with the wheel, and with a neighbour that owns a package called layers."""
    folder = tmp_path_factory.mktemp("visitor")
    project = folder / "neighbour"
    (project / "layers").mkdir(parents=True)
    (project / "pyproject.toml").write_text(NEIGHBOUR)
    (project / "layers" / "__init__.py").write_text("OWNER = 'neighbour'\n")
    (project / "layers" / "dense.py").write_text("OWNER = 'neighbour'\n")
    python = visitor(folder / "venv")
    pip(python, "install", build(project, folder / "dist"))
    pip(python, "install", wheel)
    return python


@pytest.fixture
def homework(tmp_path):
    """A student's folder: their own layers.py, and a reports.py that must not be imported."""
    (tmp_path / "layers.py").write_text(RELU)
    (tmp_path / "reports.py").write_text(RAISES)
    return tmp_path


def test_it_has_one_top_level_name(wheel):
    names = {name.split("/")[0] for name in ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"gradcheck"}


def test_it_brings_what_the_command_line_reads(wheel):
    inside = set(ZipFile(wheel).namelist())
    for package, home in {"gradcheck": "", "layers": "gradcheck/_course/"}.items():
        pages = [p for p in (ROOT / package).rglob("*") if p.suffix in (".py", ".md", ".typed")]
        assert {home + page.relative_to(ROOT).as_posix() for page in pages} <= inside


def test_alone_it_asks_for_numpy_and_tabulate(wheel):
    archive = ZipFile(wheel)
    metadata = next(name for name in archive.namelist() if name.endswith("METADATA"))
    needs = Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist")
    always = [need for need in needs if "extra ==" not in need]
    assert sorted(need.split(">")[0] for need in always) == ["numpy", "tabulate"]


@pytest.mark.parametrize("launcher", ["gradcheck", "python -m gradcheck"])
@pytest.mark.parametrize("path", ["", "."], ids=["plain", "PYTHONPATH=."])
def test_a_layers_file_of_the_students_own_is_checked(python, homework, launcher, path):
    program, *rest = launcher.split()
    command = (python.parent / program, *rest, "check", "layers.py:relu")
    assert "relu: PASS" in run(*command, cwd=homework, PYTHONPATH=path)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("list", "softmax_cross_entropy"),
        ("mistakes dense-W-zero", "zero: dW is zero everywhere"),
        ("check dense --no-tape", "PASS"),
        ("check dense conv2d --no-tape --jobs 2 --timeout 60", "PASS"),
        ("run --quick --no-tape", "Stage 3"),
    ],
    ids=["list", "mistakes", "check", "jobs", "run"],
)
def test_every_command_works_where_layers_and_reports_raise(python, tmp_path, command, expected):
    (tmp_path / "layers.py").write_text(RAISES)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "__init__.py").write_text(RAISES)
    said = run(python, "-m", "gradcheck", *command.split(), cwd=tmp_path, PYTHONPATH=".")
    assert expected in said


def test_the_course_is_imported_by_name(python, tmp_path):
    program = "from gradcheck.course import layers; from layers import dense; print(dense.__doc__)"
    assert "y = x W + b" in run(python, "-c", program, cwd=tmp_path)


def test_a_program_has_its_own_layers_unless_it_asks_for_the_course(python, homework, tmp_path):
    assert "neighbour" in run(
        python, "-c", "import gradcheck, layers; print(layers.OWNER)", cwd=python.parent
    )
    program = "import gradcheck, layers; print(layers.__file__)"
    assert str(homework) in run(python, "-c", program, cwd=homework)
    (homework / "layers.py").unlink()
    (homework / "layers").mkdir()
    (homework / "layers" / "mine.py").write_text("print('mine')")
    both = "import layers, gradcheck.course"
    assert "one program can have only one of them" in run(
        python, "-c", both, cwd=homework, check=False
    )


def test_the_checker_needs_nothing_of_the_course(python, homework):
    program = """
import sys
absent = "tensorflow", "scipy", "sklearn", "matplotlib", "rich", "torch", "jax", "pytest", "hypothesis"
sys.modules.update(dict.fromkeys(absent))
import numpy as np, gradcheck, gradcheck.__main__
print(gradcheck.check_derivative(np.sin, np.cos, np.ones(3)))
sys.exit(gradcheck.__main__.main(sys.argv[1:]))
"""
    said = run(python, "-c", program, "check", "layers.py:relu", cwd=homework)
    assert "sin: PASS" in said
    assert "relu: PASS" in said


def test_what_is_missing_is_one_line_before_any_work(python, homework):
    program = """
import sys
sys.modules["matplotlib"] = None
from gradcheck.__main__ import main
sys.exit(main(["run", "--no-tape", "--quick"]))
"""
    said = run(python, "-c", program, cwd=homework, check=False)
    assert said == "gradcheck: this needs matplotlib: pip install 'gradcheck[course]'\n"


def test_a_homework_imports_its_own_layers_and_reports(python, homework):
    (homework / "reports.py").write_text("SLOPE = 1.0\n")
    (homework / "hw.py").write_text(
        "import reports\nfrom layers import relu_inputs as mine_inputs, relu\n\n"
        "def mine(x):\n    y, backward = relu(x)\n"
        "    return y, lambda dy: reports.SLOPE * backward(dy)\n"
    )
    for targets in (["hw.py:mine", "dense"], ["dense", "hw.py:mine"]):
        said = run(python, "-m", "gradcheck", "check", *targets, "--no-tape", cwd=homework)
        assert "hw.py:mine: PASS" in said
        assert "dense (plain): PASS" in said


def test_uninstalled_it_leaves_the_neighbour_whole(wheel, python):
    site = next((python.parent.parent).glob("lib/python*/site-packages"))
    before = {p: p.read_bytes() for p in (site / "layers").rglob("*.py")}
    assert len(before) == 2
    pip(python, "uninstall", "-y", "gradcheck")
    try:
        assert {p: p.read_bytes() for p in (site / "layers").rglob("*.py")} == before
        assert not (site / "gradcheck").exists()
        program = "import layers.dense; print(layers.dense.OWNER)"
        assert "neighbour" in run(python, "-c", program, cwd=site)
    finally:
        pip(python, "install", wheel)


def test_in_an_editable_checkout_layers_is_the_catalogue(tmp_path, homework):
    python = visitor(tmp_path / "venv")
    pip(python, "install", "-e", ROOT)
    program = "import layers, reports, gradcheck.course; print(layers.__file__)"
    (tmp_path / "elsewhere").mkdir()
    assert str(ROOT / "layers") in run(python, "-c", program, cwd=tmp_path / "elsewhere")
    for command in ((python.parent / "gradcheck",), (python, "-m", "gradcheck")):
        said = run(*command, "check", "layers.py:relu", cwd=homework, PYTHONPATH=".")
        assert "relu: PASS" in said
    assert "dense" in run(python, "-m", "reports", "list", cwd=ROOT)
