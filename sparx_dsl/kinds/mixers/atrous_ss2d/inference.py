"""What deployment may assume of the scans over every other row and column."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.atrous_ss2d.module import AtrousScan2D

INFERENCE = Deployment({AtrousScan2D: ModuleFacts(own_result=True)})
