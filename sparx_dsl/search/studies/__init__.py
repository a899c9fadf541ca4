"""Studies: points of a space evaluated by an objective, in one process or many, to be continued at any moment."""

from __future__ import annotations

from sparx_dsl.search.studies.api import default_study as default_study
from sparx_dsl.search.studies.api import read_study as read_study
from sparx_dsl.search.studies.api import run_study as run_study
from sparx_dsl.search.studies.config import RayOptions as RayOptions
from sparx_dsl.search.studies.records import StudyResult as StudyResult
from sparx_dsl.search.studies.records import TrialRecord as TrialRecord
from sparx_dsl.search.studies.study_tables import study_listing as study_listing
from sparx_dsl.search.studies.study_tables import study_table as study_table
from sparx_dsl.search.studies.trial import Trial as Trial
from sparx_dsl.search.studies.winners import study_picture as study_picture
from sparx_dsl.search.studies.written_specs import write_winners as write_winners
