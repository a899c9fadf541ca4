"""What deployment may assume of the linear head."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.heads.linear.module import LinearClassifier

INFERENCE = Deployment({LinearClassifier: ModuleFacts(norm_reader="linear")})
