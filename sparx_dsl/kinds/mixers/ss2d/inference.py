"""SS2D in inference on CPU: what it computes on the way is written over the map that it was given."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts, Place
from sparx_dsl.inference.fused_convolution import in_turn
from sparx_dsl.inference.fused_norm import norm_in_place
from sparx_dsl.inference.packed_weights import PackedWeights
from sparx_dsl.kinds.mixers.ss2d.module import SelectiveScan2D
from sparx_dsl.ops.backends import forced_backend
from sparx_dsl.ops.convolution_operators import product
from sparx_dsl.ops.cpu import kernels, maps
from sparx_dsl.ops.inference import ss2d_in_place
from sparx_dsl.ops.map_arguments import is_channels_last
from sparx_dsl.ops.packed_convolutions import PRODUCT, PackedConvolution, is_packable, pack
from sparx_dsl.ops.packed_maps import PackedScan
from sparx_dsl.ops.selective_scan import decay_rates

SCAN = "scan"
"""The name under which the scan's kernel is kept, with its parameters as it reads them."""
PROJECTION = "projection"
"""The name under which the weight of its product is kept."""
KEPT = frozenset({"x_proj_weight", "dt_weight", "dt_bias", "A_logs", "D"})
"""The parameters that these are made of."""


class FusedScan2D(PackedWeights, InferenceModule, SelectiveScan2D):
    """``SelectiveScan2D`` with its parameters and results, whose convolution, scan and norm share one map's memory.

    That is the projected map where it may be overwritten, else what the convolution gives, or a copy. The scan's
    parameters are kept as its kernel reads them. With gradients, exporters or another device, or another backend of the
    scan, it scans as ``SelectiveScan2D`` does.
    """

    packs = tuple(sorted(KEPT))

    def __init__(self, scan: SelectiveScan2D, place: Place) -> None:
        InferenceModule.__init__(self, scan, place)
        self.clear()

    def clear(self) -> None:
        """Drop what is packed, since the weights are others."""
        super().clear()
        self.compiled = self.dt_weight.device.type == "cpu" and maps.problem(self.dt_weight.dtype) is None
        self.packable = is_packable(self.x_proj_weight, PRODUCT)

    def forward(self, projected: Tensor) -> Tensor:
        """(batch, inner, height, width) to (batch, out_channels, height, width)."""
        fusable = self.fusable(projected)
        may_overwrite = fusable and self.place.may_overwrite
        x = projected if self.conv is None else in_turn(projected, (self.conv, "silu"), may_overwrite=may_overwrite)
        if not fusable:
            return self.out_projection(self.norm(self.scan(x)))
        if not is_channels_last(x):
            x = x.contiguous(memory_format=torch.channels_last)
        elif x is projected and not may_overwrite:
            x = x.clone(memory_format=torch.channels_last)
        self.scan_in_place(x)
        return in_turn(norm_in_place(self.norm, x), (self.out_projection, "none"))

    def fusable(self, x: Tensor) -> bool:
        """Whether the compiled kernels serve a projected map (batch, inner, height, width)."""
        # One that is computed from others in each call is no parameter, and cannot be kept.
        return (
            self._parameters.keys() >= KEPT
            and self.is_plain_inference(x, self.x_proj_weight, *(self.parameters() if torch.is_grad_enabled() else ()))
            and self.compiled
            and x.numel() > 0
            and forced_backend() in ("", "cpu")
        )

    def scan_in_place(self, x: Tensor) -> None:
        """SS2D of a map (batch, inner, height, width), written over it; a compiled graph arranges the parameters."""
        if torch.compiler.is_compiling():
            ss2d_in_place(x, self.values_of(x), *self.arranged().values())
            return
        self.clear_stale()
        scan = self.packed.get(SCAN)
        if scan is None:
            scan = self.packed[SCAN] = PackedScan(self.arranged())
        scan(x, self.values_of(x))

    def values_of(self, x: Tensor) -> Tensor:
        """What all positions of a map (batch, inner, height, width) project to: (batch, height, width, 4·(R + 2N))."""
        if not self.packable:
            return functional.linear(x.permute(0, 2, 3, 1), self.x_proj_weight.flatten(0, 1))
        kernel = None if torch.compiler.is_compiling() else self.projection(x)
        if kernel is None or not kernel.serves(x, None):
            return product(x, self.x_proj_weight, None, "none").permute(0, 2, 3, 1)
        return kernel.compute(x, None, "none").permute(0, 2, 3, 1)

    def projection(self, x: Tensor) -> PackedConvolution:
        """The product that gives ``values_of`` a map x (batch, inner, height, width), packed where it was not kept."""
        kernel: PackedConvolution | None = self.packed.get(PROJECTION)
        if kernel is None:
            weight = self.x_proj_weight.flatten(0, 1)[:, :, None, None]
            kernel = self.packed[PROJECTION] = pack(weight, PRODUCT, x.shape)
        return kernel

    def arranged(self) -> dict[str, Tensor]:
        """The scan's parameters, arranged now, by the names and of the shapes of ``kernels.ss2d_parameters``."""
        return kernels.ss2d_parameters(self.dt_weight, self.dt_bias, decay_rates(self.A_logs), self.D)


FACTS = ModuleFacts(norm_reader="out_projection", last_product="out_projection", replacement=FusedScan2D)
INFERENCE = Deployment({SelectiveScan2D: FACTS})
