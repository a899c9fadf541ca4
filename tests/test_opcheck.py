"""Every registered operator is what PyTorch demands of one, whatever its arguments; each has an opcheck, found here.

The operators' own tests run it where it matters which layouts and options they get.
"""

from __future__ import annotations

import importlib
import random

import pytest
import torch
from torch import Tensor

from sparx_dsl.ops.cpu import library
from tests.support.operator_attacks import NAMESPACE, TARGETS, Target
from tests.support.paths import ROOT

WITHOUT_DERIVATIVES = {
    "depthwise_convolution", "depthwise_convolution_", "map_norm", "map_norm_", "ss2d_", "window_attention",
    "channel_attention", "product", "convolution", "group_norm_backward", "layer_norm_backward", "depthwise_backward",
    "plane_convolution_backward", "channel_product_backward",
}  # fmt: skip
SLOW_DERIVATIVES = {"selective_scan_backward", "ss2d_scan_backward"}
"""Their own tests check these, of which PyTorch traces one step after the other, for small arguments."""


def registered() -> set[str]:
    """The names of all operators that the modules of ``sparx_dsl.ops`` register, as torch knows them."""
    for path in (ROOT / "sparx_dsl" / "ops").glob("*.py"):
        importlib.import_module(f"sparx_dsl.ops.{path.stem}")
    names = torch._C._dispatch_get_all_op_names()  # pyright: ignore[reportPrivateUsage]
    return {name.removeprefix("sparx_dsl::") for name in names if name.startswith("sparx_dsl::")}


def test_every_registered_operator_is_checked() -> None:
    """None is added without the arguments of an opcheck below."""
    assert registered() == {target.name for target in TARGETS}


# From torch 2.15 on, opcheck looks for gradients of copies that have none, and hides its warning from readers only.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))
@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
@pytest.mark.parametrize("seed", range(2))
def test_opcheck_passes(target: Target, seed: int) -> None:
    """Schema, fake kernel and AOT with symbolic shapes; derivatives, unless an operator is known to have none."""
    torch.manual_seed(seed)
    arguments = target.arguments(random.Random(seed))
    if target.name not in WITHOUT_DERIVATIVES | SLOW_DERIVATIVES:
        for each in arguments:
            if isinstance(each, Tensor):
                each.requires_grad_()
    torch.library.opcheck(getattr(NAMESPACE, target.name), tuple(arguments), rtol=0.05, atol=0.05)
