"""A spec, and what can be done with one: read, written, and edited."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sparx_dsl.errors import SparxError, Where
from sparx_dsl.language import edit, load
from sparx_dsl.language.checks.check_links import check_link_ends
from sparx_dsl.language.extends import expand, read_spec_text, read_tree
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.models import SpecModel
from sparx_dsl.language.notebook import shown
from sparx_dsl.language.nulls import without_nulls
from sparx_dsl.language.resolve import ResolvedStage, resolve_stages
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.tree import MappingNode, node_of
from sparx_dsl.reader.tree_size import refuse_large_tree


class Spec(SpecModel, frozen=True):
    """One backbone as its user wrote it; made by ``load_spec``, ``parse_spec`` or ``Spec.edit``."""

    @property
    def resolved(self) -> tuple[ResolvedStage, ...]:
        """What every stage is, with all levels laid over each other; raises ``LookupError`` without a mixer."""
        return resolve_stages(self)

    def edit(self, changes: Mapping[str, object]) -> Spec:
        """A checked copy with other values at 1-based key paths such as ``stages.3.S``; None removes a key.

        What the changes leave alone is not checked again, but that links lead from node to node. Raises ``SparxError``.
        """
        spec = load.checked_spec(Spec, edit.edited_tree(self, changes), self.limits, self)
        wrong = list(itertools.islice(check_link_ends(spec, spec.resolved), self.limits.errors))
        if wrong:
            raise SparxError(load.in_order(wrong, spec.where().source))
        return spec

    def insert_layer(self, stage: str, after: int) -> LayerEdit:
        """One layer more in the stage of that name, behind layer ``after`` (0: first of all); raises ``SparxError``."""
        return self._renumbered(edit.inserted(self, stage, after))

    def remove_layer(self, stage: str, number: int) -> LayerEdit:
        """The stage of that name without layer ``number``, its overrides and its links; raises ``SparxError``."""
        return self._renumbered(edit.removed(self, stage, number))

    def within(self, limits: Limits) -> Spec:
        """The same spec under other limits; raises ``SparxError`` where it does not keep them."""
        return self if limits == self.limits else spec_of(self._root, limits)

    def _repr_html_(self) -> str:
        """How notebooks show it: its connections, and its text to unfold."""
        return shown("sparx_dsl.render.notebook:spec_html", self)

    def __repr__(self) -> str:
        depths = ", ".join(str(stage.depth) for stage in self.stages)
        return f"Spec({self.name!r}, depths {depths})"

    @property
    def _root(self) -> MappingNode:
        return self.tree if self.origin is None else self.origin.root

    def _renumbered(self, renumbered: edit.Renumbered) -> LayerEdit:
        spec = load.checked_spec(Spec, renumbered.tree, self.limits)
        return LayerEdit(spec, renumbered.renames)


@dataclass(frozen=True, slots=True)
class LayerEdit:
    """A spec with a layer more or less, and the new name of every layer that is called differently now."""

    spec: Spec
    renames: FrozenDict[str, str]
    """Old name → new name, for the layers that are still there and were renumbered."""


def load_spec(
    path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS, root: str | os.PathLike[str] | None = None
) -> Spec:
    """Read, extend and check the spec in the YAML file at ``path``, or of that name in the zoo (``sparx_mamba_t``).

    A file comes before a spec of the zoo, with or without ``.yaml``. What it extends stands beside it, in the folder
    above, in a folder below these, in the zoo, or with a ``root`` anywhere below that. Raises ``SparxError`` with every
    error.
    """
    tree = read_tree(Path(path), limits, None if root is None else Path(root))
    return load.checked_spec(Spec, tree, limits)


def parse_spec(
    text: str | bytes | Mapping[str, object], *, name: str = "<text>", limits: Limits = DEFAULT_LIMITS
) -> Spec:
    """Check a spec given as YAML text or as a mapping of plain values; raises ``SparxError`` with every error.

    What ``Spec.model_dump`` and ``Spec.model_dump_json`` give is read too: in a mapping, None stands for a key that is
    left out where that is the key's default.
    """
    tree = node_of(text, limits=limits) if isinstance(text, Mapping) else compose(text, name, limits)
    assert isinstance(tree, MappingNode)
    whole = expand(tree, None, limits)
    return load.checked_spec(Spec, without_nulls(whole) if isinstance(text, Mapping) else whole, limits)


def spec_text(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> str:
    """The YAML text of what ``load_spec`` reads first, as it stands there; raises ``SparxError``."""
    return read_spec_text(Path(path), limits)


def spec_of(tree: MappingNode, limits: Limits) -> Spec:
    """The spec that a tree describes which was composed and extended, and may have values laid over it.

    Raises ``SparxError`` with every error.
    """
    refuse_large_tree(tree, limits, "the spec", lambda: Where(source=tree.source, span=tree.span))
    return load.checked_spec(Spec, tree, limits)


def dump_spec(spec: Spec) -> str:
    """The YAML text of a spec; ``parse_spec`` with the spec's limits gives an equal one back.

    Raises ``SparxError``, such as SPX001 and SPX003, for a text that cannot be read within these limits.
    """
    return load.dump_spec(spec)
