"""One file for each way of breaking things. Each has `run(theatre, size)`, which returns what was found."""
