"""What a detector or segmenter asks of a backbone: channels and reduction of each map, in timm's terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sparx_dsl.graph import Node
from sparx_dsl.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Feature:
    """One map: its channels, the image's side over the map's, the stage's number from 1, the layer that gives it.

    The stem's map has the number 0.
    """

    num_chs: int
    reduction: int
    index: int
    module: str


@dataclass(frozen=True, slots=True)
class FeatureInfo:
    """The maps that a backbone returns, in order; methods, keys and results are those of timm's ``FeatureInfo``.

    Positions count from 0 in the list of maps, as there; ``out_indices`` are the stages, which count from 1 as
    everywhere in this project.
    """

    features: tuple[Feature, ...]

    @classmethod
    def of(cls, schedule: Schedule) -> FeatureInfo:
        """The maps that a schedule outputs, without a head's result; those of all stages where it returns logits."""
        graph = schedule.graph
        if schedule.features is None:
            nodes = [graph.layers(stage)[-1] for stage in range(1, len(graph.spec.stages) + 1)]
        else:
            nodes = [node for node in map(graph.node, schedule.outputs) if node.role != "head"]
        return cls(tuple(Feature(node.channels, node.stride, _stage(node), node.name) for node in nodes))

    def channels(self, idx: int | Sequence[int] | None = None) -> Any:
        """Channels of the map at that position, of those at several, or of all."""
        return self._of("num_chs", idx)

    def reduction(self, idx: int | Sequence[int] | None = None) -> Any:
        """The image's side over the map's, at that position, at several, or of all."""
        return self._of("reduction", idx)

    def module_name(self, idx: int | Sequence[int] | None = None) -> Any:
        """The layer that gives the map at that position, those at several, or all."""
        return self._of("module", idx)

    def get_dicts(self) -> list[dict[str, Any]]:
        """Each map's ``num_chs``, ``reduction``, ``index`` and ``module``."""
        return [asdict(feature) for feature in self.features]

    @property
    def out_indices(self) -> tuple[int, ...]:
        """The stages, from 1."""
        return tuple(feature.index for feature in self.features)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.get_dicts())

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self.get_dicts()[place]

    def _of(self, key: str, idx: int | Sequence[int] | None) -> Any:
        values = [entry[key] for entry in self.get_dicts()]
        if idx is None:
            return values
        return values[idx] if isinstance(idx, int) else [values[place] for place in idx]


def _stage(node: Node) -> int:
    """The stage that a map belongs to; 0 for the stem's."""
    return node.stage if node.role == "layer" else 0
