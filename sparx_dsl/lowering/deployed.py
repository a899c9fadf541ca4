"""From a trained backbone to one for inference."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.lowering.backbone import Backbone, hollow_twin
from sparx_dsl.lowering.passes.base import Pass, apply_passes
from sparx_dsl.lowering.passes.channels_last import ChannelsLast
from sparx_dsl.lowering.passes.fold_batch_norm import FoldBatchNorm
from sparx_dsl.lowering.passes.fold_residuals import FoldResidualConvolutions, SumInPlace
from sparx_dsl.lowering.passes.gather_windows import GatherWindows
from sparx_dsl.lowering.passes.tile_batch import TileBatch

INFERENCE: tuple[Pass, ...] = (
    FoldBatchNorm(),
    FoldResidualConvolutions(),
    SumInPlace(),
    ChannelsLast(),
    GatherWindows(),
    TileBatch(),
)
"""The passes for inference, in their order."""


class DeployedBackbone(Backbone):
    """A backbone for inference only: nothing of it takes a gradient, and it has no training mode.

    Its results are those of the backbone that it was made from, up to rounding. Its ``state_dict`` has names of its
    own: load weights into the plain backbone, then deploy that.
    """

    def train(self, mode: bool = True) -> DeployedBackbone:
        """Raise ``SparxError`` unless ``mode`` is False."""
        if mode:
            raise SparxError(
                Diagnostic(
                    "SPX323",
                    "a deployed backbone cannot be trained: its norms and residuals are folded into its weights",
                    help="train the backbone that it was made from, then deploy that again",
                )
            )
        super().train(False)
        return self


def deploy(model: Backbone, passes: Sequence[Pass] = INFERENCE) -> DeployedBackbone:
    """A copy of a trained backbone for inference; the model stays as it was.

    Its results agree with those of the model in evaluation to 1e-5 of the largest value, in float32. Hooks stay on the
    modules that no pass replaces. Raises ``SparxError`` for a model whose graph was edited by hand.
    """
    if model.code != hollow_twin(model).code:
        raise SparxError(
            Diagnostic(
                "SPX324",
                "a backbone whose graph was edited by hand cannot be deployed",
                help="deploy the backbone as it was built, then edit its graph",
            )
        )
    deployed = DeployedBackbone(model.schedule, copy.deepcopy(model).eval().requires_grad_(False))
    deployed.train(False)
    # Folding under autocast would round the weights.
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        apply_passes(deployed, passes)
    return deployed.requires_grad_(False)
