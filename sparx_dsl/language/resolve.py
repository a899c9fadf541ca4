"""What every stage and every layer of a backbone is: the one place where the levels of a spec are laid over each other.

Placement of the ganglion layers, window, modes, kinds and their defaults, norms, sizes and sites are decided here. The
checks, the graph, prices and search ask; none of them decides again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sparx_dsl.language.base import EPSILON, KindOptions, NormName, Site
from sparx_dsl.language.defaults import DEFAULT_NORM, default_options
from sparx_dsl.language.models import (
    CrossStage,
    Intra,
    LayerOptions,
    LayerScalePlace,
    NormPlace,
    SpecModel,
    Stage,
)
from sparx_dsl.language.roles import FfnOptions, FusionOptions, MixerOptions
from sparx_dsl.language.shrinking import Shrinkings
from sparx_dsl.language.strides import downsampling, opening_strides, stage_reduction, stage_shrinkings
from sparx_dsl.registry import default_registry

Path = tuple[str | int, ...]
SLOTS = ("dpe", "mixer", "fusion", "ffn", "norm", "layer_scale", "layer_scale_on", "norm_eps", "norm_place")
"""What can be chosen for a layer, at each level."""
KindSlot = Literal["mixer", "fusion", "ffn"]
"""The slots that hold a kind."""


@dataclass(frozen=True, slots=True)
class LayerSettings:
    """Everything that one layer is made of but for its drop-path rate, which depends on the whole backbone."""

    mixer: MixerOptions
    fusion: FusionOptions = field(default_factory=lambda: default_options("fusion", FusionOptions))
    ffn: FfnOptions = field(default_factory=lambda: default_options("ffn", FfnOptions))
    norm: NormName = DEFAULT_NORM
    dpe: bool = False
    layer_scale: float | None = None
    layer_scale_on: LayerScalePlace = "residual"
    norm_eps: float = EPSILON
    norm_place: NormPlace = "pre"
    end_norm: bool = False
    """Whether the layer ends its stage with a norm: a key of the stage, and of its last layer alone."""
    _hash: int | None = field(default=None, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        """Computed once: prices are looked up by settings over and over."""
        if self._hash is None:
            norms = self.norm, self.norm_eps, self.norm_place, self.end_norm
            scales = (self.layer_scale, self.layer_scale_on)
            values = self.mixer, self.fusion, self.ffn, norms, self.dpe, scales
            object.__setattr__(self, "_hash", hash(values))
        return self._hash  # pyright: ignore[reportReturnType]

    def fused_channels(self, channels: int) -> int:
        """The channels of the mixer's input projection, which a ganglion layer's fusion gives in its place."""
        return self.mixer.projected(channels)

    def site(self, channels: int, number: int, features: int, reduction: int) -> Site:
        """The place of such a layer of that width and number, which reads so many features."""
        out = self.fused_channels(channels) if features else channels
        return Site(
            channels, out, self.norm, number, features,
            eps=self.norm_eps, normed=self.norm_place == "pre", post_normed=self.norm_place == "post",
            reduction=reduction,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StageRule:
    """What decides which layer of a stage reads which, in the words of the connection rule (``graph.rule``)."""

    depth: int
    ganglion: tuple[int, ...]
    """The ganglion layers by number, rising."""
    window: int | Literal["all"]
    cross_stage: CrossStage
    intra: Intra


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedStage:
    """One stage: its rule, its layers, what opens it, and where all of them stand."""

    position: int
    """From 1."""
    name: str
    channels: int
    shrinkings: Shrinkings
    """How the stage's maps are smaller than the images."""
    reduction: int
    """The side of the stage's maps over that of the last stage's."""
    rule: StageRule
    opening: KindOptions
    """The stem, or the downsampling from the stage before."""
    opening_site: Site
    layers: tuple[LayerSettings, ...]
    """In order; layers without settings of their own share one value."""

    @property
    def opening_name(self) -> str:
        """The node of the stem or the downsampling, where one runs."""
        return "stem" if self.position == 1 else f"{self.name}.downsample"

    @property
    def is_opened(self) -> bool:
        """Whether a stem or a downsampling gives the stage's input; where not, the last layer before it does."""
        return self.position == 1 or default_registry().of("downsample", self.opening).runs

    def layer_name(self, number: int) -> str:
        """The name of a layer."""
        return f"{self.name}.layer{number}"

    def site(self, number: int, features: int = 0) -> Site:
        """The place of the layer of that number, which reads so many features."""
        return self.layers[number - 1].site(self.channels, number, features, self.reduction)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The value that each slot of a layer was given, and the key path where it stands (list indices 0-based)."""

    values: Mapping[str, object] = field(default_factory=dict[str, object])
    paths: Mapping[str, Path] = field(default_factory=dict[str, Path])

    def over(self, options: LayerOptions, *path: str | int) -> Chosen:
        """These choices with a narrower level, which stands at ``path``, laid over them."""
        given = [slot for slot in SLOTS if slot in options.model_fields_set]
        if not given:
            return self
        keys = vars(options)
        values = {slot: keys[slot] for slot in given}
        return Chosen({**self.values, **values}, {**self.paths, **{slot: (*path, slot) for slot in given}})

    @property
    def mixer(self) -> MixerOptions | None:
        """The mixer; None where no level names one."""
        mixer = self.values.get("mixer")
        return mixer if isinstance(mixer, MixerOptions) else None

    def kind_options(self, slot: KindSlot) -> KindOptions | None:
        """The kind in that slot, by default the language's; None where no level names a mixer."""
        given = self.values.get(slot)
        if isinstance(given, KindOptions):
            return given
        return None if slot == "mixer" else default_options(slot, KindOptions)

    def site(self, slot: KindSlot, channels: int, number: int, reduction: int) -> Site:
        """The place of the kind in that slot, in a layer of that number and width."""
        # A fusion gives what the mixer's projection would; without a mixer that is the error, not the width.
        fused = 3 * channels if self.mixer is None else self.mixer.projected(channels)
        return Site(channels, fused if slot == "fusion" else channels, number=number, reduction=reduction)


