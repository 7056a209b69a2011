"""The table of contents of the rhythm plugin."""

import ogbrain

PLUGIN = ogbrain.Plugin(
    name="rhythm",
    api=1,
    summary="Rhythm: a leaky memory that reads pictures row by row.",
    layers={"leaky_memory": ".leaky_memory:LeakyMemory"},
    kinds={"leaky_memory": "sequence_encoder"},
    pipelines={"pictures": ".pictures:Pictures"},
    experiments={"classify": ".classify:Classify"},
    configs={"classify": ".classify_config:ClassifyConfig"},
)
