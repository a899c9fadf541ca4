# What this project uses of it in executorch 1.5, which has no complete types.
from torch.export import ExportedProgram
from torch.fx import Node

class XnnpackPartitioner:
    def __init__(self) -> None: ...
    def get_matched_nodes_from_configs(self, ep: ExportedProgram) -> list[list[Node]]: ...
