"""What every single layer is, once the levels of a spec are laid over each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.spec.frozen import FrozenDict
from sparx_dsl.spec.models import LayerOptions, Spec
from sparx_dsl.spec.options.base import NormName, Site
from sparx_dsl.spec.options.ffns import FfnOptions, Mlp
from sparx_dsl.spec.options.fusions import DMCA, FusionOptions
from sparx_dsl.spec.options.mixers import MixerOptions

Path = tuple[str | int, ...]
DEFAULT_FUSION: FusionOptions = DMCA()
DEFAULT_FFN: FfnOptions = Mlp()
SLOTS = ("dpe", "mixer", "fusion", "ffn", "norm", "layer_scale")


@dataclass(frozen=True, slots=True)
class LayerSettings:
    """Everything that one layer is made of."""

    mixer: MixerOptions
    fusion: FusionOptions = DEFAULT_FUSION
    ffn: FfnOptions = DEFAULT_FFN
    norm: NormName = "layer"
    dpe: bool = False
    layer_scale: float | None = None
    drop_path: float = 0.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value that each slot of a layer was given, and the key path where it stands (list indices 0-based)."""

    values: FrozenDict[str, object]
    paths: FrozenDict[str, Path]

    def over(self, options: LayerOptions, path: Path) -> Chosen:
        """These choices with a narrower level laid over them."""
        given = [slot for slot in SLOTS if slot in options.model_fields_set]
        if not given:
            return self
        values = {slot: getattr(options, slot) for slot in given}
        paths = {slot: (*path, slot) for slot in given}
        return Chosen(FrozenDict({**self.values, **values}), FrozenDict({**self.paths, **paths}))


def choices(spec: Spec, index: int) -> Iterator[Chosen]:
    """What was chosen for each layer of the stage at that 0-based index, in order."""
    stage = spec.stages[index]
    widest = Chosen(FrozenDict(), FrozenDict()).over(spec.layer, ("layer",))
    common = widest.over(stage.layer, ("stages", index, "layer"))
    for number in range(1, stage.depth + 1):
        own = stage.layers.get(number)
        yield common if own is None else common.over(own, ("stages", index, "layers", number))


def head_site(spec: Spec) -> Site:
    """The place of the head: behind the last stage, or behind all of them where it reads all."""
    width = spec.stages[-1].channels
    maps = tuple(stage.channels for stage in spec.stages) if spec.head.reads_all_stages else ()
    return Site(width, width, spec.layer.norm or "layer", maps=maps)


def layer_settings(spec: Spec) -> tuple[tuple[LayerSettings, ...], ...]:
    """The settings of every layer, stage by stage; raises ``LookupError`` where no level names a mixer."""
    rates = drop_path_rates(spec)
    return tuple(
        tuple(_settings(chosen, next(rates)) for chosen in choices(spec, index)) for index in range(len(spec.stages))
    )


def stage_settings(spec: Spec, index: int) -> tuple[LayerSettings, ...]:
    """The settings of the layers of the stage at that 0-based index, drop path left aside; raises ``LookupError``."""
    made: dict[int, LayerSettings] = {}
    chosen = list(choices(spec, index))
    for one in chosen:
        if id(one) not in made:
            made[id(one)] = _settings(one, 0.0)
    return tuple(made[id(one)] for one in chosen)


def drop_path_rates(spec: Spec) -> Iterator[float]:
    """The drop-path rate of each layer in order: linear from 0 to the spec's rate (as in the reference training)."""
    total = sum(stage.depth for stage in spec.stages)
    for position in range(total):
        yield spec.drop_path * position / (total - 1) if total > 1 else spec.drop_path


def _settings(chosen: Chosen, drop_path: float) -> LayerSettings:
    values = dict(chosen.values)
    if values.get("mixer") is None:
        raise LookupError("a layer without a token mixer")
    if values.get("layer_scale") == "none":
        values["layer_scale"] = None
    return LayerSettings(**values, drop_path=drop_path)  # pyright: ignore[reportArgumentType]
