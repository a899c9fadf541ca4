"""What a space is made of: choices and their text, the keys that they decide, and bounds."""
