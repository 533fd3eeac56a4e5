"""PyTorch's functions, modules and hand-written backward passes; skipped where it is not installed."""

from __future__ import annotations

import numpy as np
import pytest
from twins import imported, judged_in_half, marked, named

from gradcheck import Verdict, check_torch

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
once_differentiable = torch.autograd.function.once_differentiable


def normal(*shape, seed=0, dtype=np.float64):
    rng = np.random.default_rng((seed, *shape))
    return torch.tensor(rng.standard_normal(shape).astype(dtype))


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x**3 @ w

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return 3 * x**2 * (dy @ w.T), (x**3).T @ dy


class WrongCube(Cube):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return 2 * x**2 * (dy @ w.T), (x**3).T @ dy


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x.clamp(min=0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, dy):
        return dy * (ctx.saved_tensors[0] > 0)


def test_a_hand_written_function():
    report = check_torch(Cube, normal(3, 4), normal(4, 2))
    assert report.passed, str(report)
    assert report.name == "Cube" and [row.name for row in report.rows] == ["x", "w"]


def test_a_wrong_one_is_convicted_and_named():
    report = check_torch(WrongCube, normal(3, 4), normal(4, 2))
    assert report["x"].verdict is Verdict.FAIL and report["w"].verdict is Verdict.PASS
    assert "scaled" in {finding.code for finding in report.all_findings()}, str(report)


def test_float32_is_judged_as_float32():
    assert check_torch(Cube, normal(3, 4).float(), normal(4, 2).float()).passed
    assert not check_torch(WrongCube, normal(3, 4).float(), normal(4, 2).float()).passed


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_is_judged_as_such(half):
    x, w = (t.to(getattr(torch, half)) for t in (normal(3, 4), normal(4, 2)))
    report = check_torch(Cube, x, w)
    assert report.passed, str(report)
    assert "low-precision" in {finding.code for finding in report.findings}
    assert not check_torch(WrongCube, x, w).passed


def test_numpys_half_precision_is_torchs():
    x, w = (t.numpy().astype(np.float16) for t in (normal(3, 4), normal(4, 2)))
    assert check_torch(Cube, x, w).passed and not check_torch(WrongCube, x, w).passed


class WrongInHalf(Cube):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        factor = 3 if x.dtype == torch.float32 else 2
        return factor * x**2 * (dy @ w.T), (x**3).T @ dy


def test_a_kernel_that_is_wrong_in_half_precision_alone_is_convicted():
    x, w = normal(3, 4).bfloat16(), normal(4, 2).bfloat16()
    report = check_torch(WrongInHalf, x, w)
    assert report.verdict is Verdict.FAIL
    assert "rounding does not explain" in str(report)


def test_at_a_kink_and_with_a_context_set_up_apart():
    x = normal(3, 4)
    x[0, 0] = 0
    assert check_torch(Relu, x).passed


def test_modules_with_parameters_and_buffers_are_left_as_they_were():
    module = torch.nn.Sequential(
        torch.nn.Linear(4, 3, bias=False), torch.nn.BatchNorm1d(3), torch.nn.Tanh()
    ).double()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    report = check_torch(module, normal(5, 4))
    assert report.passed, str(report)
    assert [row.name for row in report.rows][1:] == ["0.weight", "1.weight", "1.bias"]
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


class Wrapped(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(normal(4, 2))

    def forward(self, x):
        return WrongCube.apply(x, self.w)


def test_a_module_around_a_wrong_function_is_convicted():
    report = check_torch(Wrapped(), normal(3, 4))
    assert report["x"].verdict is Verdict.FAIL and report["w"].verdict is Verdict.PASS


def test_trees_labels_and_several_outputs():
    def f(tree, labels, power):
        y = tree["a"][labels] ** power
        return y, {"sum": (tree["a"] * tree["b"]).sum()}

    tree = {"a": normal(4, 2), "b": normal(4, 2, seed=1)}
    report = check_torch(f, tree, torch.tensor([0, 2, 2]), 2)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["tree.a", "tree.b"]


def test_the_example_and_the_line_of_its_wrong_twin():
    assert imported("torch_function").report().passed
    report = imported("torch_function", "wrong").report()
    assert named([f.to_dict() for f in report.findings]) == marked("torch_function"), str(report)
    assert "repeated-index-lost" in {finding.code for finding in report.all_findings()}


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_the_example_in_half_precision(half):
    right, wrong = judged_in_half("torch_function", getattr(torch, half))
    assert right.passed and "low-precision" in {f.code for f in right.findings}, str(right)
    assert wrong.verdict is Verdict.FAIL


def halved(v):
    return v / 2


class Held(torch.autograd.Function):
    """Values on the context, a helper, and an array that is written into row by row."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.w, ctx.x = w, x
        ctx.z = halved(x @ w)
        ctx.y = torch.tanh(ctx.z)
        return ctx.y

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        dz = torch.zeros_like(dy)
        for n in range(len(dy)):
            dz[n] = dy[n] * (1 - ctx.y[n])
        da = halved(dz)
        return da @ ctx.w.T, ctx.x.T @ da


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_lines_with_a_helper_and_pieces_in_every_precision(dtype):
    report = check_torch(Held, *(t.to(getattr(torch, dtype)) for t in (normal(3, 4), normal(4, 2))))
    wrong = report.by_line.first_wrong
    assert wrong is not None, str(report)
    assert wrong.evidence["source"].strip() == "dz[n] = dy[n] * (1 - ctx.y[n])", str(report)


def test_on_a_gpu_where_there_is_one():
    if not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    x, w = normal(3, 4).float().cuda(), normal(4, 2).float().cuda()
    assert check_torch(Cube, x, w).passed
    assert not check_torch(WrongCube, x, w).passed
