"""Points of a space: sampled within its bounds, changed, and found again from a spec."""
