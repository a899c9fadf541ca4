"""Passes over a compiled backbone: each small, named, kept only where it pays; what they made is verified."""
