"""From prepared datasets to batches: the Pipeline, vocabularies, features of sound, and where data comes from."""
