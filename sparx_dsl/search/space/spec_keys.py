"""The keys of a spec as functions of the choices that touch them, checked by the language's own models."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from sparx_dsl.errors import SparxError
from sparx_dsl.language.models import LayerOptions, SpecModel, Stage
from sparx_dsl.language.resolve import SLOTS
from sparx_dsl.reader.tree import MappingNode, Node, plain
from sparx_dsl.search.space.choices import Assignment, EditPath
from sparx_dsl.search.space.materialize import Patch, find_node, only_path, overlay


@dataclass(frozen=True, slots=True)
class Invalid:
    """Stands for a value that the language does not accept."""


INVALID: Final = Invalid()
ROOT_KEYS: Final = tuple(key for key in SpecModel.model_fields if key not in ("sparx", "name", "layer", "stages"))
STAGE_KEYS: Final = tuple(key for key in Stage.model_fields if key not in ("name", "layer", "layers"))
LONGEST_KEY: Final = 5
"""Parts of the path of a layer's slot."""
FIRST_LAYERS: Final = range(1, 1025)
"""Numbers that layers may have, as many as a backbone has by default."""
PLAIN_STAGE: Final[Mapping[str, object]] = {"channels": 8, "depth": 1}
PLAIN_SPEC: Final[Mapping[str, object]] = {
    "sparx": 1, "name": "x", "stem": {"kind": "patch"}, "stages": [dict(PLAIN_STAGE)],
}  # fmt: skip
"""A spec around the keys that are checked by themselves."""


@dataclass(frozen=True, slots=True)
class SpecKey:
    """One key of the spec: the choices that decide it, and its value for each of their values."""

    scope: tuple[int, ...]
    read: Callable[[tuple[int, ...]], Any] = field(repr=False)
    known: dict[tuple[int, ...], Any] = field(default_factory=dict[tuple[int, ...], Any], repr=False)

    def __call__(self, assignment: Assignment) -> Any:
        """The value, None where the key is absent, or ``INVALID``."""
        return self.at_row(tuple(assignment[choice] for choice in self.scope))

    def at_row(self, row: tuple[int, ...]) -> Any:
        """The same for the values of the choices in ``scope``."""
        if row not in self.known:
            self.known[row] = self.read(row)
        return self.known[row]


class SpecKeys:
    """The keys of a base spec under choices; each is made once."""

    def __init__(self, tree: MappingNode, patches: Sequence[Patch], stages: int) -> None:
        self.stages = stages
        self._tree = tree
        self._index = _PatchIndex(patches)
        self._made: dict[EditPath, SpecKey] = {}
        self._deepest: dict[int, int] = {}
        self._reductions: dict[int, SpecKey] = {}

    def at(self, path: EditPath) -> SpecKey:
        """The key at the path of one of ``ROOT_KEYS``, ``STAGE_KEYS`` or ``SLOTS``, with the models' values."""
        if path not in self._made:
            self._made[path] = self._key(path, self._index.of(path), lambda node: checked_value(path, node))
        return self._made[path]

    def stage(self, number: int, key: str) -> SpecKey:
        """A key of the stage of that number, from 1."""
        return self.at(("stages", number, key))

    def slot(self, stage: int, layer: int, slot: str) -> tuple[SpecKey, ...]:
        """Those of the three levels at which a slot of a layer may be given that can decide it, the narrowest first."""
        inner = ("stages", stage, "layers", layer, slot)
        return _deciding((self.at(inner), self.at(("stages", stage, "layer", slot)), self.at(("layer", slot))))

    def downsamples(self, stage: int) -> tuple[SpecKey, ...]:
        """Those of the two levels at which the downsampling in front of a stage may be given that can decide it."""
        return _deciding((self.stage(stage, "downsample"), self.at(("downsample",))))

    def reduction(self, stage: int) -> SpecKey:
        """By how much the downsamplings behind a stage reduce its maps, or ``INVALID``."""
        if stage not in self._reductions:
            downsamples = [self.downsamples(behind) for behind in range(stage + 1, self.stages + 1)]
            scope = tuple(sorted({choice for levels in downsamples for level in levels for choice in level.scope}))

            def read(row: tuple[int, ...]) -> int | Invalid:
                assignment = dict(zip(scope, row, strict=True))
                found = [given_first(levels, assignment) for levels in downsamples]
                return INVALID if INVALID in found else math.prod(options.total_stride for options in found)

            self._reductions[stage] = SpecKey(scope, read)
        return self._reductions[stage]

    def layer_numbers(self, stage: int) -> SpecKey:
        """The numbers of the layers for which the base, or a choice of all of ``layers``, has settings."""
        path: EditPath = ("stages", stage, "layers")
        wide = [patch for patch in self._index.of(path) if len(patch.path) <= len(path)]
        return self._key(path, wide, lambda node: tuple(plain(node)) if isinstance(node, MappingNode) else ())

    def deepest(self, stage: int) -> int:
        """The most layers that the stage can have."""
        if stage not in self._deepest:
            path: EditPath = ("stages", stage, "depth")
            own = self._index.of(path)
            base = _Base(self._tree, path, own)
            found = [base.under(written) for written in _one_at_a_time(own)]
            depths = [checked_value(path, one) for one in found if not isinstance(one, Invalid)]
            self._deepest[stage] = max((one for one in depths if one is not INVALID), default=1)
        return self._deepest[stage]

    def has_layer(self, stage: int, layer: int, assignment: Assignment) -> bool:
        """Whether the stage has that many layers."""
        depth = self.stage(stage, "depth")(assignment)
        return depth is not INVALID and layer <= depth

    def _key(self, path: EditPath, own: Sequence[Patch], value: Callable[[Node | None], Any]) -> SpecKey:
        scope = tuple(dict.fromkeys(patch.choice for patch in own))
        base = _Base(self._tree, path, own)

        def read(row: tuple[int, ...]) -> Any:
            assignment = dict(zip(scope, row, strict=True))
            found = base.under((patch.path, patch.node(assignment)) for patch in own)
            return found if isinstance(found, Invalid) else value(found)

        return SpecKey(scope, read)


