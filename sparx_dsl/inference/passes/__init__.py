"""Passes over a compiled backbone: each small, named, verified after it ran, kept only where it pays."""
