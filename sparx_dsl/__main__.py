"""``python -m sparx_dsl`` is the command ``sparx``."""

from sparx_dsl.cli.main import main

main()
