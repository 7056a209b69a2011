"""Layers of the attention plugin, one class a file."""
