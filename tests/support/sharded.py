"""Training steps of a backbone sharded over two processes, beside the same steps of one process.

``python -m tests.support.sharded`` runs two gloo processes and says what differs; nothing where they agree.
"""

from __future__ import annotations

import copy
import socket
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.multiprocessing.spawn import spawn  # pyright: ignore[reportUnknownVariableType]

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.nn.stage import Layer, Stage
from tests.support.backbones import mixed, small

RANKS, STEPS, TOLERANCE = 2, 2, 1e-5


def units(*kinds: type[nn.Module]) -> Callable[[Backbone], Iterator[nn.Module]]:
    """The modules of these kinds, kind by kind, then the whole backbone: the order in which they are sharded."""

    def found(model: Backbone) -> Iterator[nn.Module]:
        for kind in kinds:
            yield from [module for module in model.modules() if isinstance(module, kind)]
        yield model

    return found


CASES: dict[str, tuple[dict[str, Any], Callable[[Backbone], Iterator[nn.Module]]]] = {
    "layers, root": (small("ss2d"), units(Layer)),
    "layers, stages, root": (small("window_attention"), units(Layer, Stage)),
    "the model's own units, root": (mixed(), lambda model: iter([*model.shard_units(), model])),
}


def differences(rank: int) -> Iterator[str]:
    """What the sharded backbone's weights are after some steps, where they are not those of the plain one."""
    for name, (spec, modules) in CASES.items():
        torch.manual_seed(0)
        # In training BatchNorm would take the statistics of half a batch.
        plain = sparx_dsl.build(spec).eval()
        sharded = copy.deepcopy(plain)
        for module in modules(sharded):
            fully_shard(module)
        size = plain.spec.input.size
        images = torch.randn(STEPS, RANKS, 2, 3, *size, generator=torch.Generator().manual_seed(1))
        for step in images:
            train(plain, step.flatten(0, 1))
            train(sharded, step[rank])
        for (path, whole), part in zip(plain.named_parameters(), sharded.parameters(), strict=True):
            assert isinstance(part, DTensor)
            worst = float((part.full_tensor() - whole).abs().max())
            if worst > TOLERANCE:
                yield f"{name}: {path} differs by {worst:.1e}"


def train(model: nn.Module, images: Tensor) -> None:
    """One step of gradient descent on the mean loss over the images."""
    model(images).square().mean().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=0.1)
                parameter.grad = None


def work(rank: int, port: int) -> None:
    """One process of the two."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=RANKS)
    found = list(differences(rank))
    dist.destroy_process_group()
    if found:
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn(work, args=(port,), nprocs=RANKS)
