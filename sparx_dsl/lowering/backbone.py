"""The compiled module."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from typing import Any

from torch import fx, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.spec import Spec
from sparx_dsl.lowering.features import FeatureInfo
from sparx_dsl.lowering.fxgraph import fx_graph
from sparx_dsl.schedule import Run, Schedule


class Backbone(fx.GraphModule):
    """A backbone compiled from a spec: ``forward(images)`` with images (batch, channels, height, width) of any size.

    It gives logits (batch, classes), or of a head for dense prediction (batch, classes, height, width); the last
    stage's map where the spec has no head; or the list of maps of the stages it was built for. A head with an auxiliary
    one gives a tuple of two in training. ``state_dict`` keys are ``stage3.layer4.mixer.…``. ``code`` shows the
    generated forward.

    ``torch.compile`` takes it whole (``fullgraph=True``), and one compiled module serves every batch size.
    ``torch.export`` takes it with a dynamic batch, whatever its mixers. Height and width can be dynamic where every
    mixer is window attention and the sides are multiples of the last stage's stride times the window
    (``{2: 224 * Dim("rows"), …}``): padding and shifting depend on the size otherwise, and scans choose their chunks by
    the length of the sequence. Else export one program for each image size.

    ``copy.deepcopy`` and ``pickle`` keep weights, hooks, modes and whatever else was set on any module within. A graph
    edited by hand survives ``deepcopy``; ``pickle`` writes the schedule, not the code, and raises ``PicklingError``.
    """

    spec: Spec
    schedule: Schedule
    feature_info: FeatureInfo
    recomputed: frozenset[str]
    """The modules whose inner tensors backward computes again instead of keeping them."""

    def __init__(
        self,
        schedule: Schedule,
        root: nn.Module,
        graph: fx.Graph | None = None,
        *,
        recomputed: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(root, fx_graph(schedule, recomputed) if graph is None else graph, class_name="Backbone")
        self.spec = schedule.graph.spec
        self.schedule = schedule
        self.feature_info = FeatureInfo.of(schedule)
        self.recomputed = recomputed
        self._built_code = self.code
        """The code as it is generated from the schedule."""
        self._built_names = frozenset({*vars(self), "_built_names"} - vars(nn.Module()).keys() - {"meta"})
        """The attributes that lowering makes: the graph, its code, and what is read off the schedule."""

    def _module_state(self) -> dict[str, Any]:
        """What a plain module would carry into its copies: parts, hooks, mode, and attributes that a user has set."""
        return {name: value for name, value in self.__getstate__().items() if name not in self._built_names}

    def __deepcopy__(self, memo: dict[int, Any]) -> Backbone:
        copied = kind_of(self)(self.schedule, self, copy.deepcopy(self.graph), recomputed=self.recomputed)
        copied._built_code = self._built_code
        memo[id(self)] = copied
        vars(copied).update(copy.deepcopy(self._module_state(), memo))
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        if is_edited(self):
            raise pickle.PicklingError("the graph of this backbone was edited; save its state_dict and edit again")
        return (hollow, (self.schedule, kind_of(self), self.recomputed), self._module_state())


def kind_of(backbone: Backbone) -> type[Backbone]:
    """The class of a backbone; fx puts a nameless one of its own in front of it, for each instance."""
    return next(kind for kind in type(backbone).__mro__ if not kind.__qualname__.endswith(".GraphModuleImpl"))


def hollow(schedule: Schedule, kind: type[Backbone] = Backbone, recomputed: frozenset[str] = frozenset()) -> Backbone:
    """A backbone with the code of that schedule, and empty modules in the places of its parts, for pickles."""
    parts = module_tree({path: nn.Module() for path in module_paths(schedule)})
    return kind(schedule, parts, recomputed=recomputed)


def is_edited(backbone: Backbone) -> bool:
    """Whether the graph was edited by hand, and is no longer the schedule's."""
    return backbone.code != backbone._built_code  # pyright: ignore[reportPrivateUsage]


def refuse_edited(backbone: Backbone, wanted: str) -> None:
    """Raise ``SparxError`` (SPX324) where the graph is not the schedule's; ``wanted`` completes "cannot be …"."""
    if is_edited(backbone):
        message = f"a backbone whose graph was edited by hand cannot be {wanted}"
        help = "ask for it with the backbone as it was built, then edit the graph"
        raise SparxError(Diagnostic(Code.EDITED_BACKBONE, message, help=help))


def module_paths(schedule: Schedule) -> tuple[str, ...]:
    """The paths of a schedule's modules, in the order in which they run."""
    return tuple(step.module for step in schedule.steps if isinstance(step, Run))


def module_tree(modules: Mapping[str, nn.Module]) -> nn.Module:
    """One module that holds the given ones at their paths, in their order."""
    root = nn.Module()
    for path, module in modules.items():
        *parents, leaf = path.split(".")
        parent = root
        for name in parents:
            if name not in dict(parent.named_children()):
                parent.add_module(name, nn.Module())
            parent = parent.get_submodule(name)
        parent.add_module(leaf, module)
    return root
