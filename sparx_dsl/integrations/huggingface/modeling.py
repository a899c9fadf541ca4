"""A compiled backbone as two models of transformers: one that gives maps, and a classifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.backbone_utils import BackboneMixin
from transformers.modeling_outputs import BackboneOutput, ImageClassifierOutputWithNoAttention
from transformers.utils.generic import can_return_tuple

from sparx_dsl import Backbone, Code, Diagnostic, SparxError, build
from sparx_dsl.integrations.huggingface.configuration import SparxConfig, classes_of
from sparx_dsl.integrations.huggingface.hidden_states import recorded
from sparx_dsl.nn.init import reset

IMAGES = "pixel_values"


class SparxPreTrainedModel(PreTrainedModel):
    """What both models share: names, and initial values.

    transformers builds a model on the meta device, loads weights, and asks for initial values of those that the
    checkpoint does not have. The compiled backbone is ``sparx``, which the names of all weights begin with.
    """

    config: SparxConfig
    config_class = SparxConfig
    base_model_prefix = ""
    main_input_name = IMAGES
    input_modalities = "image"
    _no_split_modules = ["Layer"]  # noqa: RUF012

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Set what the module itself owns to initial values, but for what was loaded."""
        tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        loaded = [(tensor, tensor.clone()) for tensor in tensors if "_is_hf_initialized" in vars(tensor)]
        reset(module)
        for tensor, value in loaded:
            tensor.copy_(value)


class SparxBackbone(BackboneMixin, SparxPreTrainedModel):
    """The maps of stem and stages, for detectors and segmenters of transformers.

    All stages are computed, whichever ``config.out_features`` names, as in other backbones of transformers. The head's
    weights in the checkpoint of a classifier are not used.
    """

    has_attentions = False
    _keys_to_ignore_on_load_unexpected = [r"^sparx\.head\."]  # noqa: RUF012

    def __init__(self, config: SparxConfig) -> None:
        super().__init__(config)
        spec = config.backbone_spec
        self.sparx: Backbone = build(spec, features=tuple(range(1, len(spec.stages) + 1)))
        widths = self.sparx.feature_info.channels()
        self.num_features = [self.sparx.schedule.graph.node("stem").channels, *widths]
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        pixel_values: Tensor,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
    ) -> BackboneOutput:
        """Images (batch, channels, height, width) to the maps of ``config.out_features``, in ``feature_maps``.

        With ``output_hidden_states``, ``hidden_states`` are the maps of the stem and of all stages. Attentions are not
        given.
        """
        everything = wants(output_hidden_states, self.config)
        stem = ("stem",) if everything or "stem" in self.out_features else ()
        with recorded(self.sparx, stem) as found:
            maps = self.sparx(pixel_values)
        maps = found | dict(zip(self.stage_names[1:], maps, strict=True))
        wanted: Any = tuple(maps[name] for name in self.out_features)
        return BackboneOutput(feature_maps=wanted, hidden_states=tuple(maps.values()) if everything else None)


class SparxForImageClassification(SparxPreTrainedModel):
    """The backbone with its head, and a loss where labels are given.

    Raises ``SparxError`` (SPX560) for a spec whose head gives no classes of whole images.
    """

    accepts_loss_kwargs = False

    def __init__(self, config: SparxConfig) -> None:
        super().__init__(config)
        spec = config.backbone_spec
        if classes_of(spec) is None or spec.head.reads_all_stages:
            message = f"the head {spec.head.kind!r} does not classify images"
            help = "write head: {kind: linear}, or take SparxBackbone for the maps of stages"
            raise SparxError(Diagnostic(Code.INVALID_INTEGRATION_OPTION, message, help=help))
        self.num_labels = config.num_labels
        self.sparx: Backbone = build(spec)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        pixel_values: Tensor,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> ImageClassifierOutputWithNoAttention:
        """Images (batch, channels, height, width) to ``logits`` (batch, labels), with labels (batch,) to ``loss`` too.

        With ``output_hidden_states``, ``hidden_states`` are the maps of the stem and of all stages.
        """
        names = self.config.stage_names if wants(output_hidden_states, self.config) else []
        with recorded(self.sparx, names) as found:
            logits = self.sparx(pixel_values)
        # By the name of this class, transformers finds its loss for image classification.
        compute_loss: Any = self.loss_function
        loss = None if labels is None else compute_loss(labels=labels, pooled_logits=logits, config=self.config)
        maps: Any = tuple(found[name] for name in names) if names else None
        return ImageClassifierOutputWithNoAttention(loss=loss, logits=logits, hidden_states=maps)


def wants(output_hidden_states: bool | None, config: SparxConfig) -> bool:
    """Whether all maps are wanted: as the call says, or else the configuration."""
    return bool(config.output_hidden_states if output_hidden_states is None else output_hidden_states)
