"""Backbones for mmengine and what is built on it: in its registry of models, with its arguments.

Importing it registers ``SparxBackbone``, as ``custom_imports`` of a config does. Raises ``SparxError`` (SPX750) where
mmengine is not installed.
"""

from __future__ import annotations

from sparx_dsl.integrations.required import not_installed

try:
    from mmengine.registry import MODELS
except ModuleNotFoundError:
    raise not_installed("mmengine", "mmengine") from None

from sparx_dsl.integrations.mmengine.backbone import SparxBackbone as SparxBackbone

MODELS.register_module(module=SparxBackbone)
