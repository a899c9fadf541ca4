"""Operators that more than one module needs, in plain PyTorch."""
