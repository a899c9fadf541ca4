"""Fusion by concatenation in inference."""

from sparx_dsl.inference.deployment import Deployment
from sparx_dsl.kinds.fusions.inference import SHARED

INFERENCE = Deployment(SHARED)
