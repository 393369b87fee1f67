"""Cedar policies and their schema."""
