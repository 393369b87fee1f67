"""The nodes: each reads state, calls a pure function or one port, and returns the update and the events."""
