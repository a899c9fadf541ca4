"""What deployment may assume of the vanilla Mamba block."""

from sparx_dsl.inference.deployable import Deployable
from sparx_dsl.kinds.mixers.sequence_scan import GatedScan

INFERENCE = (Deployable(GatedScan, last_product="out_projection"),)
