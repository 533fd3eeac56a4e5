"""PyTorch: `autograd.Function` classes, modules with their parameters, functions; on any device."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradcheck.forms import foreign
from gradcheck.forms.names import takes
from gradcheck.layer import Function, name_of
from gradcheck.meant import must_be
from gradcheck.result import Array, Report
from gradcheck.trees import copied, flat


def check_torch(f: Any, *inputs: Any, **named: Any) -> Report:
    """Check the gradient that PyTorch uses for a function, a hand-written one above all.

        check_torch(MyFunction, x, W)                   an autograd.Function
        check_torch(MyModule(4, 3), x)                  its parameters are inputs too

    Everything stays on the device and in the dtype of the inputs: a kernel that exists in float32
    alone is judged as float32, with the bound of that. Of half precision the formula is judged in
    float32, and the gradients in half precision beside it.

    Args:
        f: an `autograd.Function` class, an `nn.Module`, or a function of tensors that returns a
            tensor, or several.
        *inputs: tensors or arrays, trees of them, and constants.
        **named: inputs by name, and options as for `check`.
    """
    must_be(callable(f), "f", f, "a function: check_torch(f, x)")
    torch = foreign.installed("torch")
    is_module = isinstance(f, torch.nn.Module)
    trained = _trained(f) if is_module else {}
    held = [*flat([*inputs, *named.values()], torch.is_tensor), *trained.values()]
    device = next(iter(held), torch.zeros(())).device
    room = _Room(torch, device, module=f if is_module else None, names=tuple(trained))
    halved = foreign.in_half(room, [inputs, named, held])
    subject = _subject(torch, f, {name: room.array(p) for name, p in trained.items()})
    return foreign.checked(subject, inputs, named, room, halved)


def _trained(module: Any) -> dict[str, Any]:
    """The parameters of a module that are trained."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def _subject(torch: Any, f: Any, parameters: Mapping[str, Array]) -> foreign.Subject:
    """A function, what is applied by an autograd.Function, or the call of a module with these parameters."""
    if isinstance(f, torch.nn.Module):
        return foreign.Subject(_arguments, f.forward, type(f).__name__, parameters)
    if not (isinstance(f, type) and issubclass(f, torch.autograd.Function)):
        return foreign.Subject(f, f, name_of(f))
    called = _signed(f, torch.autograd.Function)
    written = _written(f, called, torch.autograd.Function)
    return foreign.Subject(called, called, name_of(f), written=written)


def _arguments(*args: Any, **keywords: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a module is to be called with."""
    return args, keywords


def _signed(function: Any, base: Any) -> Function:
    """What an autograd.Function is called with: its forward pass's parameters, without the context."""
    parameters = list(inspect.signature(function.forward).parameters.values())
    if function.setup_context is base.setup_context:
        parameters = parameters[1:]

    def called(*args: Any) -> Any:
        return function.apply(*args)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called


def _written(function: Any, called: Function, base: Any) -> foreign.Written:
    """The two static methods of an autograd.Function."""

    def assemble(forward: Function, backward: Any) -> Function:
        methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
        return _signed(type(function.__name__, (function,), methods), base)

    upstream = tuple(takes(function.backward)[1:])
    return foreign.Written(
        function.forward, function.backward, assemble, tuple(takes(called)), upstream
    )


@dataclass(frozen=True, eq=False)
class _Room:
    """PyTorch on one device; `half` names the dtype to compute in if it is coarser than float32."""

    torch: Any
    device: Any
    half: Any = None
    module: Any = None
    names: tuple[str, ...] = ()

    def array(self, value: Any) -> Any:
        if not self.torch.is_tensor(value):
            return foreign.in_single(value)
        # NumPy has no bfloat16, and the checker's steps need float32 at least.
        coarse = value.dtype in (self.torch.bfloat16, self.torch.float16)
        return (value.float() if coarse else value).detach().cpu().numpy()

    def like(self, tensor: Any, array: Array) -> Any:
        return self.torch.as_tensor(np.array(array), device=tensor.device).to(tensor.dtype)

    def _tensor(self, array: Array) -> Any:
        tensor = self.torch.as_tensor(np.array(array), device=self.device)
        if not tensor.dtype.is_floating_point:
            return tensor
        half = self.half and getattr(self.torch, self.half)
        return (tensor.to(half) if half is not None else tensor).requires_grad_()

    def run(
        self, call: Callable[[list[Any]], Any], leaves: Sequence[Array], parameters: Sequence[Array]
    ) -> tuple[Any, foreign.Pull]:
        torch = self.torch
        tensors, values = (list(map(self._tensor, arrays)) for arrays in (leaves, parameters))
        with torch.enable_grad():
            outputs = self._called(call, tensors, dict(zip(self.names, values, strict=True)))
        sources = [t for t in tensors if t.requires_grad] + values
        results = [r for r in flat(outputs, torch.is_tensor) if r.dtype.is_floating_point]
        return outputs, partial(self._pulled, results, sources)

    def _pulled(
        self, results: Sequence[Any], sources: Sequence[Any], upstream: Sequence[Array]
    ) -> list[Array]:
        """The gradients of the sources; zero for what the results do not depend on."""
        both = zip(results, upstream, strict=True)
        pairs = [(r, self.like(r, u)) for r, u in both if r.requires_grad]
        found = self.torch.autograd.grad(
            [r for r, _ in pairs],
            sources,
            [u for _, u in pairs],
            retain_graph=True,
            materialize_grads=True,
        )
        return list(map(self.array, found))

    def _called(
        self, call: Callable[[list[Any]], Any], tensors: list[Any], parameters: Mapping[str, Any]
    ) -> Any:
        """The function, or its module with these parameters and with buffers of its own."""
        if self.module is None:
            return call(tensors)
        buffers = {name: copied(b) for name, b in self.module.named_buffers()}
        both = {**parameters, **buffers}
        functional = self.torch.func.functional_call
        # `call` binds the arguments and hands them on to the module; here it hands them to us.
        args, keywords = call(tensors)
        return functional(self.module, both, args, keywords)
