"""What deployment may assume of the linear head."""

from sparx_dsl.inference.deployable import Deployable
from sparx_dsl.kinds.heads.linear.module import LinearClassifier

INFERENCE = (Deployable(LinearClassifier, norm_reader="linear"),)
