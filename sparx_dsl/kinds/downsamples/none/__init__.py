"""No downsampling: a stage takes the last map of the stage before as it is (isotropic backbones)."""

from sparx_dsl.kind import Kind

KIND = Kind(role="downsample", name="none", options=f"{__name__}.options:NoDownsample", codes=f"{__name__}.codes:CODES")
