"""YAML text as a tree of values with their places; it knows nothing of the language."""
