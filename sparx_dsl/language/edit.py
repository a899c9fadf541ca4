"""The trees of changed copies of a spec: single values, and layers put in or taken out with all that names them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where, did_you_mean
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.models import SpecModel
from sparx_dsl.language.resolve import stage_name
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.merge import merge_patch, nested
from sparx_dsl.reader.scalars import check_scalar
from sparx_dsl.reader.tree import MappingNode, node_of
from sparx_dsl.reader.tree_size import node_count, refuse_large_tree


@dataclass(frozen=True, slots=True)
class Renumbered:
    """The tree of a spec with a layer more or less, and the new name of every layer that is called differently now."""

    tree: MappingNode
    renames: FrozenDict[str, str]


def edited_tree(spec: SpecModel, changes: Mapping[str, object]) -> MappingNode:
    """The spec's tree with other values at the given key paths; raises ``SparxError``.

    A path is dotted and 1-based (``stages.3.S``), or names the stage (``stages.deep.S``). None removes a key;
    a mapping is laid over the one that is there, or replaces it where its ``kind`` differs. Where the tree then holds
    too many keys and values, the error (SPX003) stands at the last change that made it larger.
    """
    limits, trees = spec.limits, [spec.tree]
    for path, value in changes.items():
        keys = key_path(path, limits)
        merged = merge_patch(trees[-1], nested(keys, node_of(value, limits=limits, path=keys)))
        assert isinstance(merged, MappingNode)
        trees.append(merged)
    # Only all changes together make a spec: what one adds, another may remove.
    refuse_large_tree(trees[-1], limits, "the edited spec", lambda: Where(_last_growth([*changes], trees)))
    return trees[-1]


def _last_growth(paths: list[str], trees: list[MappingNode]) -> str:
    """The path of the last change that made the tree larger, of the trees before, between and after the changes."""
    counts = [node_count(tree) for tree in trees]
    larger = [path for path, (old, new) in zip(paths, itertools.pairwise(counts), strict=True) if new > old]
    return larger[-1] if larger else ""


def key_path(path: str, limits: Limits) -> tuple[str | int, ...]:
    """The keys and 1-based numbers of a dotted path; raises ``SparxError`` for what no spec could hold."""
    # A number of more digits than any item has stays text, which addresses nothing.
    parts = path.split(".")
    if len(parts) > limits.depth:
        message = f"the path leads more than {limits.depth} levels deep"
        where = Where(".".join(parts[: limits.depth]))
        raise SparxError(Diagnostic(Code.NESTED_TOO_DEEPLY, message, where, help="remove some levels"))
    for place, part in enumerate(parts):
        if wrong := check_scalar(part, limits):
            raise SparxError(replace(wrong, where=Where(".".join(parts[:place]))))
    return tuple(int(part) if part.isdecimal() and len(part) <= 18 else part for part in parts)


def inserted(spec: SpecModel, stage: str, after: int) -> Renumbered:
    """One layer more in the stage of that name, behind layer ``after`` (0: first of all); raises ``SparxError``."""
    index = _stage_index(spec, stage)
    depth = spec.stages[index].depth
    if not 0 <= after <= depth:
        message = f"cannot insert after layer {after} of {stage}, which does not exist"
        raise SparxError(Diagnostic(Code.INVALID_INSERT, message, help=f"write 0 to {depth}"))
    return _renumbered(spec, index, depth + 1, {n: n + 1 if n > after else n for n in range(1, depth + 1)})


def removed(spec: SpecModel, stage: str, number: int) -> Renumbered:
    """The stage of that name without layer ``number``, its overrides and its links; raises ``SparxError``."""
    index = _stage_index(spec, stage)
    depth = spec.stages[index].depth
    if not 1 <= number <= depth or depth == 1:
        what = "the only layer" if depth == 1 else f"layer {number}"
        message = f"cannot remove {what} of {stage}"
        raise SparxError(Diagnostic(Code.INVALID_REMOVAL, message, help=f"the layers are 1 to {depth}"))
    kept = [n for n in range(1, depth + 1) if n != number]
    return _renumbered(spec, index, depth - 1, {n: n - 1 if n > number else n for n in kept})


def _stage_index(spec: SpecModel, stage: str) -> int:
    names = [stage_name(spec, index) for index in range(len(spec.stages))]
    if stage not in names:
        raise SparxError(Diagnostic(Code.UNKNOWN_STAGE, f"unknown stage {stage!r}", help=did_you_mean(stage, names)))
    return names.index(stage)


def _renumbered(spec: SpecModel, index: int, depth: int, numbers: Mapping[int, int]) -> Renumbered:
    """The spec with another depth in one stage, its layers renumbered; what names a layer not in the map is dropped."""
    written: dict[str, Any] = spec.written()
    stage: dict[str, Any] = dict(written["stages"][index], depth=depth)
    if "ganglion" in stage:
        stage["ganglion"] = [numbers[n] for n in stage["ganglion"] if n in numbers]
    if "layers" in stage:
        stage["layers"] = {numbers[n]: options for n, options in stage["layers"].items() if n in numbers}
    stages = [*written["stages"][:index], stage, *written["stages"][index + 1 :]]
    prefix = stage_name(spec, index)
    before = range(1, spec.stages[index].depth + 1)
    names = {f"{prefix}.layer{n}": f"{prefix}.layer{numbers[n]}" if n in numbers else None for n in before}
    written = {**written, "stages": stages}
    if "links" in written:
        written["links"] = {key: _links(links, names) for key, links in written["links"].items()}
    tree = node_of(written, limits=spec.limits)
    assert isinstance(tree, MappingNode)
    renames = {old: new for old, new in names.items() if new is not None and new != old}
    return Renumbered(tree, FrozenDict(renames))


def _links(links: Any, names: Mapping[str, str | None]) -> list[dict[str, str]]:
    moved = [{end: names.get(name, name) for end, name in link.items()} for link in links]
    kept = [link for link in moved if None not in link.values()]
    return [{end: name for end, name in link.items() if name is not None} for link in kept]
