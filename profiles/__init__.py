"""The example company profile."""
