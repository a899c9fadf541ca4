"""Backbones in other libraries; each module imports its library, and is imported only by who asks for it."""
