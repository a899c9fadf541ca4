"""The torch modules of a backbone: stems, downsamplings, fusions, FFNs, heads and a layer's parts."""
