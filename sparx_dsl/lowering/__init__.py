"""From the schedule to a PyTorch module."""

from sparx_dsl.lowering.backbone import Backbone as Backbone
from sparx_dsl.lowering.budget import recompute_within as recompute_within
from sparx_dsl.lowering.build import build_backbone as build_backbone
from sparx_dsl.lowering.build import lower as lower
from sparx_dsl.lowering.build import with_outputs as with_outputs
from sparx_dsl.nn.init import no_weight_decay as no_weight_decay
