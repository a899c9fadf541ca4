"""The tests of sparx_dsl; what they share is in ``tests.support``."""
