"""Layers of the transfer plugin."""
