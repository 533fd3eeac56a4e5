"""A new layer takes four edits, its function, its twin, its page and its catalogue entry; the rest finds it."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed"),
]

ROOT = Path(__file__).parent.parent

FUNCTION = '''

def cube(x: Array, *, scale: float = 1.0) -> tuple[Array, Backward]:
    """y = scale · x³

    x (…) -> y (…)

        dx = 3 dy scale x²
    """
    y = scale * x * x * x

    def backward(dy: Array) -> tuple[Array]:
        dx = 3 * dy * scale * x * x
        return (dx,)

    return y, backward
'''
TWIN = '''

def cube(x: Tensor, *, scale: float = 1.0) -> Tensor:
    """A power."""
    return scale * x**3
'''
PAGE = """# cube

$$y_i = s\\, x_i^3$$

## Derivation

1. Chain rule: $\\mathrm{d}y_i = 3 s\\, x_i^2\\, \\mathrm{d}x_i$.

## Result

$$\\bar{x}_i = 3 s\\, x_i^2\\, \\bar{y}_i$$

## What goes wrong

- $x_i$ for $x_i^2$.

```python
dx = 3 * dy * scale * x**2
```
"""
ENTRY = """    "cube": (
        case("plain", normal(x=(3, 5))),
        case("scale=2", normal(x=(2, 7)), scale=2.0),
    ),
}
"""


def edited(folder: Path) -> None:
    """The four edits, one in each of four files."""
    for path, addition in (
        ("layers/activations.py", FUNCTION),
        ("layers/twins/activations.py", TWIN),
        ("layers/derivations/cube.md", PAGE),
    ):
        with (folder / path).open("a") as file:
            file.write(addition)
    catalogue = folder / "layers/catalogue/activations.py"
    catalogue.write_text(catalogue.read_text().removesuffix("}\n") + ENTRY)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    forgotten = shutil.ignore_patterns("__pycache__")
    for room in ("gradcheck", "layers", "reports", "tests"):
        shutil.copytree(ROOT / room, folder / room, ignore=forgotten)
    shutil.copy(ROOT / "pyproject.toml", folder)
    edited(folder)
    return folder


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_list_shows_the_new_layer(copy):
    shown = run(copy, "-m", "reports.cli", "list")
    assert shown.returncode == 0, shown.stderr
    assert (
        "cube\n    y = scale · x³\n    x (…) -> y (…)\n    checked: plain; scale=2" in shown.stdout
    )


def test_it_is_checked_beside_its_twin(copy):
    checked = run(copy, "-m", "reports.cli", "check", "cube")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "cube (scale=2): PASS" in checked.stdout
    assert "nan" not in checked.stdout


def test_the_tests_of_layers_and_derivations_pick_it_up(copy):
    tested = run(
        copy,
        *("-m", "pytest", "-vv", "tests/test_derivations.py", "tests/test_layers.py"),
        *("-k", "cube or index or families or activations", "-p", "no:cacheprovider"),
    )
    assert tested.returncode == 0, tested.stdout
    passed = {line.split("::")[1] for line in tested.stdout.splitlines() if "PASSED" in line}
    for name in (
        "test_every_layer_has_its_page[cube]",
        "test_the_lines_of_the_page_are_the_code[cube-scale=2]",
        "test_every_entry_has_formula_shapes_and_two_configurations[cube]",
        "test_the_index_links_every_layer_to_its_page",
        "test_every_layer_of_a_family_is_in_the_catalogue_and_in_the_package[activations]",
    ):
        assert any(test.startswith(name) for test in passed), (name, passed)


def test_the_package_offers_it(copy):
    assert (
        run(copy, "-c", "from layers import cube; cube(__import__('numpy').ones(3))").returncode
        == 0
    )
