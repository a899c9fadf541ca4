"""A paper's printed figures beside our counts."""

from sparx_dsl.paper.pages import paper_listing as paper_listing
from sparx_dsl.paper.pages import paper_page as paper_page
