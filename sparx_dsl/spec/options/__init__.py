"""The options of every kind that the language has by itself: one file for each role."""
