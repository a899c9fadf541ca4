"""What is made of the stages' last maps."""
