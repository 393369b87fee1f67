"""The command line. It contains no rule: everything goes through runtime/threads.py."""
