"""What the user writes: the language, its positions, its checks."""
