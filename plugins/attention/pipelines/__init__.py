"""Input pipelines of the attention plugin."""
