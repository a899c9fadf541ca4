"""No feed-forward network: the layer ends with its token mixer."""

from sparx_dsl.kind import Kind

KIND = Kind(role="ffn", name="none", options=f"{__name__}.options:NoFfn", numbered=False)
