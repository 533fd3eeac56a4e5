"""Figures of a report: they show the report's own numbers, the same bytes each time, and refuse what is not."""

import io
import pickle
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from examples import few_quick
from golden_files import agrees
from matplotlib.text import Text

from gradcheck import check
from gradcheck.curves import curves_of
from gradcheck.layout import laid_out, reduced, signed_error
from gradcheck.plots import (
    plot_growth,
    plot_heat_map,
    plot_report,
    plot_scatter,
    plot_taylor,
    plot_v_curve,
    save_figure,
)
from layers.dense import dense
from reports.cli import main

MAGIC = {".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG"}
"""How a file of each kind begins."""


def inputs():
    rng = np.random.default_rng(3)
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=5)


def squared(x, W, b):
    s = x @ W + b
    y = s**2

    def backward(dy):
        ds = dy * 2 * s
        dx = ds @ W.T
        dW = x.T @ ds
        db = ds.sum(axis=0)
        return dx, dW, db

    return y, backward


def thrice(x, W, b):
    s = x @ W + b
    y = s**2

    def backward(dy):
        ds = dy * 3 * s
        dx = ds @ W.T
        dW = x.T @ ds
        db = ds.sum(axis=0)
        return dx, dW, db

    return y, backward


@pytest.fixture(scope="module")
def right():
    return check(squared, *inputs(), lines=True)


@pytest.fixture(scope="module")
def wrong():
    return check(thrice, *inputs())


FIGURES = {
    "map": lambda report: plot_heat_map(report, "W"),
    "scatter": lambda report: plot_scatter(report, "dW"),
    "growth": plot_growth,
    "steps": lambda report: plot_v_curve(report, "W"),
    "taylor": lambda report: plot_taylor(report, "W"),
}


def drawn(figure):
    out = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "gradcheck"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


@pytest.mark.parametrize("name", few_quick([*FIGURES], 3))
def test_every_figure_has_real_text_and_the_same_bytes_each_time(wrong, name):
    shown = drawn(FIGURES[name](wrong))
    assert shown == drawn(FIGURES[name](wrong))
    assert b"thrice" in shown


def described(figure):
    """What stands in a figure, its numbers left out: its words, and how each line is drawn."""
    yield f"{figure.get_size_inches().tolist()} inches"
    for axes in figure.axes:
        scales = f"{axes.get_xscale()} × {axes.get_yscale()}"
        visible = " ".join(side for side, spine in axes.spines.items() if spine.get_visible())
        title = axes.get_title(loc="left")
        yield f"{title} | {axes.get_xlabel()} | {axes.get_ylabel()} | {scales} | {visible}"
        for text in axes.findobj(Text):
            if title and text.get_text() == title:
                yield f"  title of {text.get_fontsize():g}"
        for image in axes.images:
            low, high = image.get_clim()
            yield f"  map: {image.get_cmap().name}, {axes.get_aspect()}, {'even' if low == -high else 'odd'}"
        for line in axes.lines:
            look = (line.get_color(), line.get_linestyle(), line.get_linewidth(), line.get_marker())
            mark = (line.get_markersize(), line.get_markerfacecolor(), line.get_markeredgecolor())
            # Where rounding takes over, and how many points stand clear of it, is the processor's.
            count = len(line.get_xdata()) if len(line.get_xdata()) < 20 else "many"
            label = line.get_label() if not line.get_label().startswith("_") else "no label"
            yield f"  {label}: {count} points {look} {mark}"
        if axes.get_legend():
            texts = axes.get_legend().get_texts()
            yield f"  legend of {texts[0].get_fontsize():g}: {', '.join(t.get_text() for t in texts)}"


def test_the_words_of_every_figure_and_how_its_lines_are_drawn(right, wrong):
    figures = {
        f"{name} of {report.name}": draw(report)
        for name, draw in FIGURES.items()
        for report in (right, wrong)
    }
    figures["a glance"] = plot_report(right, check(squared, *inputs()), wrong)
    told = ((name, *described(figure)) for name, figure in figures.items())
    agrees("figures.txt", "\n".join("\n".join(lines) for lines in told))


