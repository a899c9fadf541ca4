"""What deployment may assume of patch merging."""

from sparx_dsl.inference.deployable import Deployable
from sparx_dsl.kinds.downsamples.merge.module import PatchMerging

INFERENCE = (Deployable(PatchMerging, norm_reader="reduction"),)
