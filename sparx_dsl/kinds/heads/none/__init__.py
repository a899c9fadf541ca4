"""No head: the backbone gives the last stage's map."""

from sparx_dsl.kind import Kind

KIND = Kind(role="head", name="none", options=f"{__name__}.options:NoHead")
