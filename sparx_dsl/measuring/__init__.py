"""Speed and memory of backbones on this machine."""
