"""From a trained backbone to one for inference."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.inference.packed_weights import PackedWeights
from sparx_dsl.inference.passes.base import Pass, apply_passes, modules_of, verify
from sparx_dsl.inference.passes.channels_last import ChannelsLast
from sparx_dsl.inference.passes.compiled_kernels import CompiledKernels
from sparx_dsl.inference.passes.fold_batch_norm import FoldBatchNorm
from sparx_dsl.inference.passes.fold_residuals import FoldResidualConvolutions, SumInPlace
from sparx_dsl.inference.passes.inference_modules import InferenceModules
from sparx_dsl.inference.passes.map_kernels import MapKernels, PadProducts
from sparx_dsl.inference.passes.tile_batch import TileBatch
from sparx_dsl.inference.stand_in import StandIn
from sparx_dsl.lowering.backbone import Backbone, refuse_exchanged
from sparx_dsl.lowering.wrapped import backbone_within

INFERENCE: tuple[Pass, ...] = (
    FoldBatchNorm(),
    FoldResidualConvolutions(),
    SumInPlace(),
    ChannelsLast(),
    InferenceModules(),
    CompiledKernels(),
    TileBatch(),
)
"""The passes for inference on CPU, in their order."""

CUDA: tuple[Pass, ...] = (*INFERENCE[:-2], MapKernels(), PadProducts())
"""Those for CUDA: of the CPU's all but its kernels and tiles."""


LARGEST_KEPT_BLOCK = 31 << 20
"""The bytes of a block that is just small enough for glibc to learn from."""


class DeployedBackbone(StandIn, Backbone):
    """A backbone for inference only: nothing of it takes a gradient, and it has no training mode.

    Its results are those of the backbone that it was made from, up to rounding. Its ``state_dict`` has names of its
    own: load weights into the plain backbone, then deploy that.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        keep_freed_memory()

    def forward(self, images: Tensor) -> Any:
        """Images (batch, channels, height, width) to results; buffers are freed as planned, gradients on or off.

        With images that take a gradient everything is recorded as usual.
        """
        if torch.compiler.is_compiling() or not torch.is_grad_enabled() or images.requires_grad:
            return super().forward(images)
        with torch.no_grad():
            return super().forward(images)

    def train(self, mode: bool = True) -> DeployedBackbone:
        """Raise ``SparxError`` unless ``mode`` is False."""
        if mode:
            raise _not_trainable()
        super().train(False)
        return self

    def set_drop_path(self, rate: float) -> None:
        """Raise ``SparxError``: stochastic depth is for training."""
        raise _not_trainable()


def _not_trainable() -> SparxError:
    return SparxError(
        Diagnostic(
            Code.DEPLOYED_NOT_TRAINABLE,
            "a deployed backbone cannot be trained: its norms and residuals are folded into its weights",
            help="train the backbone that it was made from, then deploy that again",
        )
    )


def keep_freed_memory() -> None:
    """Let the C library keep up to 64 MiB that were freed, for the next tensors, instead of giving them back at once.

    glibc raises its thresholds for that to the largest block that was ever given back, up to 32 MiB (``mallopt(3)``,
    ``M_MMAP_THRESHOLD``). Without it, every image maps and clears tens of MiB of pages again. The block is never
    touched; elsewhere than with glibc this does nothing.
    """
    torch.empty(LARGEST_KEPT_BLOCK, dtype=torch.uint8, device="cpu")


def refuse_computed_weights(model: Backbone) -> None:
    """Raise ``SparxError`` (SPX324) where a product's weight is no parameter: by parametrisation, or pruning."""
    for path, product in (*modules_of(model, nn.Conv2d), *modules_of(model, nn.Linear)):
        if not isinstance(product.weight, nn.Parameter):
            message = f"the weight of {path} is computed in each call, and cannot be folded"
            help = "make it a parameter first: torch.nn.utils.parametrize.remove_parametrizations, or prune.remove"
            raise SparxError(Diagnostic(Code.EDITED_BACKBONE, message, help=help))


def unshare(module: nn.Module, seen: set[nn.Module]) -> None:
    """Put a copy in the place of every module within that stands elsewhere too: passes change each place by itself."""
    for name, child in list(vars(module)["_modules"].items()):
        if child in seen:
            module.register_module(name, copy.deepcopy(child))
        elif child is not None:
            seen.add(child)
            unshare(child, seen)


def deployable_copy(backbone: Backbone) -> DeployedBackbone:
    """A copy that passes can change; raises ``SparxError`` (SPX324) for one that does not run as its spec says."""
    deployed = DeployedBackbone(copy.deepcopy(backbone).train(False).requires_grad_(False))
    unshare(deployed, set())
    refuse_other_steps(deployed)
    return deployed.train(False)


def refuse_other_steps(model: Backbone) -> None:
    """Raise ``SparxError`` (SPX324) for a model that runs otherwise than its schedule says, or gives other shapes."""
    other = verify(model)
    if other:
        message = "a backbone cannot be deployed that does not run as its spec says"
        help = "deploy the backbone as it was built, then replace its parts"
        raise SparxError(Diagnostic(Code.EDITED_BACKBONE, message, notes=tuple(other[:5]), help=help))


def passes_for(device_types: Iterable[str]) -> tuple[Pass, ...]:
    """The passes for a backbone whose parameters are on devices of these types."""
    return CUDA if "cuda" in device_types else INFERENCE


def deploy(model: nn.Module, passes: Sequence[Pass] | None = None) -> DeployedBackbone:
    """A copy of a trained backbone for inference; the model stays as it was. Passes are chosen by its device.

    Its results agree with those of the model in evaluation to 1e-5 of the largest value, in float32. Hooks stay on all
    modules but those that are folded into others; what they are given may be overwritten later. Raises ``SparxError``
    for a model whose layers were exchanged, or whose weights are computed from others in each call (SPX324), for
    one that is no backbone within wrappers of PyTorch, which the copy is without (SPX328), and for a kind that states
    for deployment what is not so (SPX413).
    """
    backbone = backbone_within(model, "deployed")
    refuse_exchanged(backbone, "deployed")
    refuse_computed_weights(backbone)
    # Tensors of inference mode do not record when they are written to; folding under autocast would round the weights.
    with torch.inference_mode(False), torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        chosen = passes_for({each.device.type for each in backbone.parameters()}) if passes is None else passes
        deployed = apply_passes(partial(deployable_copy, backbone), chosen)
        for _, module in modules_of(deployed, PackedWeights):
            module.clear()  # It was verified with weights of the meta device, and took these for its own.
        return deployed.requires_grad_(False)
