"""A folder of real images: crops of the two photographs that scikit-learn comes with, a class for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SIDE = 48
"""Of a crop, in pixels."""


def image_folder(root: Path, *, train: int, val: int) -> Path:
    """Write that many crops of each photograph to train and val; no crop of one overlaps another."""
    from PIL import Image
    from sklearn.datasets import load_sample_images  # pyright: ignore[reportMissingTypeStubs]

    found: Any = load_sample_images()
    photos: list[Any] = found["images"]
    for name, photo in zip(("china", "flower"), photos, strict=True):
        across = photo.shape[1] // SIDE
        for number in range(train + val):
            folder = root / ("train" if number < train else "val") / name
            folder.mkdir(parents=True, exist_ok=True)
            top, left = (SIDE * each for each in divmod(number, across))
            crop = Image.fromarray(photo[top : top + SIDE, left : left + SIDE])
            crop.save(folder / f"{number}.png")
    return root
