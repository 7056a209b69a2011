"""The rhythm plugin."""
