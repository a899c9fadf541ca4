"""Backbones in torchvision: feature pyramids for its detectors, and extraction of features by name.

Importing this imports torchvision, also beside a torch that its compiled operators do not match; its detectors are
built then, and cannot run. Raises ``SparxError`` (SPX750) where torchvision is not installed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl import Backbone, Code, Diagnostic, SparxError
from sparx_dsl.api import Source
from sparx_dsl.integrations.required import has_compiled_operators as has_compiled_operators
from sparx_dsl.integrations.required import import_torchvision
from sparx_dsl.integrations.traced import traced_whole
from sparx_dsl.lowering import with_outputs
from sparx_dsl.nn.norm import make_norm

import_torchvision()

from torchvision.models import feature_extraction  # noqa: E402
from torchvision.ops.feature_pyramid_network import (  # noqa: E402
    ExtraFPNBlock,
    FeaturePyramidNetwork,
    LastLevelMaxPool,
)


class BackboneWithFPN(nn.Module):
    """A backbone, a norm on each of its maps, and torchvision's feature pyramid behind them.

    ``body`` is the ``sparx_dsl.Backbone``, ``norms`` and ``fpn`` are beside it. torchvision's detectors read
    ``out_channels``.
    """

    def __init__(self, body: Backbone, norms: nn.ModuleList, fpn: FeaturePyramidNetwork, out_channels: int) -> None:
        super().__init__()
        self.body = body
        self.norms = norms
        self.fpn = fpn
        self.out_channels = out_channels
        self.frozen: tuple[str, ...] = ()
        """The parts of the body that do not train, and stay in evaluation."""

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """(batch, channels, height, width) to maps of ``out_channels`` channels, finest first: ``0``, ``1`` and on.

        What extra blocks make follows under their names, such as ``pool`` or ``p6`` and ``p7``.
        """
        maps = zip(self.norms, self.body(images), strict=True)
        return self.fpn(OrderedDict((str(place), norm(x)) for place, (norm, x) in enumerate(maps)))

    def train(self, mode: bool = True) -> BackboneWithFPN:
        """Set the mode of all but the frozen parts, whose norms and stochastic depth stay as they are in evaluation."""
        super().train(mode)
        for path in self.frozen:
            self.body.get_submodule(path).train(False)
        return self


def backbone_with_fpn(
    source: Source | Backbone,
    *,
    returned_stages: Sequence[int] | None = None,
    trainable_stages: int | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
    out_channels: int = 256,
    norm: bool = True,
    device: torch.device | str | None = None,
) -> BackboneWithFPN:
    """A backbone with a feature pyramid, for FasterRCNN, MaskRCNN, RetinaNet and FCOS.

    ``source`` is a spec, in any form that ``sparx_dsl.build`` takes, or a built backbone, whose trained parts are then
    shared. ``returned_stages`` count from 1; by default all. ``trainable_stages`` is how many of the last stages train:
    the others and the stem are frozen, and stay in evaluation; by default all train. ``extra_blocks`` is by default a
    pooling of the
    coarsest level (``pool``); RetinaNet and FCOS take ``LastLevelP6P7(256, 256)``. Without ``norm`` the pyramid is
    given the maps as they are; published backbones for detection have a layer norm on each.

    Raises ``SparxError``: SPX322 for stages that are not there, SPX560 for another number of trainable stages, and all
    that a spec can do wrong.
    """
    stages = _all_stages(source) if returned_stages is None else tuple(returned_stages)
    body = with_outputs(source, stages) if isinstance(source, Backbone) else _built(source, stages, device)
    frozen = _frozen(body, _rising(body), trainable_stages)
    some = next(body.parameters())
    widths: list[int] = body.feature_info.channels()
    norms = nn.ModuleList(
        make_norm("layer", width, device=some.device, dtype=some.dtype) if norm else nn.Identity() for width in widths
    )
    blocks = LastLevelMaxPool() if extra_blocks is None else extra_blocks
    fpn = FeaturePyramidNetwork(widths, out_channels, extra_blocks=blocks).to(some.device, some.dtype)
    found = BackboneWithFPN(body, norms, fpn, out_channels)
    found.frozen = frozen
    for path in frozen:
        body.get_submodule(path).requires_grad_(False)
    return found.train(body.training)


def create_feature_extractor(
    model: Backbone,
    return_nodes: Sequence[str] | Mapping[str, str] | None = None,
    train_return_nodes: Sequence[str] | Mapping[str, str] | None = None,
    eval_return_nodes: Sequence[str] | Mapping[str, str] | None = None,
) -> nn.Module:
    """torchvision's function of that name for a backbone: a module that gives the results of modules, by their paths.

    ``stage2``, ``stage3.layer4`` and ``stage3.layer4.mixer`` are such; nothing inside of a part can be named, since
    what parts do depends on sizes. Raises ``ValueError`` for a name that is not there.
    """
    return feature_extraction.create_feature_extractor(
        model,
        return_nodes=_plain(return_nodes),
        train_return_nodes=_plain(train_return_nodes),
        eval_return_nodes=_plain(eval_return_nodes),
        tracer_kwargs={"leaf_modules": list(traced_whole(model))},
    )


def _plain(nodes: Sequence[str] | Mapping[str, str] | None) -> list[str] | dict[str, str] | None:
    """The values in the types that torchvision takes."""
    if nodes is None:
        return None
    return dict(nodes) if isinstance(nodes, Mapping) else list(nodes)


def _all_stages(source: Source | Backbone) -> tuple[int, ...]:
    spec = source.spec if isinstance(source, Backbone) else sparx_dsl.connect(source).spec
    return tuple(range(1, len(spec.stages) + 1))


def _built(source: Source, stages: tuple[int, ...], device: torch.device | str | None) -> Backbone:
    return sparx_dsl.build(source, features=stages, device=device)


def _rising(body: Backbone) -> list[int]:
    """The stages whose maps are given, finest first, as a pyramid needs them; raises ``SparxError`` (SPX322)."""
    given = body.schedule.features or ()
    stages = [stage for stage in given if isinstance(stage, int)]
    if len(stages) < len(given) or stages != sorted(stages):
        message = f"a feature pyramid needs maps of stages, in rising order, got {given!r}"
        raise SparxError(Diagnostic(Code.INVALID_OUTPUT_STAGES, message, help="write returned_stages=(1, 2, 3, 4)"))
    return stages


def _frozen(body: Backbone, given: list[int], trainable: int | None) -> tuple[str, ...]:
    """The paths of the stem and of the stages that do not train; raises ``SparxError`` (SPX560)."""
    stages = [stage.name for stage in body.spec.resolved][: max(given)]
    if trainable is None:
        return ()
    if isinstance(trainable, bool) or not 0 <= trainable <= len(stages):
        message = f"trainable_stages must be 0 to {len(stages)}, got {trainable!r}"
        help = "write how many of the last stages train, or leave it out to train all and the stem"
        raise SparxError(Diagnostic(Code.INVALID_INTEGRATION_OPTION, message, help=help))
    return ("stem", *stages[: len(stages) - trainable])
