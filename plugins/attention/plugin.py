"""The table of contents of the attention plugin."""

import ogbrain

PLUGIN = ogbrain.Plugin(
    name="attention",
    api=1,
    summary="Look where it matters: glimpses of an image, soft attention between sentences.",
    layers={
        "additive_attention": ".layers.additive_attention:AdditiveAttention",
        "attention_decoder": ".layers.attention_decoder:AttentionDecoder",
        "context_network": ".layers.context_network:ContextNetwork",
        "deep_recurrent_attention": ".layers.deep_recurrent_attention:DeepRecurrentAttention",
        "glimpse_sensor": ".layers.glimpse_sensor:GlimpseSensor",
        "glimpse_network": ".layers.glimpse_network:GlimpseNetwork",
        "multiplicative_attention": ".layers.multiplicative_attention:MultiplicativeAttention",
        "place_attention": ".layers.place_attention:PlaceAttention",
        "location_policy": ".layers.location_policy:LocationPolicy",
        "rotary_attention": ".layers.rotary_attention:RotaryAttention",
        "recurrent_attention": ".layers.recurrent_attention:RecurrentAttention",
    },
    kinds={
        "attention_decoder": "decoder",
        "context_network": "image_encoder",
        "glimpse_network": "image_encoder",
    },
    pipelines={
        "cluttered_images": ".pipelines.cluttered_images:ClutteredImages",
        "many_images": ".pipelines.many_images:ManyImages",
        "sentence_pairs": ".pipelines.sentence_pairs:SentencePairs",
    },
    experiments={
        "addition": ".experiments.many_objects:ManyObjects",
        "glimpse": ".experiments.glimpse:Glimpse",
        "many_objects": ".experiments.many_objects:ManyObjects",
        "translate": ".experiments.translate:Translate",
    },
    configs={
        "addition": ".experiments.many_objects_config:AdditionConfig",
        "glimpse": ".experiments.glimpse_config:GlimpseConfig",
        "many_objects": ".experiments.many_objects_config:ManyObjectsConfig",
        "translate": ".experiments.translate_config:TranslateConfig",
    },
    default_experiment="glimpse",
)
