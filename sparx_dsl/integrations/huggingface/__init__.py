"""Backbones as models of transformers: configuration, backbone, classifier, and a suitable image processor.

Importing it registers them, so that ``AutoConfig``, ``AutoModel``, ``AutoBackbone`` and
``AutoModelForImageClassification`` know the model type ``sparx``. Raises ``SparxError`` (SPX750) where transformers is
not installed.
"""

from __future__ import annotations

from sparx_dsl.integrations.required import import_torchvision, not_installed

try:
    # transformers imports it for every model, where it is installed.
    import_torchvision()
    from transformers import AutoBackbone, AutoConfig, AutoModel, AutoModelForImageClassification
except ModuleNotFoundError:
    raise not_installed("transformers", "huggingface") from None

from sparx_dsl.integrations.huggingface.configuration import SparxConfig as SparxConfig
from sparx_dsl.integrations.huggingface.modeling import SparxBackbone as SparxBackbone
from sparx_dsl.integrations.huggingface.modeling import SparxForImageClassification as SparxForImageClassification
from sparx_dsl.integrations.huggingface.processing import image_processor as image_processor

AutoConfig.register(SparxConfig.model_type, SparxConfig)
AutoBackbone.register(SparxConfig, SparxBackbone)
AutoModel.register(SparxConfig, SparxBackbone)
AutoModelForImageClassification.register(SparxConfig, SparxForImageClassification)
