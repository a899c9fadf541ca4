"""A compiled backbone as a model of mmengine."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

from mmengine.model import BaseModule, update_init_info
from torch import Tensor, nn

from sparx_dsl import Backbone, Spec, build
from sparx_dsl.api import as_spec
from sparx_dsl.integrations.mmengine.arguments import frozen_count, output_stages, refuse_names
from sparx_dsl.integrations.mmengine.initial_weights import entries_of, is_pretrained, pretrained

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class SparxBackbone(Backbone, BaseModule):
    """A backbone that gives a tuple of maps, with the arguments that backbones of mmdet and mmseg have.

    ``spec`` is given as to ``sparx_dsl.build``. ``out_indices`` are stages, counted from 0 as there; by default all,
    and what runs after the last of them is not built. ``frozen_stages`` freezes the stem and so many stages: 0 the stem
    alone, -1 nothing. What is frozen stays in evaluation; with ``norm_eval`` every BatchNorm does. It is a
    ``Backbone``, whose weights have the names that they have everywhere.

    ``init_cfg`` is mmengine's. Of it, ``dict(type="Pretrained", checkpoint=…)`` loads a file as
    ``sparx_dsl.load_checkpoint`` does, or with a ``prefix`` a part of it: what does not fit is an error. Raises
    ``SparxError``.
    """

    def __init__(
        self,
        spec: Spec | Mapping[str, object] | str | os.PathLike[str],
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        checked = as_spec(spec)
        refuse_names(checked)
        stages = output_stages(out_indices, len(checked.stages))
        frozen = frozen_count(frozen_stages, stages[-1])
        for entry in filter(is_pretrained, entries_of(init_cfg)):
            pretrained(entry)
        built = build(checked, features=stages)
        super().__init__(built.schedule, dict(built.named_children()))
        self.frozen_stages, self.norm_eval = frozen, norm_eval
        self.init_cfg = copy.deepcopy(init_cfg)
        self.train()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (batch, channels, height, width) to the maps of ``out_indices``."""
        return tuple(super().forward(images))

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation, but for what is frozen, and for BatchNorm with ``norm_eval``."""
        super().train(mode)
        for name in ["stem", *(stage.name for stage in self.spec.resolved)][: self.frozen_stages + 1]:
            self.get_submodule(name).train(False).requires_grad_(False)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, BATCH_NORMS):
                    module.train(False)
        return self

    def init_weights(self) -> None:
        """Follow ``init_cfg``, checkpoints last; raises ``SparxError`` for one that does not fit."""
        given, entries, was_called = self.init_cfg, entries_of(self.init_cfg), self.is_init
        self.init_cfg = [entry for entry in entries if not is_pretrained(entry)] or None
        try:
            super().init_weights()
        finally:
            self.init_cfg = given
        for entry in [] if was_called else filter(is_pretrained, entries):
            checkpoint = pretrained(entry)
            checkpoint.load(self)
            if "_params_init_info" in vars(self):  # within a larger model, which writes it down
                update_init_info(self, init_info=checkpoint.description)
