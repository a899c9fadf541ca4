"""The selective scan and the fused SS2D in Triton, forward and backward; importing this imports no Triton."""
