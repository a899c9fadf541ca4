"""The token mixers: everything of a mixer after its input projection."""
