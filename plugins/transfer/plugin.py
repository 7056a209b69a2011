"""The table of contents of the transfer plugin."""

import ogbrain

PLUGIN = ogbrain.Plugin(
    name="transfer",
    api=1,
    summary="Use what was learned before: pretrained networks and word vectors for data of which there is little.",
    layers={
        "glove": ".layers.glove:Glove",
        "transfer_head": ".layers.transfer_head:TransferHead",
        "word_vectors": ".layers.word_vectors:WordVectors",
    },
    kinds={"transfer_head": "head"},
    pipelines={
        "image_classes": ".pipelines.image_classes:ImageClasses",
        "text_classes": ".pipelines.text_classes:TextClasses",
    },
    experiments={"images": ".experiments.images:Images", "sentiment": ".experiments.sentiment:Sentiment"},
    configs={
        "images": ".experiments.images_config:ImagesConfig",
        "sentiment": ".experiments.sentiment_config:SentimentConfig",
    },
    default_experiment="images",
)
