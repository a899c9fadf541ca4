"""The compiled module."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.notebook import shown
from sparx_dsl.language.spec import Spec
from sparx_dsl.lowering.calls import Call, backbone_calls
from sparx_dsl.lowering.drop_path import set_rates, with_drop_path
from sparx_dsl.lowering.features import FeatureInfo
from sparx_dsl.lowering.fxgraph import fx_graph
from sparx_dsl.lowering.layer_groups import group_patterns
from sparx_dsl.nn.feature_maps import FeatureMaps
from sparx_dsl.nn.init import no_weight_decay
from sparx_dsl.nn.layer import LinkAdapter
from sparx_dsl.nn.stage import Composite, Layer, Stage, takes_donations
from sparx_dsl.nn.static_size import compile_for_size, has_static_size
from sparx_dsl.schedule import Run, Schedule
from sparx_dsl.schedule.values import IMAGES


class Backbone(Composite):
    """A backbone compiled from a spec: ``forward(images)`` with images (batch, channels, height, width) of any size.

    It gives logits (batch, classes), or of a head for dense prediction (batch, classes, height, width); the last
    stage's map where the spec has no head; or the list of maps of the stages, layers and head that it was built for. A
    head with an auxiliary one gives a tuple of two in training. ``state_dict`` keys are ``stage3.layer4.mixer.…``.

    ``stem``, the stages by their names (``stage1``, …), ``stage3.layer4`` within them, and ``head`` are modules that
    are called: hooks on them fire, and sharding, checkpointing and extraction by name work as in any other model.
    Where no gradient is recorded, every feature buffer is freed where the schedule says. ``code`` shows the steps.

    ``torch.compile`` takes it whole (``fullgraph=True``), and one compiled module serves every batch size; where a
    mixer is window attention it is compiled for each image size by itself.
    ``torch.export`` takes it with a dynamic batch, whatever its mixers. Height and width can be dynamic in multiples of
    the last stage's stride; with window attention, of that times the window (``{2: 224 * Dim("rows"), …}``), for which
    torch takes minutes: padding and shifting depend on the size otherwise. ``sparx_dsl.export`` writes files.

    ``copy.deepcopy`` and ``pickle`` keep weights, hooks, modes and whatever else was set on any module within.
    """

    schedule: Schedule
    feature_info: FeatureInfo

    def __init__(self, schedule: Schedule, children: Mapping[str, nn.Module]) -> None:
        super().__init__(children)
        self._follow(schedule)

    def _follow(self, schedule: Schedule) -> None:
        """Run this schedule from now on, for which the children were made."""
        self.schedule = schedule
        self.feature_info = FeatureInfo.of(schedule)
        self._calls = backbone_calls(schedule)
        self._static_size = has_static_size(self)

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
        if self._static_size:
            compile_for_size(images)
        held = FeatureMaps({IMAGES: images})
        del images
        for call in self._calls:
            self._run(call, held)
        results = [held[name] for name in self.schedule.outputs]
        return results[0] if self.schedule.features is None else results

    def stage_maps(self, images: Tensor, stages: Collection[int]) -> dict[int, Tensor]:
        """The maps of these stages, by number from 1, whatever it was built for; nothing runs after the last of them.

        Images and maps are (batch, channels, height, width). Raises ``SparxError`` (SPX322) for stages that are not
        there, or that do not run here.
        """
        check_stages(stages, max(call.stage for call in self._calls))
        if self._static_size:
            compile_for_size(images)
        held = FeatureMaps({IMAGES: images})
        del images
        found: dict[int, Tensor] = {}
        last = max(place for place, call in enumerate(self._calls) if call.stage in stages)
        for call in self._calls[: last + 1]:
            self._run(call, held)
            if call.stage in stages:
                found[call.stage] = held[call.outputs[0]]
        return found

    def no_weight_decay(self) -> set[str]:
        """The names of the parameters that take no weight decay, as ``sparx_dsl.param_groups`` has them; timm's."""
        return no_weight_decay(self)

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """A pattern of parameter names for each layer from stem to head, or with ``coarse`` for each stage; timm's.

        A downsampling goes with the first layer of its stage.
        """
        return group_patterns(self.spec, coarse=coarse)

    def shard_units(self) -> list[nn.Module]:
        """The modules to shard or to wrap each by itself, in this order, before the backbone: FSDP2's recipe.

        They are the layers, and before them the adapters of added links, which belong to a layer and run before it.
        """
        found = list(self.modules())
        return [module for kind in (LinkAdapter, Layer) for module in found if isinstance(module, kind)]

    def set_drop_path(self, rate: float) -> None:
        """Set the rate of stochastic depth in the last layer, from which it falls linearly to 0 in the first.

        It is that of the backbone's spec too, from then on. Raises ``SparxError`` for a rate outside [0, 1).
        """
        schedule = with_drop_path(self.schedule, rate)
        set_rates(self, schedule)
        self._follow(schedule)

    def _repr_html_(self) -> str:
        """How notebooks show it: its connections, its spec's text and its modules to unfold."""
        return shown("sparx_dsl.render.notebook:model_html", self)

    def _run(self, call: Call, held: FeatureMaps) -> None:
        """Make a call, with maps that are held, and hold what it gives."""
        result = self._called(call, held)
        held.update(zip(call.outputs, results_of(call, result), strict=True))

    def _called(self, call: Call, held: FeatureMaps) -> Any:
        if not call.stage:
            result = self._part(call.module)(*(held[name] for name in call.reads))
            held.free(call.frees)
            return result
        stage = self._part(call.module)
        maps = held.arguments(call.reads, call.frees, donates=takes_donations(stage))
        # A stage that was wrapped or replaced need not know what it is not asked for.
        more: dict[str, Any] = {"layers": call.layers} if call.layers else {}
        if call.adapters:
            more["adapters"] = [self._part(path) for path in call.adapters]
        return stage(*maps, **more)


def check_stages(stages: Collection[int], count: int) -> None:
    """Raise ``SparxError`` (SPX322) unless these are some of so many stages."""
    if not stages or not all(1 <= stage <= count for stage in stages):
        message = f"invalid stages {sorted(stages)!r} of a backbone that runs {count} stages"
        help = f"name stages from 1 to {count}"
        raise SparxError(Diagnostic(Code.INVALID_OUTPUT_STAGES, message, help=help))


def results_of(call: Call, result: Any) -> tuple[Any, ...]:
    """What was called gave, as many maps as are wanted; raises ``TypeError`` where a stage gives other ones."""
    if len(call.outputs) == 1:
        return (result,)
    maps = cast("tuple[object, ...]", result)
    if type(maps) is not tuple or len(maps) != len(call.outputs):
        wanted = f"a tuple of its map and then {', '.join(call.outputs[1:])}"
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
