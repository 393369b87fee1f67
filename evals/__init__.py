"""Evaluations of behaviour, not of code. See README.md."""
