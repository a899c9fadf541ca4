"""The compiled module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.spec import Spec
from sparx_dsl.lowering.calls import Call, backbone_calls
from sparx_dsl.lowering.features import FeatureInfo
from sparx_dsl.lowering.fxgraph import fx_graph
from sparx_dsl.nn.feature_maps import FeatureMaps
from sparx_dsl.nn.stage import Composite, Layer, Stage
from sparx_dsl.schedule import Run, Schedule
from sparx_dsl.schedule.values import IMAGES


class Backbone(Composite):
    """A backbone compiled from a spec: ``forward(images)`` with images (batch, channels, height, width) of any size.

    It gives logits (batch, classes), or of a head for dense prediction (batch, classes, height, width); the last
    stage's map where the spec has no head; or the list of maps of the stages it was built for. A head with an auxiliary
    one gives a tuple of two in training. ``state_dict`` keys are ``stage3.layer4.mixer.…``.

    ``stem``, the stages by their names (``stage1``, …), ``stage3.layer4`` within them, and ``head`` are modules that
    are called: hooks on them fire, and sharding, checkpointing and extraction by name work as in any other model.
    Where no gradient is recorded, every feature buffer is freed where the schedule says. ``code`` shows the steps.

    ``torch.compile`` takes it whole (``fullgraph=True``), and one compiled module serves every batch size.
    ``torch.export`` takes it with a dynamic batch, whatever its mixers. Height and width can be dynamic where every
    mixer is window attention and the sides are multiples of the last stage's stride times the window
    (``{2: 224 * Dim("rows"), …}``): padding and shifting depend on the size otherwise, and scans choose their chunks by
    the length of the sequence. Else export one program for each image size.

    ``copy.deepcopy`` and ``pickle`` keep weights, hooks, modes and whatever else was set on any module within.
    """

    schedule: Schedule
    feature_info: FeatureInfo

    def __init__(self, schedule: Schedule, children: Mapping[str, nn.Module]) -> None:
        super().__init__(children)
        self.schedule = schedule
        self.feature_info = FeatureInfo.of(schedule)
        self._calls = backbone_calls(schedule)

    @property
    def spec(self) -> Spec:
        """The spec that it was compiled from."""
        return self.schedule.graph.spec

    @property
    def code(self) -> str:
        """The steps as straight Python code, with frees where the schedule has them."""
        return fx_graph(self.schedule, self.recomputed).python_code("self").src

    def forward(self, images: Tensor) -> Any:
        """Images (batch, channels, height, width) to logits, or to maps (batch, channels, height, width)."""
        held = FeatureMaps({IMAGES: images})
        del images
        for call in self._calls:
            result = self._called(call, held)
            held.update(zip(call.outputs, result if len(call.outputs) > 1 else (result,), strict=True))
            del result
        results = [held[name] for name in self.schedule.outputs]
        return results[0] if self.schedule.features is None else results

    def _called(self, call: Call, held: FeatureMaps) -> Any:
        if not call.is_stage:
            result = self._part(call.module)(*(held[name] for name in call.reads))
            held.free(call.frees)
            return result
        stage = self._part(call.module)
        if not call.adapters:
            return stage(*held.arguments(call.reads, call.frees))
        return stage(*held.arguments(call.reads, call.frees), adapters=[self._part(path) for path in call.adapters])


def refuse_exchanged(backbone: Backbone, wanted: str) -> None:
    """Raise ``SparxError`` (SPX324) where stages, layers or parts were taken out or exchanged for modules of others.

    ``wanted`` completes "cannot be …".
    """
    paths = [step.module for step in backbone.schedule.steps if isinstance(step, Run)]
    exchanged = dict.fromkeys(path for part in paths for path in _exchanged(backbone, part))
    if exchanged:
        message = f"a backbone whose {', '.join(exchanged)} were exchanged cannot be {wanted}"
        help = "ask for it with the backbone as it was built, then wrap or exchange its layers"
        raise SparxError(Diagnostic(Code.EDITED_BACKBONE, message, help=help))


def _exchanged(backbone: Backbone, path: str) -> Iterator[str]:
    """Which of a part's stage, its layer and itself are not there as they were built."""
    owner: nn.Module = backbone
    names = path.split(".")
    for depth, name in enumerate(names):
        child = dict(owner.named_children()).get(name)
        kind = None if depth == len(names) - 1 else (Stage, Layer)[depth]
        if child is None or (kind is not None and type(child) is not kind):
            yield ".".join(names[: depth + 1])
            return
        owner = child
