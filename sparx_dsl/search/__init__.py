"""Spaces of backbones: choices over a spec, of which no combination is broken."""

from sparx_dsl.search.bounds import Bound as Bound
from sparx_dsl.search.bounds import Prices as Prices
from sparx_dsl.search.fingerprint import fingerprint as fingerprint
from sparx_dsl.search.load import load_space as load_space
from sparx_dsl.search.load import make_space as make_space
from sparx_dsl.search.load import parse_space as parse_space
from sparx_dsl.search.space import Space as Space
from sparx_dsl.search.strategy import strategy as strategy
from sparx_dsl.search.values import Alternative as Alternative
from sparx_dsl.search.values import Choice as Choice
from sparx_dsl.search.values import Condition as Condition
from sparx_dsl.search.values import Point as Point
