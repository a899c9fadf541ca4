"""Carrying trained weights from one backbone into an edited one: every layer keeps its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.graph import Node
from sparx_dsl.kinds.checkpoint import Alternation
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.wrapped import backbone_within
from sparx_dsl.schedule import Run
from sparx_dsl.weights.depths import identity_values
from sparx_dsl.weights.feature_axes import feature_axes, match_features, moved_blocks
from sparx_dsl.weights.kind_modules import KindModules, checkpoint_of
from sparx_dsl.weights.load import copy_values, model_tensors
from sparx_dsl.weights.report import LoadReport, Resized
from sparx_dsl.weights.slices import HOW, axis_blocks, feature_segments, segments, sliced


def transfer(
    source: nn.Module, target: nn.Module, renames: Mapping[str, str] | None = None, *, slices: bool = False,
    identity: bool = False,
) -> LoadReport:  # fmt: skip
    """Copy the weights of ``source`` into ``target``, another version of the same backbone; both may be wrapped.

    ``renames`` is old name → new name for the nodes that are called differently now, such as ``LayerEdit.renames``.
    A node keeps every tensor whose meaning and shape are the same; a fusion keeps the weights of each feature that it
    still reads, wherever that stands now; a relative position bias is interpolated to another window. What has no
    source stays as it was drawn. With ``slices``, tensors of another width take over the channels that both have, the
    first ones of every block that their kind declares, as once-for-all networks share them. With ``identity``, layers
    that have no source begin as the identity, as Net2Net has it, where their kinds say how. Raises ``SparxError``
    (SPX328, SPX630, SPX650); the target is then as it was.
    """
    before = backbone_within(source, "the source of a transfer")
    now = backbone_within(target, "the target of a transfer")
    work = _Transfer(before, now, node_origins(before, now, renames or {}), slices, identity)
    if any(value.is_meta for tensors in (work.old, work.new) for value in tensors.values()):
        raise SparxError(Diagnostic(Code.MODEL_ON_META, "a model on the device meta has no weights to transfer"))
    work.run()
    copy_values(work.new, work.values)
    changed = {each.name for each in work.resized}
    changed |= work.identities.keys()
    matched = tuple(name for name in work.values if name not in changed)
    unused = tuple(name for name in work.old if name not in work.used)
    return LoadReport(
        "transfer", matched, tuple(work.resized), tuple(work.missing), unused,
        identity=tuple(work.identities), notes=tuple(work.notes()),
    )  # fmt: skip


def node_origins(source: Backbone, target: Backbone, renames: Mapping[str, str]) -> dict[str, str]:
    """For each node of the target the node of the source that it was; raises ``SparxError`` (SPX650)."""
    old, new = ([node.name for node in model.schedule.graph.nodes] for model in (source, target))
    errors = [*_unknown(renames, old, "source"), *_unknown(renames.values(), new, "target")]
    if len(set(renames.values())) < len(renames):
        errors.append(Diagnostic(Code.INVALID_RENAME, "two nodes of the source cannot become one of the target"))
    if errors:
        raise SparxError(errors)
    stayed = {name: name for name in new if name in old and name not in renames}
    return {**stayed, **{now: before for before, now in renames.items()}}


def _unknown(names: Iterable[str], known: list[str], which: str) -> Iterator[Diagnostic]:
    for name in names:
        if name not in known:
            yield Diagnostic(
                Code.INVALID_RENAME, f"the {which} has no node {quoted(name)}", help=did_you_mean(name, known)
            )


@dataclass
class _Transfer:
    """The work in progress: what every tensor of the target will hold."""

    source: Backbone
    target: Backbone
    origins: Mapping[str, str]
    slices: bool
    identity: bool
    identities: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    old: dict[str, Tensor] = field(init=False)
    new: dict[str, Tensor] = field(init=False)
    kinds: KindModules = field(init=False)
    old_kinds: KindModules = field(init=False)
    values: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    resized: list[Resized] = field(default_factory=list[Resized])
    missing: list[str] = field(default_factory=list[str])
    used: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.old, self.new = model_tensors(self.source), model_tensors(self.target)
        self.kinds = KindModules.of(self.target.schedule.graph)
        self.old_kinds = KindModules.of(self.source.schedule.graph)

    def run(self) -> None:
        """Find a value for every tensor of every module of the target."""
        if self.identity:
            for node in self._added():
                self.identities |= identity_values(self.kinds, node, self.new)
        self.values |= self.identities
        for step in self.target.schedule.steps:
            if isinstance(step, Run):
                prefix = f"{step.module}."
                for name in [name for name in self.new if name.startswith(prefix) and name not in self.values]:
                    self._fill(name, step, name.removeprefix(prefix))

    def _added(self) -> list[Node]:
        """The layers of the target that have no source."""
        return [node for node in self.target.schedule.graph.layers() if node.name not in self.origins]

    def _fill(self, name: str, step: Run, inner: str) -> None:
        old_name = self._old_name(step, inner)
        if old_name is None or old_name not in self.old or not self._fits(name, old_name, step, inner):
            self.missing.append(name)

    def _old_name(self, step: Run, inner: str) -> str | None:
        """What the source calls this tensor, if it has one of the same meaning."""
        if step.part == "norm":
            return self._old_end_norm(self.target.schedule.graph.node(step.node), inner)
        origin = self.origins.get(step.node)
        if origin is None:
            return None
        before, now = self.source.schedule.graph.node(origin), self.target.schedule.graph.node(step.node)
        if step.part == "link":
            return self._old_link(origin, self.origins.get(step.inputs[0]), inner)
        if before.settings is None or now.settings is None:
            return f"{origin}.{inner}" if self._same_end(before, now) else None
        if step.part in ("mixer", "fusion") and inner.startswith("norm."):
            # The layer's own norm stands before its fusion, or before its mixer where there is none.
            return f"{origin}.{'fusion' if before.ganglion else 'mixer'}.{inner}"
        return f"{origin}.{step.part}.{inner}" if _same_kind(before, now, inner) else None

    def _old_end_norm(self, now: Node, inner: str) -> str | None:
        """The norm at the end of the stage that a layer's stage comes from, whichever layer it is behind."""
        target, source = self.target.schedule.graph, self.source.schedule.graph
        peers = [self.origins[node.name] for node in target.layers()
                 if node.stage == now.stage and node.name in self.origins]  # fmt: skip
        if not peers:
            return None
        stage = source.node(peers[-1]).stage
        last = [node.name for node in source.layers() if node.stage == stage][-1]
        return f"{last}.norm.{inner}"

    def _same_end(self, before: Node, now: Node) -> bool:
        """Whether a stem, a downsampling or a head means the same in both; a head may read a map of each stage."""
        graphs = self.source.schedule.graph, self.target.schedule.graph
        maps = [len(graph.features(node.name)) for graph, node in zip(graphs, (before, now), strict=True)]
        return _kind(before) == _kind(now) and maps[0] == maps[1]

    def _old_link(self, origin: str, feature: str | None, inner: str) -> str | None:
        steps = (step for step in self.source.schedule.steps if isinstance(step, Run) and step.part == "link")
        found = next((step for step in steps if step.node == origin and step.inputs[0] == feature), None)
        return None if found is None else f"{found.module}.{inner}"

    def _fits(self, name: str, old_name: str, step: Run, inner: str) -> bool:
        """Take the source's tensor as it is or adapted; whether either could be done."""
        found, drawn = self.old[old_name], self.new[name]
        if step.part == "fusion" and inner.startswith("fusion."):
            value, how = self._by_features(found, drawn, step.node, inner.removeprefix("fusion."))
        elif found.shape == drawn.shape:
            value, how = found, None
        else:
            value, how = self.kinds.resized(name, found, drawn) or (None, None)
        if value is None and self.slices and found.ndim == drawn.ndim:
            value, how = self._sliced(name, old_name, step), HOW
        if value is None:
            return False
        self.used.add(old_name)
        self.values[name] = value
        if how is not None:
            self.resized.append(Resized(name, tuple(found.shape), tuple(drawn.shape), how))
        return True

    def _by_features(self, found: Tensor, drawn: Tensor, layer: str, inner: str) -> tuple[Tensor | None, str | None]:
        """A fusion's tensor, its blocks moved to where their features stand now, and a word on that."""
        before, now = self.source.schedule.graph, self.target.schedule.graph
        features = match_features(before, self.origins[layer], now, layer, self.origins)
        axes = feature_axes(now.node(layer).layer_settings.fusion)
        if features.same or (axes is not None and inner not in axes):
            return (found if found.shape == drawn.shape else None), None
        # Of a kind from elsewhere it is not known which values belong to which feature.
        return (None, None) if axes is None else (moved_blocks(found, drawn, features, axes[inner]), str(features))

    def _sliced(self, name: str, old_name: str, step: Run) -> Tensor | None:
        """The channels that a tensor of another width has too; None where its kind does not say which these are."""
        found, drawn = self.old[old_name], self.new[name]
        inner = name.removeprefix(f"{step.module}.fusion.")
        blocks = axis_blocks(self.kinds, self.target, name, drawn.ndim)
        if blocks is None or blocks != axis_blocks(self.old_kinds, self.source, old_name, found.ndim):
            return None
        axes = [
            ([(0, 0, now)] if before == now else None) if each is None else segments(before, now, each)
            for before, now, each in zip(found.shape, drawn.shape, blocks, strict=True)
        ]
        if step.part == "fusion" and name != inner:
            graphs = self.source.schedule.graph, self.target.schedule.graph
            match = match_features(graphs[0], self.origins[step.node], graphs[1], step.node, self.origins)
            by_feature = feature_axes(graphs[1].node(step.node).layer_settings.fusion)
            if by_feature is None and not match.same:
                return None
            place = (by_feature or {}).get(inner)
            if place is not None:
                lengths = found.shape[place.axis], drawn.shape[place.axis]
                axes[place.axis] = feature_segments(*lengths, match, place.before)
        return sliced(found, drawn, axes)

    def notes(self) -> Iterator[str]:
        """What changed about the layers that are still there."""
        for node in self.target.schedule.graph.layers():
            origin = self.origins.get(node.name)
            if origin is None:
                yield f"{node.name} is new{self._beginning(node)}"
                continue
            before = self.source.schedule.graph.node(origin)
            name = node.name if origin == node.name else f"{node.name} (before: {origin})"
            if before.ganglion != node.ganglion:
                yield f"{name} is now a {'ganglion' if node.ganglion else 'normal'} layer"
            yield from (f"{name} now {text}" for text in _changed_alternation(before, node))

    def _beginning(self, node: Node) -> str:
        """What a note says of how an added layer begins, where that was asked for."""
        if not self.identity:
            return ""
        begins = any(name.startswith(f"{node.name}.") for name in self.identities)
        return f", and {'begins' if begins else 'its kinds do not say how it would begin'} as the identity"


