"""Images of a folder as batches: some of them, chosen by a seed, cropped to one size and normalised."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from sparx_dsl.errors import Code, Diagnostic, SparxError, exception_text

EXTENSIONS: Final = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
LEAST_BATCH = 4
"""What an unbiased estimate of similarity takes."""
MODES: Final = {1: "L", 3: "RGB"}
"""How Pillow calls images of so many channels."""
STATISTICS: Final = {1: ((0.5,), (0.5,)), 3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}
"""Mean and standard deviation by channels: to [−1, 1] for grey images, ImageNet's for the others."""


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """How many images are taken, and how they are prepared."""

    size: tuple[int, int]
    """Height and width in pixels. The largest centred part of that shape is scaled to it."""
    channels: int = 3
    """1 for grey images, 3 for colours."""
    count: int = 200
    """How many images at most, chosen at random."""
    batch: int = 32
    """Images of a batch."""
    seed: int = 0
    """For which images are chosen."""
    mean: tuple[float, ...] | None = None
    """Subtracted from values between 0 and 1; by default ImageNet's, for grey images 0.5."""
    std: tuple[float, ...] | None = None
    """What they are then divided by; by default ImageNet's, for grey images 0.5."""


@dataclass(frozen=True, slots=True)
class ImageBatches:
    """Batches of images, read from their files each time that they are iterated over."""

    paths: tuple[Path, ...]
    settings: ImageSettings

    def __iter__(self) -> Iterator[Tensor]:
        """Tensors (batch, channels, height, width), of which no batch is more than one image larger than another."""
        for part in range(len(self)):
            yield torch.stack([read_image(path, self.settings) for path in self.paths[part :: len(self)]])

    def __len__(self) -> int:
        """How many batches there are; none is left with less than four images where batches shall have as many."""
        images, batch = len(self.paths), self.settings.batch
        return max(1, min(-(-images // batch), images // min(batch, LEAST_BATCH)))


def image_batches(folder: str | os.PathLike[str], settings: ImageSettings) -> ImageBatches:
    """Images of a folder and of those below it; raises ``SparxError`` (SPX591, and SPX750 without Pillow).

    Which ones depends on the names of all and on the seed alone. Hidden files and folders are left out.
    """
    _pillow()
    if settings.channels not in MODES:
        message = f"an image file has 1 or 3 channels, and the backbone reads {settings.channels}"
        raise _unusable(message, "give batches of your own to sparx_dsl.analysis")
    root = Path(folder)
    if not root.is_dir():
        raise _unusable(f"{os.fspath(folder)!r} is not a folder", "write a folder that has images in it or below")
    found = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in EXTENSIONS
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    )
    if not found:
        message = f"{os.fspath(folder)!r} has no images in it or below"
        raise _unusable(message, f"images are files ending in {', '.join(EXTENSIONS)}")
    chosen = random.Random(settings.seed).sample(found, min(settings.count, len(found)))  # noqa: S311
    return ImageBatches(tuple(chosen), settings)


def read_image(path: Path, settings: ImageSettings) -> Tensor:
    """One image (channels, height, width), prepared; raises ``SparxError`` (SPX591) where it cannot be read."""
    image, operations = _pillow()
    mean, std = STATISTICS[settings.channels]
    mean, std = settings.mean or mean, settings.std or std
    height, width = settings.size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", image.DecompressionBombWarning)  # an image of more pixels than is usual
            with image.open(path) as opened:
                coloured = opened.convert(MODES[settings.channels])
    except (OSError, ValueError, SyntaxError, image.DecompressionBombError, image.DecompressionBombWarning) as error:
        message = f"the image {path.name!r} cannot be read: {exception_text(error)}"
        raise _unusable(message, "remove it from the folder") from None
    fitted = operations.fit(coloured, (width, height), image.Resampling.BICUBIC)
    pixels = np.asarray(fitted, dtype=np.float32).reshape(height, width, settings.channels) / 255
    normal = (pixels - np.array(mean, dtype=np.float32)) / np.array(std, dtype=np.float32)
    return torch.from_numpy(normal).permute(2, 0, 1).contiguous()  # pyright: ignore[reportUnknownMemberType]


def _pillow():
    """Pillow's modules for images and for operations on them; raises ``SparxError`` (SPX750) where it is missing."""
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError:
        message, help = "the package pillow, which reads images, is not installed", 'pip install "sparx_dsl[analysis]"'
        raise SparxError(Diagnostic(Code.PACKAGE_NOT_INSTALLED, message, help=help)) from None
    return Image, ImageOps


def _unusable(message: str, help: str | None = None) -> SparxError:
    return SparxError(Diagnostic(Code.INVALID_IMAGES, message, help=help))
