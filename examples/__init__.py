"""Examples: each a script that stands alone."""
