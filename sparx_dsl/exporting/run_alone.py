"""A script that runs an exported file with torch alone: ``python -P run_alone.py FORMAT FILE IMAGES RESULTS``.

IMAGES holds a list of tensors (batch, channels, height, width), RESULTS will hold a list of tensors for each of them.
"""

# pyright: reportMissingModuleSource=false
# executorch is an extra of its own; its types are in typings/.

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from typing import Any, cast

import torch
from torch import Tensor


class Refusal:
    """A finder of modules that refuses ``sparx_dsl``, wherever it is installed."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Raise ``ImportError`` for the package; leave all other modules to other finders."""
        if name.partition(".")[0] == "sparx_dsl":
            raise ImportError("an exported file must run without sparx_dsl")
        return None


def loaded(format: str, file: str) -> Callable[[Tensor], Any]:
    """What a file of the format ``pt2``, ``aoti`` or ``executorch`` holds, to be called with images."""
    if format == "pt2":
        return torch.export.load(file).module()
    if format == "executorch":
        from executorch.runtime import Runtime

        method = Runtime.get().load_program(file).load_method("forward")
        return lambda images: method.execute([images])
    return cast("Callable[[Tensor], Any]", torch._inductor.aoti_load_package(file))  # pyright: ignore


def results(format: str, file: str, batches: list[Tensor]) -> list[list[Tensor]]:
    """What the file gives for each batch of images (batch, channels, height, width): one tensor or several."""
    program = loaded(format, file)
    with torch.no_grad():
        given = [program(batch) for batch in batches]
    return [[each] if isinstance(each, Tensor) else list(each) for each in given]


def main(format: str, file: str, images: str, output: str) -> None:
    """Run the file with all batches of images and save what it gives."""
    torch.save(results(format, file, torch.load(images, weights_only=True)), output)


if __name__ == "__main__":
    sys.meta_path.insert(0, Refusal())
    main(*sys.argv[1:])
