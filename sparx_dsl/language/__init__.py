"""What the user writes: the keys of a spec, what stands for those not given, what may be together."""
