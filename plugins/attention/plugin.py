"""The table of contents of the attention plugin."""

import ogbrain

PLUGIN = ogbrain.Plugin(
    name="attention",
    api=1,
    summary="Look where it matters: glimpses of an image, chosen by a learned policy.",
    layers={
        "glimpse_sensor": ".layers.glimpse_sensor:GlimpseSensor",
        "glimpse_network": ".layers.glimpse_network:GlimpseNetwork",
        "location_policy": ".layers.location_policy:LocationPolicy",
        "recurrent_attention": ".layers.recurrent_attention:RecurrentAttention",
    },
    pipelines={"cluttered_images": ".pipelines.cluttered_images:ClutteredImages"},
    experiments={"glimpse": ".experiments.glimpse:Glimpse"},
    configs={"glimpse": ".experiments.glimpse_config:GlimpseConfig"},
    default_experiment="glimpse",
)
