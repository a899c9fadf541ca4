"""The torch modules of a backbone: stems, downsamplings, fusions, feed-forward networks, heads and a layer's parts."""
