"""Attacks by the thousand: small in the test suite, full size by ``python -m tests.campaign NAME``.

Each campaign is one module with a function of a count and a seed that returns its findings; the attack of a number
depends on the seed and that number alone, so that a fault can be made again.
"""
