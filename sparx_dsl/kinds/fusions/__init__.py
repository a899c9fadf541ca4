"""The fusions: how a ganglion layer takes in the features that it reads, in place of the mixer's input projection."""
