"""Experiments of the attention plugin and their configurations."""
