"""The feed-forward networks of layers."""
