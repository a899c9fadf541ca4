"""How an image becomes the first feature map."""
