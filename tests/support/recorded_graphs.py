"""A backend of ``torch.compile`` that keeps what it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Recorder:
    """A backend of ``torch.compile`` that keeps the graphs and runs them as they are."""

    def __init__(self) -> None:
        self.graphs: list[torch.fx.GraphModule] = []

    def __call__(self, graph: torch.fx.GraphModule, inputs: Sequence[Tensor]) -> Any:
        """Keep a graph."""
        self.graphs.append(graph)
        return graph.forward

    def counts(self) -> Counter[str]:
        """How often each function or method is called in the only graph."""
        (graph,) = self.graphs
        targets = (str(getattr(node.target, "__name__", node.target)) for node in graph.graph.nodes)
        return Counter(target.removesuffix(".default") for target in targets)
