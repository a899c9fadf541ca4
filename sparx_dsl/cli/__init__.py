"""The commands: parsing of arguments, and nothing else."""
