"""What tracers of ``torch.fx`` take as one step of a backbone: its parts, whose code depends on sizes."""

from __future__ import annotations

from torch import nn

from sparx_dsl import Backbone
from sparx_dsl.schedule import Run


def traced_whole(model: Backbone) -> tuple[type[nn.Module], ...]:
    """The classes of the parts that run, but for those of PyTorch, which tracers know."""
    paths = (step.module for step in model.schedule.steps if isinstance(step, Run))
    kinds = dict.fromkeys(type(model.get_submodule(path)) for path in paths)
    return tuple(kind for kind in kinds if not kind.__module__.startswith("torch."))
