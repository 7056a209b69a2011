"""The table of contents of the working-memory plugin."""

import ogbrain

PLUGIN = ogbrain.Plugin(
    name="working_memory",
    api=1,
    summary="Keep and manipulate information: fast recurrent layers, CTC, and what they can remember.",
    layers={
        "lstm": ".layers.lstm:LSTM",
        "gru": ".layers.gru:GRU",
        "simple_rnn": ".layers.simple_rnn:SimpleRNN",
        "min_lstm": ".layers.min_lstm:MinLSTM",
        "min_gru": ".layers.min_gru:MinGRU",
        "bidirectional": ".layers.bidirectional:Bidirectional",
        "stacked": ".layers.stacked:Stacked",
        "ctc_head": ".ctc.ctc_head:CTCHead",
    },
    kinds=dict.fromkeys(("lstm", "gru", "simple_rnn", "min_lstm", "min_gru"), "recurrent"),
    pipelines={"text_stream": ".pipelines.text_stream:TextStream"},
    experiments={
        "language_model": ".experiments.language_model:LanguageModel",
        "speech": ".experiments.speech:Speech",
        "algorithmic": ".experiments.algorithmic:Algorithmic",
    },
    configs={
        "language_model": ".experiments.language_model_config:LanguageModelConfig",
        "speech": ".experiments.speech_config:SpeechConfig",
        "algorithmic": ".experiments.algorithmic_config:AlgorithmicConfig",
    },
    default_experiment="language_model",
)
