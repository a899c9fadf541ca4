"""Train on handwritten digits in several processes, each within a budget of memory for its backward pass.

    torchrun --standalone --nproc-per-node 2 -m examples.train_ddp --budget 4MB

Every process has all weights, and a part of each batch. The layers that are computed again are chosen before the
backbone is wrapped. Runs on CPUs, or on as many GPUs as there are processes. Needs the extra ``examples``.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

import sparx_dsl
from examples.digits_in_parallel import Options, device_of, parsed, report, train


def run(options: Options) -> None:
    """What each process does."""
    rank = dist.get_rank()
    device = device_of(rank)
    torch.manual_seed(rank)  # DDP begins with the first process's weights
    backbone = sparx_dsl.build(options.spec, activation_budget=options.budget, batch=options.batch, device=device)
    model = DistributedDataParallel(backbone)
    optimizer = torch.optim.AdamW(sparx_dsl.param_groups(model), lr=options.rate)
    losses = train(model, optimizer, options, device)
    if rank == 0:
        print(f"{len(backbone.recomputed)} parts of layers are computed again to save at most {options.budget}")
        weights: dict[str, Tensor] = {name: tensor.cpu() for name, tensor in backbone.state_dict().items()}
        report(backbone.spec, weights, losses, options.save)


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
