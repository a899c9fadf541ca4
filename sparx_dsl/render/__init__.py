"""Pictures and text: Graphviz drawings, tables and differences of connection graphs, without torch."""

from sparx_dsl.render.cost_tables import cost_listing as cost_listing
from sparx_dsl.render.cost_tables import cost_table as cost_table
from sparx_dsl.render.diff import difference as difference
from sparx_dsl.render.diff import difference_listing as difference_listing
from sparx_dsl.render.dot_text import dot as dot
from sparx_dsl.render.files import replacing as replacing
from sparx_dsl.render.files import write_text as write_text
from sparx_dsl.render.json_report import report as report
from sparx_dsl.render.listing import Listing as Listing
from sparx_dsl.render.look import Look as Look
from sparx_dsl.render.look import PictureStyle as PictureStyle
from sparx_dsl.render.look import stage_names as stage_names
from sparx_dsl.render.picture import Picture as Picture
from sparx_dsl.render.picture import make_picture as make_picture
from sparx_dsl.render.tables import summary as summary
from sparx_dsl.render.tables import summary_listing as summary_listing
