"""Train on handwritten digits with the weights sharded over several processes (FSDP2), layer by layer.

    torchrun --standalone --nproc-per-node 2 -m examples.train_fsdp2

Each process holds a part of every weight, and gathers those of a layer while it runs. Layers save nothing but their
inputs for the backward pass, and are computed again there. Runs on CPUs, or on as many GPUs as there are processes.
Needs the extra ``examples``.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import apply_activation_checkpointing
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import fully_shard

import sparx_dsl
from examples.digits_in_parallel import Options, device_of, parsed, report, train


def is_layer(module: nn.Module) -> bool:
    """Whether it is a layer, which is checkpointed as a whole."""
    return isinstance(module, sparx_dsl.Layer)


def run(options: Options) -> None:
    """What each process does."""
    rank = dist.get_rank()
    device = device_of(rank)
    torch.manual_seed(0)  # each process keeps its part of the same weights
    model = sparx_dsl.build(options.spec, device=device)
    spec = model.spec
    for unit in model.shard_units():
        fully_shard(unit)
    fully_shard(model)
    checkpointing: Any = apply_activation_checkpointing
    checkpointing(model, check_fn=is_layer)
    optimizer = torch.optim.AdamW(sparx_dsl.param_groups(model), lr=options.rate)
    losses = train(model, optimizer, options, device)
    whole = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    if rank == 0:
        report(spec, cast("dict[str, Tensor]", whole), losses, options.save)


def main() -> None:
    """Parse the arguments, join the other processes, train."""
    options = parsed(__doc__)
    dist.init_process_group()
    try:
        run(options)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
