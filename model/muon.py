"""Muon: momentum whose update is made orthogonal, for the matrices of a network.

Source: K. Jordan and others, "Muon: An optimizer for hidden layers in neural networks" (2024), with the
scale that lets it share AdamW's learning rate (J. Liu and others, "Muon is Scalable for LLM Training",
2025). torch.optim.Muon does the same one matrix at a time in bfloat16, which costs twice as much on a CPU:
here matrices of one shape go together, in float32.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch

STEPS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
MOMENTUM = 0.95
RMS = 0.2


def orthogonal(updates: torch.Tensor) -> torch.Tensor:
    """The nearest (semi-)orthogonal matrices, roughly, by Newton and Schulz; a batch of one shape."""
    a, b, c = COEFFICIENTS
    tall = updates.shape[-2] > updates.shape[-1]
    x = updates.mT if tall else updates
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(STEPS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """For two-dimensional parameters only."""

    def __init__(
        self, parameters: Iterable[torch.nn.Parameter], lr: float, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update with the learning rate that the groups have."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                alike[parameter.shape].append(parameter)
            for shape, parameters in alike.items():
                scale = RMS * max(shape) ** 0.5
                updates = orthogonal(torch.stack([self._momentum(p) for p in parameters]))
                for parameter, update in zip(parameters, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-group["lr"] * scale)

    def _momentum(self, parameter: torch.nn.Parameter) -> torch.Tensor:
        """Nesterov momentum of the gradient."""
        state = self.state[parameter]
        gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(state["momentum"], MOMENTUM)
