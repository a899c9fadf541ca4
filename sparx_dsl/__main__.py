"""``python -m sparx_dsl`` is the command ``sparx``."""

from sparx_dsl.cli.entry import main

# A worker of a study imports this file too, under another name.
if __name__ == "__main__":
    main()
