"""What can be wrong with a spec, each mistake at its place, with what to write instead."""