def key_of(path: EditPath) -> EditPath | None:
    """The key, of those that ``SpecKeys.at`` reads, that a path leads to or into; None for a path around keys."""
    if path[0] == "layer":
        return path[:2] if path[1:2] and path[1] in SLOTS else None
    if path[0] != "stages":
        return path[:1] if path[0] in ROOT_KEYS else None
    if path[2:3] == ("layer",):
        return path[:4] if path[3:4] and path[3] in SLOTS else None
    if path[2:3] == ("layers",):
        return path[:5] if path[4:5] and isinstance(path[3], int) and path[4] in SLOTS else None
    return path[:3] if path[2:3] and path[2] in STAGE_KEYS else None


def keys_in(path: EditPath, node: Node) -> set[EditPath] | None:
    """The keys that a value touches which is laid over a path; None where it may touch something else too."""
    key = key_of(path)
    if key is not None:
        return {key}
    if not isinstance(node, MappingNode) or len(path) > LONGEST_KEY:
        return None
    found: set[EditPath] = set()
    for entry in node.entries:
        part = entry.key.value
        # Only the model of a whole stage refuses numbers that no layer has.
        if path[2:] == ("layers",) and part not in FIRST_LAYERS:
            return None
        inner = keys_in((*path, part), entry.value) if isinstance(part, str | int) else None
        if inner is None:
            return None
        found |= inner
    return found


class _PatchIndex:
    """Finds the patches that touch a key without a look at all of them."""

    def __init__(self, patches: Sequence[Patch]) -> None:
        self._patches = patches
        self._at: dict[EditPath, list[int]] = {}
        """The patches of exactly a path, by number."""
        self._within: dict[EditPath, list[int]] = {}
        """The patches of that path and of those inside it."""
        for number, patch in enumerate(patches):
            self._at.setdefault(patch.path, []).append(number)
            for length in range(len(patch.path) + 1):
                self._within.setdefault(patch.path[:length], []).append(number)

    def of(self, path: EditPath) -> list[Patch]:
        """The patches whose path leads to or through this one, in order."""
        around = [number for length in range(len(path)) for number in self._at.get(path[:length], ())]
        return [self._patches[number] for number in sorted([*around, *self._within.get(path, ())])]


Written = Iterable[tuple[EditPath, Node | None]]
"""What choices lay over which paths; None for nothing."""


class _Base:
    """The part of a spec over which the patches of one key are laid: the innermost mapping around all of them."""

    def __init__(self, tree: MappingNode, path: EditPath, patches: Iterable[Patch]) -> None:
        paths = [path, *(patch.path[:-1] for patch in patches)]
        shared = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False))
        around: EditPath = tuple(parts[0] for parts in shared)
        while not isinstance(node := find_node(tree, around), MappingNode):
            around = around[:-1]
        self._skipped, self._path = len(around), path[len(around) :]
        base = only_path(node, self._path)
        assert isinstance(base, MappingNode)
        self._base = base

    def under(self, written: Written) -> Node | Invalid | None:
        """The node of the key with that laid over the base, None where there is none, or ``INVALID``."""
        tree = self._base
        try:
            for place, node in written:
                inner = place[self._skipped :]
                # Of a mapping that many keys are in, only what leads to this one.
                tree = tree if node is None else overlay(tree, inner, only_path(node, self._path[len(inner) :]))
        except SparxError:
            return INVALID
        return find_node(tree, self._path)


def _one_at_a_time(patches: Sequence[Patch]) -> Iterator[Written]:
    """Every value of each choice of a key while the others are off: the last one laid is the one that is read."""
    yield ()
    own: dict[int, list[Patch]] = {}
    for patch in patches:
        own.setdefault(patch.choice, []).append(patch)
    for together in own.values():
        for value in range(len(together[0].nodes)):
            yield [(patch.path, patch.nodes[value]) for patch in together]


def checked_value(path: EditPath, node: Node | None) -> Any:
    """What the language makes of a node at a key path; ``INVALID`` for what it does not accept.

    For no node that is what an absent key stands for.
    """
    key, layer = str(path[-1]), "layer" in path or "layers" in path
    model = LayerOptions if layer else Stage if len(path) > 1 else SpecModel
    given = {name: value for name, value in _around(model).items() if name != key}
    if node is not None:
        given[key] = plain(node)
    try:
        return getattr(model.model_validate(given), key)
    except ValidationError:
        return INVALID


@functools.cache
def _around(model: type[LayerOptions | Stage | SpecModel]) -> Mapping[str, object]:
    """What a model needs besides the key that is checked; already of its own types, which are not checked again."""
    if model is LayerOptions:
        return {}
    made = model.model_validate(PLAIN_STAGE if model is Stage else PLAIN_SPEC)
    return {key: getattr(made, key) for key in made.model_fields_set}


def _deciding(levels: Iterable[SpecKey]) -> tuple[SpecKey, ...]:
    """Those that may have the first value: without what no choice gives, and without what stands behind one given."""
    found: list[SpecKey] = []
    for level in levels:
        if level.scope:
            found.append(level)
        elif level.at_row(()) is not None:
            return *found, level
    return tuple(found)


def given_first(levels: Sequence[SpecKey], assignment: Assignment) -> Any:
    """The value at the narrowest level that has one."""
    return next((value for level in levels if (value := level(assignment)) is not None), None)
