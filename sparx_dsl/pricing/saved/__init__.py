"""The bytes that autograd saves for the backward pass: each part's forward retold with shapes in place of tensors."""

from sparx_dsl.pricing.saved.outline import Outline as Outline
from sparx_dsl.pricing.saved.tape import Tape as Tape
