"""Run a compiled backbone on a real photograph: logits, the map of every stage, time and memory.

    python examples/classify_photo.py
    python examples/classify_photo.py --spec specs/sparx_swin_t.yaml --photo my.jpg --weights trained.safetensors

Needs the extra ``examples`` (scikit-learn, which carries the default photograph, and Pillow). Without ``--weights`` the
weights are random, so that the classes say nothing; shapes, time and memory are those of the real model.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from sklearn.datasets import load_sample_image
from torch import Tensor

import sparx_dsl
from sparx_dsl.lowering import Backbone

SPEC = Path(__file__).parent.parent / "specs" / "sparx_mamba_t.yaml"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def read_photo(path: Path | None) -> Tensor:
    """A photograph as (1, 3, height, width), normalised as for ImageNet models; by default scikit-learn's flower."""
    pixels = np.asarray(Image.open(path).convert("RGB")) if path else load_sample_image("flower.jpg")
    image = torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1) / 255
    return ((image - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None])[None]


def timed(model: Backbone, image: Tensor) -> tuple[Tensor | list[Tensor], float]:
    """What the model gives, and the seconds of a second run."""
    model.eval()
    with torch.inference_mode():
        model(image)
        started = time.perf_counter()
        return model(image), time.perf_counter() - started


def main() -> None:
    """Parse the arguments, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=SPEC)
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--weights", type=Path, help="a safetensors file of the model's state_dict")
    options = parser.parse_args()
    torch.manual_seed(0)
    image = read_photo(options.photo)
    size = (image.shape[2], image.shape[3])
    spec = sparx_dsl.load_spec(options.spec)
    price = sparx_dsl.cost(spec, size)
    model = sparx_dsl.build(spec)
    if options.weights:
        model.load_state_dict(load_file(options.weights))
    logits, seconds = timed(model, image)
    assert isinstance(logits, Tensor)
    sizes = f"{price.params / 1e6:.1f} M parameters, {price.macs / 1e9:.1f} G MACs"
    print(f"{spec.name} on a photograph of {size[0]}x{size[1]}: {sizes}")
    print(f"forward {seconds:.2f} s, {price.peak_bytes / 2**20:.1f} MiB of feature buffers at the peak")
    shares, classes = logits[0].softmax(0).topk(5)
    best = ", ".join(f"{index} ({share:.1%})" for share, index in zip(shares.tolist(), classes.tolist(), strict=True))
    print(f"classes {best}{'' if options.weights else ' (random weights: they say nothing)'}")
    maps, _ = timed(sparx_dsl.build(spec, features=tuple(range(1, len(spec.stages) + 1))), image)
    info = model.feature_info
    for features, stage, channels, reduction in zip(
        maps, info.out_indices, info.channels(), info.reduction(), strict=True
    ):
        print(f"stage {stage}: {channels} channels at 1/{reduction}, a map of {features.shape[2]}x{features.shape[3]}")


if __name__ == "__main__":
    main()
