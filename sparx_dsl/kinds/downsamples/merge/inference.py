"""What deployment may assume of patch merging."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.downsamples.merge.module import PatchMerging

INFERENCE = Deployment({PatchMerging: ModuleFacts(norm_reader="reduction")})