def test_powers_of_ten_are_text():
    axes = plot_growth(check(thrice, *inputs(), effort="directional", lines=True)).axes[0]
    written = axes.yaxis.get_major_formatter()
    assert [written(value, None) for value in (1e-12, 1.0, 1e3)] == ["10⁻¹²", "10⁰", "10³"]


def test_the_heat_map_shows_the_signed_error_and_names_the_worst_entry(wrong):
    axes = plot_heat_map(wrong, "W").axes[0]
    row = wrong["W"]
    assert np.array_equal(axes.images[0].get_array(), row.analytic - row.numeric)
    ((across,), (up,)) = axes.lines[0].get_data()
    assert (up, across) == row.worst
    assert str(list(row.worst)) in axes.get_xlabel()


def test_the_scatter_of_a_factor_has_its_slope(wrong):
    axes = plot_scatter(wrong, "W").axes[0]
    numeric, hand = axes.containers[0].lines[0].get_data()
    assert np.allclose(hand, 1.5 * numeric)
    assert "FAIL" in axes.get_title(loc="left")


def test_the_growth_jumps_at_the_wrong_line(right, wrong):
    def errors(report):
        return np.concatenate([line.get_ydata() for line in plot_growth(report).axes[0].lines])

    assert errors(right).max() < 1e-6 < 0.1 < errors(wrong).max()
    told = [line.relative_error for line in wrong.lines]
    assert len(set(told)) > 1 and sorted(errors(wrong)) == sorted(np.maximum(told, 1e-17))
    labels = [label.get_text() for label in plot_growth(wrong).axes[0].get_xticklabels()]
    assert labels[0] == f"ds\nline {wrong.lines[0].line}"


def test_growth_without_lines_says_how_to_have_them():
    with pytest.raises(ValueError, match="lines=True"):
        plot_growth(check(dense, *inputs()))


def test_the_v_has_a_bottom_and_a_wrong_gradient_a_plateau(right, wrong):
    def lowest(report):
        lines = plot_v_curve(report, "W").axes[0].lines
        return {line.get_label(): np.min(line.get_ydata()) for line in lines}

    assert lowest(right)["central"] < 1e-8
    assert lowest(wrong)["central"] > 0.1
    assert any(label.startswith("resolution") for label in lowest(right))


def test_the_step_of_the_check_lies_where_the_extrapolated_error_is_small(right):
    curves = curves_of(right, "W", methods=("extrapolated",))
    taken = np.argmin(np.abs(np.log(curves.steps / right["W"].step)))
    errors = curves.errors["extrapolated"]
    assert errors[taken] < 1e-9 < 1e3 * errors.min() + 1e-9 < errors[-1]
    lines = plot_v_curve(right, "W").axes[0].lines
    (marked,) = (line for line in lines if line.get_label().startswith("step of the check"))
    assert marked.get_xdata()[0] == right["W"].step


def test_a_report_from_another_process_has_the_curves_that_it_was_asked_for_there():
    report = check(squared, *inputs())
    with pytest.raises(ValueError, match="left its layer behind"):
        plot_v_curve(pickle.loads(pickle.dumps(report)), "W")
    here = drawn(plot_v_curve(report, "W"))
    assert drawn(plot_v_curve(pickle.loads(pickle.dumps(report)), "W")) == here


def test_a_report_at_a_glance_has_a_row_of_panels_each_about_its_gradient(right, wrong):
    figure = plot_report(right, wrong, name="W")
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles[::3] == ["squared: dW PASS", "thrice: dW FAIL"]
    hand = figure.axes[4].containers[0].lines[0].get_ydata()
    assert np.array_equal(hand, wrong["W"].analytic.ravel())
    assert titles[2] == titles[5] == "error along the way back"
    seen = plot_report(check(dense, *inputs())).axes[2]
    assert seen.get_title(loc="left") == "error of the differences"


@pytest.mark.parametrize("kind", [".svg", ".pdf", ".png"])
def test_a_figure_is_written_in_each_form_and_twice_the_same(wrong, tmp_path, kind):
    for name in ("one", "two"):
        save_figure(plot_scatter(wrong), tmp_path / f"{name}{kind}")
    one, two = ((tmp_path / f"{name}{kind}").read_bytes() for name in ("one", "two"))
    assert one == two and one[:8].strip().startswith(MAGIC[kind])


