"""What an objective is called with: one backbone of the space, and where the trial keeps its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sparx_dsl.language.spec import Spec
from sparx_dsl.search.space.bounds import Prices
from sparx_dsl.search.space.choices import Point
from sparx_dsl.search.studies.reports import KeptReports, Reporter, check_report

if TYPE_CHECKING:
    from sparx_dsl.lowering import Backbone
    from sparx_dsl.weights import LoadReport

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Trial:
    """One try: a backbone that satisfies the bounds, with a number and a seed that stay the same however often it is
    begun, on whatever worker."""

    number: int
    """From 0; the trials asked for are those below their number."""
    spec: Spec = field(repr=False)
    point: Point
    values: Mapping[str, object]
    """The values of the choices that exist at the point, by name, as plain data."""
    prices: Prices
    seed: int
    """For the objective's own draws, in [0, 2^31): made of the study's seed and the trial's number."""
    folder: Path
    """A folder of the trial's own; it exists."""
    parent: Path | None = None
    """The weights of the finished trial that differs in the fewest choices, where inheritance was asked for."""
    reporter: Reporter = field(default_factory=KeptReports, repr=False, compare=False)
    """Where intermediate values go."""

    def report(self, value: float, step: int) -> None:
        """Keep an intermediate value, such as the accuracy after an epoch, with its step from 0.

        Pruners compare the trials' values of a step. Raises ``ValueError`` for what is not such a number.
        """
        self.reporter.report(*check_report(value, step))

    def should_prune(self) -> bool:
        """Whether the study's pruner ends this trial, since what was reported promises little.

        The objective then raises ``optuna.TrialPruned``. Always false without a pruner.
        """
        return self.reporter.should_prune()

    def inherit(self, model: Backbone) -> LoadReport | None:
        """Copy what fits of the parent's weights into ``model``, which was built from ``spec``; None without a parent.

        A layer keeps every tensor whose meaning and shape are the same, as ``sparx_dsl.transfer`` does it; layers of a
        stage of another depth are counted as its stride is, from the last.

        Raises ``SparxError`` where the parent's file is broken.
        """
        if self.parent is None:
            return None
        from sparx_dsl.weights import load_model, renames_by_stride, transfer

        parent = load_model(self.parent)
        return transfer(parent, model, renames_by_stride(parent.spec, model.spec))

    def save(self, model: Backbone) -> Path:
        """Write the weights for later trials to inherit: ``weights.safetensors`` in the trial's folder, with its spec.

        Raises ``SparxError`` (SPX502) where the file cannot be written.
        """
        from sparx_dsl.weights import save_checkpoint

        path = self.folder / WEIGHTS
        save_checkpoint(model, path)
        return path
