"""One folder for each kind, by role: what a spec can set, what it costs, its torch module, and what deployment does."""
