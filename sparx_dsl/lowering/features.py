"""What a detector or segmenter asks of a backbone: channels and reduction of each map, in timm's terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Feature:
    """One map: its channels, the image's side over the map's, the stage's number, the layer that gives it."""

    num_chs: int
    reduction: int
    index: int
    module: str


@dataclass(frozen=True, slots=True)
class FeatureInfo:
    """The maps that a backbone returns, in order; the methods have the names and results of timm's ``FeatureInfo``."""

    features: tuple[Feature, ...]

    @classmethod
    def of(cls, schedule: Schedule) -> FeatureInfo:
        """The outputs of a schedule; those of all stages where it returns logits."""
        stages = schedule.features or tuple(range(1, len(schedule.graph.spec.stages) + 1))
        last = [schedule.graph.layers(stage)[-1] for stage in stages]
        return cls(tuple(Feature(node.channels, node.stride, node.stage, node.name) for node in last))

    def channels(self) -> list[int]:
        """Channels of each map."""
        return [feature.num_chs for feature in self.features]

    def reduction(self) -> list[int]:
        """The image's side over each map's."""
        return [feature.reduction for feature in self.features]

    def module_name(self) -> list[str]:
        """The layer that gives each map."""
        return [feature.module for feature in self.features]

    @property
    def out_indices(self) -> tuple[int, ...]:
        """The stages, from 1."""
        return tuple(feature.index for feature in self.features)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, place: int) -> Feature:
        return self.features[place]
