"""May it run? Python computes facts, Cedar decides over them; unknown means no."""