def resolve_stages(spec: SpecModel) -> tuple[ResolvedStage, ...]:
    """Every stage of a spec; raises ``LookupError`` where no level names a mixer for a layer."""
    origin = spec.origin
    if origin is not None and origin.stages is not None:
        return origin.stages
    return tuple(resolve_stage(spec, index, choices(spec, index)) for index in range(len(spec.stages)))


def carried_over(before: SpecModel | None, spec: SpecModel) -> tuple[ResolvedStage | None, ...]:
    """For each stage of a spec what is known of it from the spec ``before`` of which it is an edit; None where nothing.

    A stage is known where all that decides it is the very same: its own keys, those of all stages, what is in front of
    it, how many stages follow, all downsamplings, and the links that are added.
    """
    known = before.origin.stages if before is not None and before.origin is not None else None
    shared = ("layer", "stem", "downsample", "links")
    if before is None or known is None or len(before.stages) != len(spec.stages):
        return (None,) * len(spec.stages)
    downsamples = [[stage.downsample for stage in model.stages] for model in (before, spec)]
    if downsamples[0] != downsamples[1] or any(getattr(before, key) is not getattr(spec, key) for key in shared):
        return (None,) * len(spec.stages)
    same = [old is new for old, new in zip(before.stages, spec.stages, strict=True)]
    in_front = [
        before.input == spec.input,
        *(old.channels == new.channels for old, new in zip(before.stages, spec.stages, strict=True)),
    ]
    return tuple(stage if same[index] and in_front[index] else None for index, stage in enumerate(known))


def resolve_stage(spec: SpecModel, index: int, chosen: Sequence[Chosen]) -> ResolvedStage:
    """The stage at a 0-based index with what was chosen for its layers; raises ``LookupError`` without a mixer."""
    stage, openings = spec.stages[index], opening_strides(spec)
    return ResolvedStage(
        index + 1,
        stage_name(spec, index),
        stage.channels,
        stage_shrinkings(spec, index),
        stage_reduction(openings, index),
        stage_rule(stage),
        spec.stem if index == 0 else downsampling(spec, index),
        opening_site(spec, index),
        _layers(chosen, end_norm=stage.end_norm),
    )


def stage_name(spec: SpecModel, index: int) -> str:
    """The name of the stage at that 0-based index."""
    return spec.stages[index].name or f"stage{index + 1}"


