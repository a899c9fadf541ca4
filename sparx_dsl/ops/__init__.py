"""The selective scans as PyTorch operators, their backends, and compiled kernels for inference.

Importing this package registers the operators, ``torch.ops.sparx_dsl.selective_scan`` and ``ss2d_scan``, which a
``.pt2`` file that keeps them takes to be loaded.
"""

from sparx_dsl.ops import operators as operators
