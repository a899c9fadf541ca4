"""The scan for CPUs: C with OpenMP and vectors across channels, compiled when the package is installed."""
