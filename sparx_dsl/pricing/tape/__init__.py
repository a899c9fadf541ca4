"""A forward pass recorded in shapes: what each operation costs, and what autograd saves of it; without torch."""

from sparx_dsl.pricing.tape.fake_tensor import FakeTensor as FakeTensor
from sparx_dsl.pricing.tape.tape import Tape as Tape
