"""Libraries that an integration needs: what is said where one is missing, and torchvision beside any torch."""

from __future__ import annotations

import sys
from functools import cache

import torch

from sparx_dsl.errors import Code, Diagnostic, SparxError

OPERATOR_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""The operators that torchvision describes when it is imported, though only its compiled library defines them."""


def not_installed(package: str, extra: str) -> SparxError:
    """The error (SPX750) of a package that an extra installs, and that is not there."""
    message = f"the package {package} is not installed"
    return SparxError(Diagnostic(Code.PACKAGE_NOT_INSTALLED, message, help=f'pip install "sparx_dsl[{extra}]"'))


@cache
def import_torchvision() -> torch.library.Library | None:
    """Import torchvision, also where its compiled library was built for another torch.

    It cannot be imported then, since it describes operators that do not exist. Their schemas are all that it lacks, and
    they are declared for as long as the result is kept, which is the life of this process. Its compiled operators, such
    as nms and roi_align, raise when they are called. Raises ``SparxError`` (SPX750) where it is not installed.
    """
    try:
        import torchvision  # pyright: ignore[reportUnusedImport]
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise
        raise not_installed("torchvision", "torchvision") from None
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in OPERATOR_SCHEMAS:
            library.define(schema)
        import torchvision  # noqa: F401  # pyright: ignore[reportUnusedImport]

        return library
    return None


def has_compiled_operators() -> bool:
    """Whether torchvision's compiled operators match this torch, so that its detectors run."""
    import_torchvision()
    return hasattr(torch.ops.torchvision, "roi_align")
