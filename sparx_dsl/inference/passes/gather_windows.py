"""Window attention on gathered positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.inference.passes.base import modules_of, replace
from sparx_dsl.kinds.mixers.window_attention.gathered import GatheredAttention
from sparx_dsl.kinds.mixers.window_attention.module import WindowedAttention
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.schedule import Run


@dataclass(frozen=True, slots=True)
class GatherWindows:
    """Windows, shift and padding of window attention become one gather of positions, prepared for the planned size."""

    name: str = "gather windows"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        schedule = backbone.schedule
        for step in schedule.steps:
            if not isinstance(step, Run) or step.part != "mixer":
                continue
            height, width = schedule.buffers[step.output].shape[2:]
            part = backbone.get_submodule(step.module)
            for path, module in modules_of(part, WindowedAttention, step.module):
                if type(module) is WindowedAttention:
                    replace(backbone, path, GatheredAttention(module, (height, width)))

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The attentions that still cut their windows by themselves."""
        for path, module in modules_of(backbone, WindowedAttention):
            if type(module) is WindowedAttention:
                yield f"{path} still cuts its windows"
