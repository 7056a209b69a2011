"""TFDS builders of real data out of packages, one a folder; `catalog.py` lists them."""
