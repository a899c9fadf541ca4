# What this project uses of executorch.exir 1.5, which has no complete types.
from collections.abc import Sequence
from typing import BinaryIO

from torch.export import ExportedProgram

class ExecutorchProgramManager:
    def write_to_file(self, open_file: BinaryIO) -> None: ...

class EdgeProgramManager:
    def to_executorch(self) -> ExecutorchProgramManager: ...

def to_edge_transform_and_lower(
    programs: ExportedProgram, *, partitioner: Sequence[object] | None = ...
) -> EdgeProgramManager: ...
