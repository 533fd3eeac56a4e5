"""PyTorch: an `autograd.Function` with a backward pass of its own, which picks rows more than once."""

import torch

from gradcheck import check_torch


class PickedRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, rows):
        z = x @ w
        mask = z > 0
        y = torch.where(mask, z, torch.zeros_like(z))
        picked = y[rows]
        ctx.save_for_backward(x, w, rows, mask)
        return picked

    @staticmethod
    def backward(ctx, dpicked):
        x, w, rows, mask = ctx.saved_tensors
        dy = torch.zeros_like(mask, dtype=dpicked.dtype)
        dy.index_add_(0, rows, dpicked)
        dz = torch.where(mask, dy, torch.zeros_like(dy))
        dx = dz @ w.T
        dw = x.T @ dz
        return dx, dw, None


def report(dtype=torch.float64, **options):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, generator=generator, dtype=torch.float64).to(dtype)
    w = torch.randn(4, 2, generator=generator, dtype=torch.float64).to(dtype)
    x[0] = 0  # at the kink of every unit
    return check_torch(PickedRelu, x, w, torch.tensor([0, 2, 2, 1]), **options)


if __name__ == "__main__":
    print(report())
