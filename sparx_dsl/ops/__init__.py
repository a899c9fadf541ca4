"""The selective scans as PyTorch operators, their backends, and compiled kernels for inference."""
