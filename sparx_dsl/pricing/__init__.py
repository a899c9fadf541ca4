"""What a backbone costs before it exists: parameters, MACs and bytes, in exact integers and without torch."""

from sparx_dsl.pricing.check_budget import check_prices as check_prices
from sparx_dsl.pricing.cost_rows import Cost as Cost
from sparx_dsl.pricing.cost_rows import CostRow as CostRow
from sparx_dsl.pricing.cost_rows import EdgeCost as EdgeCost
from sparx_dsl.pricing.cost_rows import cost as cost
from sparx_dsl.pricing.cost_rows import price_schedule as price_schedule
from sparx_dsl.pricing.price import CONVENTIONS as CONVENTIONS
from sparx_dsl.pricing.price import Convention as Convention
from sparx_dsl.pricing.price import Price as Price
from sparx_dsl.pricing.price import Totals as Totals
from sparx_dsl.pricing.saved import SavedPart as SavedPart
from sparx_dsl.pricing.saved import saved_parts as saved_parts
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor as FakeTensor
from sparx_dsl.pricing.tape.tape import Tape as Tape
from sparx_dsl.pricing.totals_by_stage import prices as prices
