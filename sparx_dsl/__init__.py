"""A language for hierarchical vision backbones with sparse cross-layer connections, compiled to PyTorch."""

from sparx_dsl.api import build as build
from sparx_dsl.api import connect as connect
from sparx_dsl.api import cost as cost
from sparx_dsl.api import difference as difference
from sparx_dsl.api import dot as dot
from sparx_dsl.api import draw as draw
from sparx_dsl.api import load_checkpoint as load_checkpoint
from sparx_dsl.api import paper_page as paper_page
from sparx_dsl.api import plan as plan
from sparx_dsl.api import render_diagnostics as render_diagnostics
from sparx_dsl.api import save_checkpoint as save_checkpoint
from sparx_dsl.api import summary as summary
from sparx_dsl.api import transfer as transfer
from sparx_dsl.errors import Diagnostic as Diagnostic
from sparx_dsl.errors import SparxError as SparxError
from sparx_dsl.errors import explain_code as explain_code
from sparx_dsl.graph import ConnectionGraph as ConnectionGraph
from sparx_dsl.graph import verify_graph as verify_graph
from sparx_dsl.pricing import Cost as Cost
from sparx_dsl.render import cost_table as cost_table
from sparx_dsl.render import report as report
from sparx_dsl.render import write_text as write_text
from sparx_dsl.schedule import Schedule as Schedule
from sparx_dsl.schedule import verify_schedule as verify_schedule
from sparx_dsl.spec import Kind as Kind
from sparx_dsl.spec import Limits as Limits
from sparx_dsl.spec import Spec as Spec
from sparx_dsl.spec import dump_spec as dump_spec
from sparx_dsl.spec import json_schema as json_schema
from sparx_dsl.spec import load_spec as load_spec
from sparx_dsl.spec import parse_spec as parse_spec

__version__ = "0.1.0"
