"""Fusion by concatenation in inference."""

from sparx_dsl.kinds.fusions.inference import CONCATENATION

INFERENCE = (CONCATENATION,)
