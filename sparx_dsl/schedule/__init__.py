"""Order and lifetimes: the steps of a backbone, and the allocation and release of every feature buffer."""

from sparx_dsl.language.dtypes import DType as DType
from sparx_dsl.schedule.build_schedule import plan as plan
from sparx_dsl.schedule.build_schedule import replanned as replanned
from sparx_dsl.schedule.outputs import Features as Features
from sparx_dsl.schedule.outputs import Output as Output
from sparx_dsl.schedule.outputs import as_sequence as as_sequence
from sparx_dsl.schedule.outputs import plain_value as plain_value
from sparx_dsl.schedule.step import IMAGES as IMAGES
from sparx_dsl.schedule.step import Free as Free
from sparx_dsl.schedule.step import Gather as Gather
from sparx_dsl.schedule.step import Run as Run
from sparx_dsl.schedule.step import Step as Step
from sparx_dsl.schedule.values import Buffer as Buffer
from sparx_dsl.schedule.values import Schedule as Schedule
from sparx_dsl.schedule.verify import verify_schedule as verify_schedule
from sparx_dsl.schedule.verify import verify_steps as verify_steps
