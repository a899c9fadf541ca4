"""A backbone with the methods of timm's models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from timm.models import FeatureInfo, register_notrace_module
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl import Code, Diagnostic, Schedule, SparxError, Spec, Stage
from sparx_dsl.integrations.timm.arguments import chosen_indices, edited, invalid_option, without_head
from sparx_dsl.integrations.timm.config import feature_info, has_classifier
from sparx_dsl.integrations.timm.head import ClassifierHead, pooling
from sparx_dsl.integrations.traced import traced_whole
from sparx_dsl.lowering import with_outputs
from sparx_dsl.nn.convolution import linear
from sparx_dsl.schedule import replanned

ATTRIBUTES: Final = frozenset({
    "default_cfg", "drop_rate", "grad_checkpointing", "in_chans", "num_classes", "num_features", "pretrained_cfg",
    "pretrained_model_args",
})  # fmt: skip
"""What timm and its users set and read on a model, beside the methods: no stage can have these names."""


class SparxModel(sparx_dsl.Backbone):
    """A backbone as timm has them: ``forward`` gives logits, and methods give and take all between.

    It is a ``sparx_dsl.Backbone`` with the same names in ``state_dict``, and a head that can be exchanged. Its spec is
    the one that was given with the values that arguments changed. ``num_classes=0`` removes the classifier, and
    ``global_pool=""`` the pooling too; the spec keeps its head then. ``device`` and ``dtype`` are as in ``build``.

    Raises ``SparxError``: SPX560 for a head that does not classify, and a pooling that cannot be, SPX201 for a stage
    that has the name of one of the attributes here, and all that a spec can do wrong.
    """

    head: ClassifierHead
    feature_info: FeatureInfo  # pyright: ignore[reportIncompatibleVariableOverride]  # timm asks for its own class

    def __init__(
        self,
        spec: Spec,
        *,
        num_classes: int | None = None,
        in_chans: int | None = None,
        img_size: int | Sequence[int] | None = None,
        global_pool: str | None = None,
        drop_rate: float = 0.0,
        drop_path_rate: float | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | str | None = None,
    ) -> None:
        refuse_names(spec)
        spec = edited(spec, num_classes, in_chans, img_size, drop_path_rate)
        built = sparx_dsl.build(spec, device=device, dtype=dtype)
        super().__init__(built.schedule, dict(built.named_children()))
        self.num_features: int = spec.stages[-1].channels
        self.head = self._made_head(num_classes, global_pool, drop_rate)
        self.num_classes = 0 if isinstance(self.head.linear, nn.Identity) else self._planned_classes
        self.in_chans = spec.input.channels
        self.drop_rate = drop_rate
        self.grad_checkpointing = False
        self._traits: dict[str, Any] = {}
        register_leaves(self)

    @property
    def head_hidden_size(self) -> int:
        """How many numbers the classifier is given for an image."""
        return self.num_features * self.head.widening

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, channels, height, width) to logits, or to what ``forward_head`` gives without a classifier."""
        return self.forward_head(self.forward_features(images))

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (batch, channels, height, width) to the last stage's map; the norm behind it belongs to the head."""
        last = len(self.feature_info)
        return self.stage_maps(images, (last,))[last]

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """The last map (batch, channels, height, width) to logits (batch, classes), or what those are made of."""
        return self.head(x, pre_logits=pre_logits)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """The last map, and the maps of stages: of the last n, of those that are listed from 0, or of all.

        Images and maps are (batch, channels, height, width).

        With ``norm`` the last stage's is under the head's norm, with ``stop_early`` no stage runs after the last that
        is wanted, whose map then stands in the place of the last one. Maps are given in the order of ``indices``.
        Raises ``SparxError`` (SPX560).
        """
        if output_fmt != "NCHW":
            raise invalid_option(f"unsupported output_fmt {output_fmt!r}", "write output_fmt='NCHW', and permute")
        last = len(self.feature_info)
        stages = [index + 1 for index in chosen_indices(last, indices)]
        end = max(stages) if stop_early else last
        maps = self.stage_maps(x, {*stages, end})
        found = [self.head.norm(maps[stage]) if norm and stage == last else maps[stage] for stage in stages]
        return found if intermediates_only else (maps[end], found)

    def get_intermediate_layers(
        self, x: Tensor, n: int | Sequence[int] = 1, reshape: bool = False, norm: bool = False
    ) -> list[Tensor]:
        """The maps of the last n stages, or of those listed, as DINO has it; of images as ``forward`` takes them.

        Maps are (batch, positions, channels), or with ``reshape`` (batch, channels, height, width); ``norm`` as in
        ``forward_intermediates``. Raises ``SparxError`` (SPX560).
        """
        maps = self.forward_intermediates(x, n, norm=norm, stop_early=True, intermediates_only=True)
        assert isinstance(maps, list)
        return maps if reshape else [each.flatten(2).transpose(1, 2) for each in maps]

    def prune_intermediate_layers(
        self, indices: int | Sequence[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Remove the stages after the last of these, the classifier, and with ``prune_norm`` the head's norm.

        Gives the indices from 0. A norm and a head for the last stage are removed with it. Layers that wrappers or
        other modules stand in for are refused where stages are removed (SPX324).
        """
        stages = len(self.feature_info)
        found = chosen_indices(stages, indices)
        kept = max(found) + 1
        if prune_head or kept < stages:
            self.reset_classifier(0, "")
        if prune_norm or kept < stages:
            self.head.norm = nn.Identity()
        if kept < stages:
            self._keep_stages(kept)
        return found

    def get_classifier(self) -> nn.Module:
        """The linear layer of the head, or the identity."""
        return self.head.linear

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Draw a classifier of so many classes, none for 0; ``global_pool`` is the pooling from now on, if given.

        The spec then has these classes. Raises ``SparxError`` (SPX560).
        """
        pool = self.head.global_pool if global_pool is None else pooling(global_pool)
        if (num_classes or pool.pool_type) and not self._has_head:
            raise without_head()
        schedule = self.schedule
        if num_classes:
            edit = self.spec.edit({"head.classes": num_classes})
            schedule = replanned(schedule, sparx_dsl.connect(edit))
        drawn = self._drawn(num_classes, int(pool.feat_mult())) if num_classes else nn.Identity()
        self.head.set_classifier(drawn.train(self.training), pool)
        self.num_classes = num_classes
        self._follow(schedule)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep nothing but the input of each layer for the backward pass, which runs the layer again."""
        self.grad_checkpointing = enable
        for stage in (module for module in self.modules() if isinstance(module, Stage)):
            stage.recomputed = frozenset(call.layer for call in stage.calls) if enable else frozenset()

    def set_input_size(self, img_size: int | Sequence[int] | None = None) -> None:
        """Plan for images of this size, one number or (height, width); images of any other can be given still."""
        if img_size is None:
            return
        spec, planned = edited(self.spec, img_size=img_size), self.schedule
        self._follow(sparx_dsl.plan(spec, None, planned.batch, planned.dtype, planned.features))
        self._traits["img_size"] = spec.input.size

    @property
    def _has_head(self) -> bool:
        """Whether the head is a step of the schedule: the spec has one, and no stage was removed."""
        return self.schedule.features is None and has_classifier(self.spec)

    @property
    def _planned_classes(self) -> int:
        return self.schedule.buffers[self.schedule.outputs[0]].shape[1]

    def _made_head(self, num_classes: int | None, global_pool: str | None, drop_rate: float) -> ClassifierHead:
        """The head of the built backbone with timm's pooling and dropout, in the place of its own."""
        if not self._has_head:
            if global_pool:
                raise without_head()
            return ClassifierHead(nn.Identity(), nn.Identity(), "")
        pool = "avg" if global_pool is None else global_pool
        head = ClassifierHead(self.get_submodule("head.norm"), nn.Identity(), pool, drop_rate)
        if num_classes != 0:
            drawn = self.get_submodule("head.linear")
            head.set_classifier(drawn if head.widening == 1 else self._drawn(self._planned_classes, head.widening))
        return head

    def _drawn(self, classes: int, widening: int) -> nn.Linear:
        """A classifier with fresh weights, behind a pooling that makes so many numbers of each channel."""
        some = next(self.parameters())
        return linear(self.num_features * widening, classes, device=some.device, dtype=some.dtype)

    def _keep_stages(self, count: int) -> None:
        """Remove the stages after these."""
        cut = with_outputs(self, (count,))
        head = self.head
        for name in list(vars(self)["_modules"]):
            delattr(self, name)
        for name, child in cut.named_children():
            self.add_module(name, child)
        self.head = head
        self._follow(cut.schedule)
        self.num_features = self.spec.stages[count - 1].channels
        self.set_grad_checkpointing(self.grad_checkpointing)

    def _follow(self, schedule: Schedule) -> None:
        super()._follow(schedule)
        self.feature_info = feature_info(schedule)  # pyright: ignore[reportIncompatibleVariableOverride]


def register_leaves(model: sparx_dsl.Backbone) -> None:
    """Let timm's tracer, that of ``feature_cls="fx"``, take the parts of a backbone as they are."""
    for kind in traced_whole(model):
        register_notrace_module(kind)


def refuse_names(spec: Spec) -> None:
    """Raise ``SparxError`` (SPX201) for stages with names that a timm model needs itself."""
    for index, stage in enumerate(spec.resolved):
        if stage.name in ATTRIBUTES or stage.name in dir(SparxModel):
            message = f'"{stage.name}" is reserved: timm\'s models use that name'
            where = spec.where("stages", index, "name")
            raise SparxError(
                Diagnostic(Code.RESERVED_NAME, message, where, help=f"write for example {stage.name}_stage")
            )