def stage_rule(stage: Stage) -> StageRule:
    """The rule of a stage, with what stands for keys that are not given."""
    return rule_of(stage.depth, stage.S, stage.M, stage.ganglion, stage.cross_stage, stage.intra)


def rule_of(
    depth: int,
    stride: int | None,
    window: int | Literal["all"] | None,
    ganglion: tuple[int, ...] | None,
    cross_stage: CrossStage | None = None,
    intra: Intra | None = None,
) -> StageRule:
    """The rule that the values of a stage's keys make; a list of ganglion layers goes before the stride S."""
    placed = ganglion if ganglion is not None else ganglion_layers(depth, stride) if stride is not None else ()
    return StageRule(depth, placed, window or "all", cross_stage or "first", intra or "since_last")


def ganglion_layers(depth: int, stride: int) -> tuple[int, ...]:
    """The ganglion layers of a stage of ``depth`` layers: every ``stride``-th, counted back from the last."""
    return tuple(range(depth, 0, -stride))[::-1]


def opening_site(spec: SpecModel, index: int) -> Site:
    """The place of the stem, or of the downsampling in front of the stage at that 0-based index."""
    if index == 0:
        return Site(spec.input.channels, spec.stages[0].channels, image=spec.input.size)
    return Site(spec.stages[index - 1].channels, spec.stages[index].channels)


def head_site(spec: SpecModel) -> Site:
    """The place of the head: behind the last stage, or behind all of them where it reads all."""
    widths = tuple(stage.channels for stage in spec.stages)
    return site_of_head(widths, spec.layer.norm, reads_all_stages=spec.head.reads_all_stages)


def site_of_head(widths: tuple[int, ...], norm: NormName | None, *, reads_all_stages: bool) -> Site:
    """The place of a head behind stages of these widths, in a backbone whose ``layer`` has that norm."""
    return Site(widths[-1], widths[-1], norm or DEFAULT_NORM, maps=widths if reads_all_stages else ())


def choices(spec: SpecModel, index: int, widest: Chosen | None = None) -> tuple[Chosen, ...]:
    """What was chosen for each layer of the stage at that 0-based index; layers without settings share one value.

    ``widest`` is ``backbone_choices(spec)``, where it is known.
    """
    stage = spec.stages[index]
    common = (widest or backbone_choices(spec)).over(stage.layer, "stages", index, "layer")
    if not stage.layers:
        return (common,) * stage.depth
    own = ((number, stage.layers.get(number)) for number in range(1, stage.depth + 1))
    return tuple(
        common if options is None else common.over(options, "stages", index, "layers", number)
        for number, options in own
    )


def backbone_choices(spec: SpecModel) -> Chosen:
    """What the backbone's ``layer`` chooses for all layers."""
    return Chosen().over(spec.layer, "layer")


def drop_path_rates(spec: SpecModel) -> Iterator[float]:
    """The drop-path rate of each layer in order: linear from 0 to the spec's rate (as in the reference training)."""
    total = sum(stage.depth for stage in spec.stages)
    for position in range(total):
        yield spec.drop_path * position / (total - 1) if total > 1 else spec.drop_path


def _layers(chosen: Sequence[Chosen], *, end_norm: bool) -> tuple[LayerSettings, ...]:
    """The settings of a stage's layers; those without settings of their own share one value."""
    made = {id(one): one for one in chosen}
    known = {mark: settings_of(one.values) for mark, one in made.items()}
    layers = tuple(known[id(one)] for one in chosen)
    return (*layers[:-1], settings_of(chosen[-1].values, end_norm=True)) if end_norm else layers


def settings_of(values: Mapping[str, object], *, end_norm: bool = False) -> LayerSettings:
    """The settings that values of ``SLOTS`` make, None and absence alike; raises ``LookupError`` without a mixer.

    ``end_norm`` is that of the stage for its last layer.
    """
    given = {slot: value for slot, value in values.items() if value is not None}
    if "mixer" not in given:
        raise LookupError("a layer without a token mixer")
    if given.get("layer_scale") == "none":
        given["layer_scale"] = None
    return LayerSettings(**given, end_norm=end_norm)  # pyright: ignore[reportArgumentType]
