"""ExecuTorch: a program for phones and boards, lowered to XNNPACK and portable kernels, run by ExecuTorch's runtime."""

# pyright: reportMissingModuleSource=false
# executorch is an extra of its own; its types are in typings/.

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node

from sparx_dsl.exporting import pt2

MOST_DIMENSIONS = 6
"""XNNPACK has no tensors of more; its partitioner does not look."""


def write(program: ExportedProgram, path: Path) -> None:
    """Lower the program, what XNNPACK has kernels for to these, and write it with its weights."""
    from executorch.exir import to_edge_transform_and_lower

    lowered = to_edge_transform_and_lower(program, partitioner=[_partitioner()])
    with path.open("wb") as file:
        lowered.to_executorch().write_to_file(file)


def run(path: Path, batches: list[Tensor]) -> list[list[Tensor]]:
    """The results of the program for batches of images (batch, channels, height, width)."""
    return pt2.run_in_process("executorch", path, batches)


def runtime() -> str:
    """Its runtime, with the version."""
    return f"ExecuTorch {importlib.metadata.version('executorch')} with XNNPACK"


def _partitioner() -> object:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    class WithinSixDimensions(XnnpackPartitioner):
        """XNNPACK's partitioner without the operators on tensors that its runtime refuses when the file is loaded."""

        def get_matched_nodes_from_configs(self, ep: ExportedProgram) -> list[list[Node]]:
            """The groups of nodes that XNNPACK takes."""
            return [group for group in super().get_matched_nodes_from_configs(ep) if all(_fits(node) for node in group)]

    return WithinSixDimensions()


def _fits(node: Node) -> bool:
    """Whether the values that a node takes and gives, tensors of any shape, have few enough dimensions."""
    values = [each.meta.get("val") for each in (node, *node.all_input_nodes)]
    return all(value.dim() <= MOST_DIMENSIONS for value in values if isinstance(value, Tensor))
