"""The compiled module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.spec import Spec
from sparx_dsl.lowering.calls import Call, backbone_calls
from sparx_dsl.lowering.features import FeatureInfo
from sparx_dsl.lowering.fxgraph import fx_graph
from sparx_dsl.nn.feature_maps import FeatureMaps
from sparx_dsl.nn.stage import Composite, Layer, Stage, takes_donations
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
            held.update(zip(call.outputs, results_of(call, result), strict=True))
            del result
        results = [held[name] for name in self.schedule.outputs]
        return results[0] if self.schedule.features is None else results

    def _called(self, call: Call, held: FeatureMaps) -> Any:
        if not call.is_stage:
            result = self._part(call.module)(*(held[name] for name in call.reads))
            held.free(call.frees)
            return result
        stage = self._part(call.module)
        maps = held.arguments(call.reads, call.frees, donates=takes_donations(stage))
        if not call.adapters:
            return stage(*maps)
        return stage(*maps, adapters=[self._part(path) for path in call.adapters])


def results_of(call: Call, result: Any) -> tuple[Any, ...]:
    """What was called gave, as many maps as are wanted; raises ``TypeError`` where a stage gives other ones."""
    if len(call.outputs) == 1:
        return (result,)
    maps = cast("tuple[object, ...]", result)
    if type(maps) is not tuple or len(maps) != len(call.outputs):
        wanted = f"a tuple of its map and those of the links {', '.join(call.outputs[1:])}"
        raise TypeError(f"{call.module} must give {wanted}, got {type(result).__name__}")
    return maps


def refuse_exchanged(backbone: Backbone, wanted: str) -> None:
    """Raise ``SparxError`` (SPX324) where stages, layers or parts were removed, or replaced by what is none.

    ``wanted`` completes "cannot be …".
    """
    paths = [step.module for step in backbone.schedule.steps if isinstance(step, Run)]
    changed = dict.fromkeys(path for part in paths for path in _exchanged(backbone, part))
    if changed or "forward" in vars(backbone):
        what = f"{', '.join(changed) or 'forward'} {'were' if len(changed) > 1 else 'was'}"
        message = f"a backbone cannot be {wanted} after {what} replaced or removed"
        help = "do it with the backbone as it was built, then replace or wrap its layers"
        raise SparxError(Diagnostic(Code.EDITED_BACKBONE, message, help=help))


def _exchanged(backbone: Backbone, path: str) -> Iterator[str]:
    """Which of a part's stage, its layer and itself are not there as they were built."""
    owner: nn.Module = backbone
    names = path.split(".")
    for depth, name in enumerate(names):
        child = vars(owner)["_modules"].get(name)
        is_part = depth == len(names) - 1
        if child is None or not (is_part or (type(child) is (Stage, Layer)[depth] and "forward" not in vars(child))):
            yield ".".join(names[: depth + 1])
            return
        owner = child
