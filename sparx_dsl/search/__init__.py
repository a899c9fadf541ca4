"""Spaces of backbones: choices over a spec, of which no combination is broken; and studies, which search them."""

from sparx_dsl.search.canonical_form import fingerprint as fingerprint
from sparx_dsl.search.hypothesis_strategy import strategy as strategy
from sparx_dsl.search.read_space import load_space as load_space
from sparx_dsl.search.read_space import make_space as make_space
from sparx_dsl.search.read_space import parse_space as parse_space
from sparx_dsl.search.search_space import Space as Space
from sparx_dsl.search.space.bounds import Bound as Bound
from sparx_dsl.search.space.bounds import Prices as Prices
from sparx_dsl.search.space.choices import Alternative as Alternative
from sparx_dsl.search.space.choices import Choice as Choice
from sparx_dsl.search.space.choices import Condition as Condition
from sparx_dsl.search.space.choices import Point as Point
from sparx_dsl.search.studies import RayOptions as RayOptions
from sparx_dsl.search.studies import StudyResult as StudyResult
from sparx_dsl.search.studies import Trial as Trial
from sparx_dsl.search.studies import TrialRecord as TrialRecord
from sparx_dsl.search.studies import default_study as default_study
from sparx_dsl.search.studies import read_study as read_study
from sparx_dsl.search.studies import run_study as run_study
from sparx_dsl.search.studies import study_listing as study_listing
from sparx_dsl.search.studies import study_picture as study_picture
from sparx_dsl.search.studies import study_table as study_table
from sparx_dsl.search.studies import write_winners as write_winners
