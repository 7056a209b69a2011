"""Input pipelines of the transfer plugin."""
