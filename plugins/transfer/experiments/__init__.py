"""Experiments of the transfer plugin."""
