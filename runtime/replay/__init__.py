"""Running a recorded thread again: the compiled graph, every port of nodes/bindings.py answering from the record.

One file a family of ports; tape.py is what they read from, run.py what turns it.
"""
