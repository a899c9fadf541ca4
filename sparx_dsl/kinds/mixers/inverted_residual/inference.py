"""What deployment may assume of the inverted residual block."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.inverted_residual.module import InvertedResidualMixer

INFERENCE = Deployment({InvertedResidualMixer: ModuleFacts(own_result=True)})
