"""Kills, stops, cuts and doubles what runs, and counts what took effect. See evals/README.md."""
