"""The words everything is said in. No I/O, no framework."""
