"""What the user writes: the language, its positions, its checks."""

from sparx_dsl.spec.edit import LayerEdit as LayerEdit
from sparx_dsl.spec.json_schema import json_schema as json_schema
from sparx_dsl.spec.kinds import Kind as Kind
from sparx_dsl.spec.kinds import KindRegistry as KindRegistry
from sparx_dsl.spec.kinds import default_registry as default_registry
from sparx_dsl.spec.limits import DEFAULT_LIMITS as DEFAULT_LIMITS
from sparx_dsl.spec.limits import Limits as Limits
from sparx_dsl.spec.load import dump_spec as dump_spec
from sparx_dsl.spec.load import load_spec as load_spec
from sparx_dsl.spec.load import parse_spec as parse_spec
from sparx_dsl.spec.models import Spec as Spec
