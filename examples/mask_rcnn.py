"""Mask R-CNN on a compiled backbone, through torchvision's own detector: masks of a photograph, or a count of its size.

    python examples/mask_rcnn.py --count
    python examples/mask_rcnn.py --count specs/swin_t.yaml
    python examples/mask_rcnn.py --spec specs/sparx_mamba_t.yaml

The backbone gives the maps of its four stages, each under a norm, as published backbones for detection do, to
torchvision's feature pyramid and heads. ``--count`` builds on the meta device, which allocates nothing, and prints
parameters and multiply-accumulates beside Table 3 of the SparX paper. To run the detector, torchvision's compiled
operators (nms, roi_align) must match the torch that is installed; where they do not, the program says so and ends
with status 1. Weights are random, so that the masks say nothing. Needs the extra ``examples``.
"""

from __future__ import annotations

import argparse
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import sparx_dsl

try:
    from sparx_dsl.integrations.torchvision import backbone_with_fpn, has_compiled_operators
except sparx_dsl.SparxError as error:  # the extra torchvision is missing
    sys.exit(str(error))

SPECS = Path(__file__).parent.parent / "specs"
STAGES = (1, 2, 3, 4)
CLASSES = 81
"""COCO's 80 and the background."""
PYRAMID = 256
SIZE = (800, 1280)
PROPOSALS, DETECTIONS = 1000, 100
"""Regions that the box head and the mask head see in a count."""
TABLE_3: Mapping[str, tuple[int, int]] = {
    "sparx_mamba_t": (47, 279), "sparx_mamba_s": (67, 361), "sparx_mamba_b": (103, 498),
    "vmamba_t": (50, 270), "vmamba_s": (70, 384), "vmamba_b": (108, 485),
    "swin_t": (48, 267), "swin_s": (69, 354), "swin_b": (107, 496),
}  # fmt: skip
"""What the paper prints: millions of parameters, billions of multiply-accumulates at 800 x 1280.

The count agrees with all but one: VMamba-S counts 348 G; the 384 is what VMamba's own authors print.
"""


def mask_rcnn(spec: sparx_dsl.Spec, device: str | None = None) -> nn.Module:
    """torchvision's Mask R-CNN on that backbone; on the meta device it allocates nothing."""
    from torchvision.models.detection import MaskRCNN  # once the integration has imported torchvision

    with torch.device(device or "cpu"):
        return MaskRCNN(backbone_with_fpn(spec, out_channels=PYRAMID, device=device), CLASSES)


def macs(spec: sparx_dsl.Spec, model: nn.Module) -> int:
    """Multiply-accumulates of the detector for one image of 800 x 1280; the backbone's are counted as in the paper."""
    part = model.get_submodule
    priced = sparx_dsl.cost(spec, SIZE, features=STAGES)
    shapes = [priced.schedule.buffers[name].shape for name in priced.schedule.outputs]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        levels = part("backbone.fpn")(
            OrderedDict((str(place), torch.empty(shape, device="meta")) for place, shape in enumerate(shapes))
        )
        part("rpn.head")(list(levels.values()))
        for head, regions, side in (("box", PROPOSALS, 7), ("mask", DETECTIONS, 14)):
            features = part(f"roi_heads.{head}_head")(torch.empty(regions, PYRAMID, side, side, device="meta"))
            part(f"roi_heads.{head}_predictor")(features)
    return priced.macs + counter.get_total_flops() // 2


def count(paths: list[Path]) -> None:
    """Print each detector's size beside the paper's."""
    print(f"{'backbone':<16} {'params':>9} {'printed':>8} {'':>7} {'MACs':>9} {'printed':>8}")
    for path in paths:
        spec = sparx_dsl.load_spec(path)
        model = mask_rcnn(spec, "meta")
        params, products = sum(p.numel() for p in model.parameters()) / 1e6, macs(spec, model) / 1e9
        line = f"{spec.name:<16} {params:>7.2f} M"
        if spec.name in TABLE_3:
            wanted, printed = TABLE_3[spec.name]
            line += f" {wanted:>6} M {params / wanted - 1:>+7.1%} {products:>7.1f} G {printed:>6} G"
            line += f" {products / printed - 1:>+7.1%}"
        else:
            line += f" {'':>16} {products:>7.1f} G"
        print(line)


def photograph() -> Tensor:
    """scikit-learn's flower as (3, height, width), from 0 to 1."""
    from sklearn.datasets import load_sample_image

    return torch.tensor(load_sample_image("flower.jpg"), dtype=torch.float32).permute(2, 0, 1) / 255


def main() -> None:
    """Parse the arguments, then count or detect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=SPECS / "sparx_mamba_t.yaml")
    parser.add_argument("--count", type=Path, nargs="*", metavar="SPEC", help="count these; by default Table 3's")
    options = parser.parse_args()
    if options.count is not None:
        count(options.count or [SPECS / f"{name}.yaml" for name in TABLE_3])
    elif not has_compiled_operators():
        sys.exit(
            "torchvision's compiled operators (nms, roi_align) do not match this torch, so the detector cannot run; "
            "install the two from one index in versions of one release. --count works without them."
        )
    else:
        torch.manual_seed(0)
        model = mask_rcnn(sparx_dsl.load_spec(options.spec)).eval()
        with torch.inference_mode():
            (found,) = model([photograph()])
        print(f"{len(found['boxes'])} detections; masks {tuple(found['masks'].shape)}")


if __name__ == "__main__":
    main()
