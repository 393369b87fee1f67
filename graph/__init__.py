"""The diagram as code."""
