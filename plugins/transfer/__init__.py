"""Use what was learned before: pretrained networks and word vectors for data of which there is little."""
