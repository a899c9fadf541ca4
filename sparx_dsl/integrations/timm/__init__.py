"""Backbones in timm: importing this registers every spec of the zoo, and ``sparx`` for a spec of one's own.

``timm.create_model("sparx_mamba_t", num_classes=7, in_chans=1)``; ``timm.create_model("sparx", spec="mine.yaml")``.
A name that timm has already gets the prefix ``sparx_dsl_``, and so do the ablations (``sparx_dsl_ablations_stride_1``).
Raises ``SparxError`` (SPX750) where timm or torchvision is not installed.
"""

from importlib.util import find_spec

from sparx_dsl.integrations.required import import_torchvision, not_installed

if find_spec("timm") is None:
    raise not_installed("timm", "timm")
import_torchvision()  # before timm does

from sparx_dsl.integrations.timm.model import SparxModel as SparxModel  # noqa: E402
from sparx_dsl.integrations.timm.sparx_models import SPECS as SPECS  # noqa: E402
from sparx_dsl.integrations.timm.sparx_models import register  # noqa: E402

register()
