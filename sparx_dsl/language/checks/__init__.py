"""What can be wrong with a spec, each error at its place, with what to write instead."""
