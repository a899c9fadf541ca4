"""How one stage's last feature becomes the next one's input, at half the size."""