def _changed_alternation(before: Node, now: Node) -> Iterator[str]:
    """What a layer's mixer does now that it did not do before, or no longer, since its number or its kind changed."""
    kinds = dict.fromkeys(_alternation(node) for node in (before, now))
    for alternation in (found for found in kinds if found is not None):
        old, new = (_alternation(node) == alternation and _applies(alternation, node) for node in (before, now))
        if old != new:
            yield alternation.does if new else alternation.does_not


def _alternation(node: Node) -> Alternation | None:
    return checkpoint_of("mixer", node.layer_settings.mixer).alternation


def _applies(alternation: Alternation, layer: Node) -> bool:
    return alternation.applies(layer.layer_settings.mixer, layer.number)


def _kind(node: Node) -> tuple[str, str | None]:
    """The role of a node, and the kind of a stem, a downsampling or a head."""
    return node.role, None if node.options is None else node.options.kind


def _same_kind(before: Node, now: Node, inner: str) -> bool:
    """Whether a part of a layer means the same in both: mixers and fusions of two kinds share names, and no meaning."""
    old, new = before.layer_settings, now.layer_settings
    if inner.startswith("fusion."):
        return old.fusion.kind == new.fusion.kind
    return old.mixer.kind == new.mixer.kind or not inner.startswith(("mixer.", "projection."))