def test_a_figure_is_not_written_as_anything_else(wrong, tmp_path):
    with pytest.raises(ValueError, match="one of svg, pdf, png, not as 'gif'"):
        save_figure(plot_scatter(wrong), tmp_path / "f.gif")


def test_taylor_says_its_slope(right, wrong):
    def title(report):
        return plot_taylor(report, "W").axes[0].get_title(loc="left")

    assert "PASS" in title(right) and "slope 2" in title(right)
    assert "FAIL" in title(wrong) and "slope 1" in title(wrong)


def test_the_first_that_did_not_pass_is_drawn_unless_one_is_named(wrong):
    assert "dx" in plot_heat_map(wrong).axes[0].get_title(loc="left")
    with pytest.raises(KeyError):
        plot_heat_map(wrong, "nothing")


def test_a_gradient_seen_along_directions_has_no_map():
    report = check(dense, *inputs(), effort="directional")
    with pytest.raises(ValueError, match="entry by entry"):
        plot_heat_map(report, "W")


def test_a_kernel_is_laid_out_as_tiles_and_images_as_channels():
    kernel = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(float)
    plane = laid_out(kernel, "conv.W")
    assert plane.shape == (4 * 3 - 1, 5 * 4 - 1)
    assert np.array_equal(plane[3:5, 4:7], kernel[:, :, 1, 1])
    assert np.isnan(plane[2]).all() and np.isnan(plane[:, 3]).all()
    images = laid_out(kernel, "x")
    assert images.shape == (2 * 4 - 1, 5 * 5 - 1)
    assert np.array_equal(images[:3, 5:9], kernel[0, :, :, 1])


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (2, 1, 2, 3, 2)])
def test_every_entry_of_any_shape_is_laid_out_once(shape):
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(float)
    plane = laid_out(values)
    assert sorted(plane[~np.isnan(plane)]) == sorted(values.ravel())


def test_one_wrong_entry_stays_in_sight_when_a_map_is_reduced():
    plane = np.zeros((300, 200))
    plane[299, 199] = -5.0
    small, block = reduced(plane, 128)
    assert max(small.shape) <= 128 and block == (3, 2)
    assert small[-1, -1] == -5.0 and np.count_nonzero(small) == 1


def test_what_is_right_at_a_kink_is_no_error():
    x = np.array([0.0, 1.0, -1.0])

    def relu(x):
        return np.maximum(x, 0), lambda dy: dy * (x > 0)

    row = check(relu, x)["x"]
    assert row.kinks[0]
    assert signed_error(row)[0] == 0.0


ROOT = Path(__file__).parent.parent


def test_the_figure_of_the_readme_is_what_its_command_writes(capsysbinary, monkeypatch):
    monkeypatch.chdir(ROOT)
    (words,) = re.findall(
        r"`gradcheck (check .*) --format svg` draws it", Path("README.md").read_text()
    )
    assert main([*words.split(), "--format", "svg"]) == 1

    def parts(text):
        """Its elements in order, and its words but for the figures that rounding decides."""
        root = ElementTree.fromstring(text)
        named = [element.tag for element in root.iter() if "metadata" not in element.tag]
        return named, [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]

    written = parts(capsysbinary.readouterr().out)
    assert written == parts(Path("docs/batch_norm.svg").read_bytes())
    assert "batch_norm: dx FAIL" in written[1] and "line 19" in written[1]


@pytest.mark.parametrize("form", few_quick(["svg", "pdf", "png"], 1))
def test_the_command_line_draws_in_each_form(capsysbinary, form):
    assert main(["check", "reshape", "--no-tape", "--format", form]) == 0
    assert capsysbinary.readouterr().out[:8].strip().startswith(MAGIC[f".{form}"])


def test_what_cannot_be_drawn_is_said_in_a_line(capsys):
    assert main(["check", "dense", "--no-tape", "--effort", "directional", "--format", "svg"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "entry by entry" in said.err and said.err.count("\n") == 1
