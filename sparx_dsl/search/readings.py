"""What the keys of a spec are for given values of the choices that touch them, checked by the language's own models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from sparx_dsl.errors import SparxError
from sparx_dsl.language.models import LayerOptions, Stage
from sparx_dsl.language.spec import Spec
from sparx_dsl.reader.tree import MappingNode, Node, plain
from sparx_dsl.search.laying import Patch, cell_of
from sparx_dsl.search.values import KeyPath

Picks = Mapping[int, int]
"""For each choice, by number, the number of its value, or ``OFF``."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Stands for a value that the language does not accept."""


INVALID: Final = Invalid()
SLOTS: Final = tuple(LayerOptions.model_fields)
ROOT_KEYS: Final = tuple(key for key in Spec.model_fields if key not in ("sparx", "name", "layer", "stages"))
STAGE_KEYS: Final = tuple(key for key in Stage.model_fields if key not in ("name", "layer", "layers"))
_STAGE: Final[Mapping[str, object]] = {"channels": 8, "depth": 1}
_SPEC: Final[Mapping[str, object]] = {"sparx": 1, "name": "x", "stem": {"kind": "patch"}, "stages": [dict(_STAGE)]}


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that is read from a spec: by which choices it is decided, and what it is then."""

    scope: tuple[int, ...]
    read: Callable[[tuple[int, ...]], object] = field(repr=False)
    known: dict[tuple[int, ...], object] = field(default_factory=dict[tuple[int, ...], object], repr=False)

    def __call__(self, picks: Picks) -> object:
        """The value, None where the key is absent, or ``INVALID``."""
        row = tuple(picks[choice] for choice in self.scope)
        if row not in self.known:
            self.known[row] = self.read(row)
        return self.known[row]


class Readings:
    """The readings of a base spec under choices; each is made once."""

    def __init__(self, tree: MappingNode, patches: Sequence[Patch], stages: int) -> None:
        self.stages = stages
        self._tree = tree
        self._patches = patches
        self._made: dict[KeyPath, Reading] = {}

    def at(self, path: KeyPath) -> Reading:
        """What stands at the key path of one of ``ROOT_KEYS``, ``STAGE_KEYS`` or ``SLOTS``, as the models give it."""
        if path not in self._made:
            self._made[path] = self._checked(path, self._patches)
        return self._made[path]

    def stage(self, number: int, key: str) -> Reading:
        """A key of the stage of that number, from 1."""
        return self.at(("stages", number, key))

    def slot(self, stage: int, layer: int, slot: str) -> tuple[Reading, ...]:
        """The three levels at which a slot of a layer may be given, the narrowest first."""
        inner = ("stages", stage, "layers", layer, slot)
        return self.at(inner), self.at(("stages", stage, "layer", slot)), self.at(("layer", slot))

    def numbered(self, stage: int) -> Reading:
        """The numbers of the layers for which the base, or a choice of all of ``layers``, has settings."""
        path: KeyPath = ("stages", stage, "layers")
        wide = [patch for patch in self._patches if len(patch.path) <= len(path)]
        cell = cell_of(self._tree, wide, path)

        def read(row: tuple[int, ...]) -> object:
            node = cell.node(row)
            entries = node.entries if isinstance(node, MappingNode) else ()
            return tuple(entry.key.value for entry in entries)

        return Reading(cell.scope, read)

    def deepest(self, stage: int) -> int:
        """The most layers that the stage can have."""
        depth = self.stage(stage, "depth")
        sizes = [len(patch.nodes) for patch in self._patches if patch.choice in depth.scope]
        if len(depth.scope) <= 1:
            rows = [(value,) for value in range(-1, max(sizes, default=0))] if depth.scope else [()]
            found = [depth(dict(zip(depth.scope, row, strict=True))) for row in rows]
        else:
            found = [depth(row) for row in _one_at_a_time(depth.scope, self._patches)]
        return max((one for one in found if isinstance(one, int)), default=1)

    def _checked(self, path: KeyPath, patches: Iterable[Patch]) -> Reading:
        cell = cell_of(self._tree, patches, path)

        def read(row: tuple[int, ...]) -> object:
            try:
                node = cell.node(row)
            except SparxError:
                return INVALID
            return checked(path, node)

        return Reading(cell.scope, read)


def _one_at_a_time(scope: tuple[int, ...], patches: Sequence[Patch]) -> Iterable[Picks]:
    """Every value of each choice while the others are off: the last one laid is the one that is read."""
    for choice in scope:
        count = max(len(patch.nodes) for patch in patches if patch.choice == choice)
        for value in range(-1, count):
            yield {other: value if other == choice else -1 for other in scope}


def checked(path: KeyPath, node: Node | None) -> object:
    """What the language makes of a node at a key path; None for no node, ``INVALID`` for what it does not accept."""
    key = str(path[-1])
    if node is None:
        return INVALID if key in ("channels", "depth") and path[0] == "stages" else _default(path)
    try:
        if "layer" in path or "layers" in path:
            return getattr(LayerOptions.model_validate({key: plain(node)}), key)
        if path[0] == "stages":
            return getattr(Stage.model_validate({**_STAGE, key: plain(node)}), key)
        return getattr(Spec.model_validate({**_SPEC, key: plain(node)}), key)
    except ValidationError:
        return INVALID


def _default(path: KeyPath) -> object:
    """What an absent key stands for."""
    known = Spec.model_fields[str(path[-1])] if len(path) == 1 else None
    if known is None:
        return None
    return INVALID if known.is_required() else known.get_default(call_default_factory=True, validated_data={})
