"""Attacks and benign tasks as data, and what becomes of them when a planner obeys everything it reads."""
