"""What ties choices together, by the language's own checks, and how many points that leaves."""
