"""BLEU by length, and its picture."""

import io
from collections.abc import Mapping, Sequence

import numpy as np

BUCKETS = (10, 20, 30, 40)


def bleu_by_length(sources: Sequence[str], translations: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Returns sacreBLEU over all, as `bleu`, and of sentences by words of the source, as `bleu_1_10` and so on.

    Case is not counted, as the vocabulary keeps none, and marks stand apart: sacreBLEU's `lowercase` and `intl`.
    Lengths of which there is no sentence are 0; those beyond the last count in `bleu` alone.
    """
    scores = {"bleu": _bleu(translations, references)}
    lengths = [len(source.split()) for source in sources]
    low = 0
    for high in BUCKETS:
        picked = [number for number, length in enumerate(lengths) if low < length <= high]
        scores[f"bleu_{low + 1}_{high}"] = _bleu([translations[n] for n in picked], [references[n] for n in picked])
        low = high
    return scores


def _bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    import sacrebleu

    if not translations:
        return 0.0
    return float(sacrebleu.corpus_bleu(translations, [list(references)], lowercase=True, tokenize="intl").score)


def draw_bleu(curves: Mapping[str, Mapping[str, float]]) -> np.ndarray:
    """Draws BLEU over the length of the sentence, a curve a model.

    Args:
        curves: What `bleu_by_length` gave, by the model's name.

    Returns:
        `(height, width, 3)` uint8.
    """
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(5, 3.2), dpi=100, layout="tight")
    axes = figure.add_subplot()
    edges = [0, *BUCKETS]
    names = [(low + 1, high) for low, high in zip(edges[:-1], edges[1:], strict=True)]
    for title, scores in curves.items():
        axes.plot([f"{low}-{high}" for low, high in names], [scores[f"bleu_{low}_{high}"] for low, high in names],
                  marker="o", label=f"{title}: {scores['bleu']:.1f} overall")
    axes.set(xlabel="words of the sentence", ylabel="BLEU", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    return _pixels(figure)


def draw_alignment(source: Sequence[str], target: Sequence[str], weights: np.ndarray) -> np.ndarray:
    """Draws where each written piece looked.

    Args:
        source: The pieces read.
        target: The pieces written.
        weights: `(written, read)`.

    Returns:
        `(height, width, 3)` uint8.
    """
    import matplotlib.figure

    size = 1.4 + 0.22 * min(len(source), 60), 1.2 + 0.22 * min(len(target), 60)
    figure = matplotlib.figure.Figure(figsize=size, dpi=80, layout="tight")
    axes = figure.add_subplot()
    axes.imshow(weights, cmap="gray", vmin=0, vmax=1, aspect="auto")
    # A dollar sign would begin a formula.
    axes.set_xticks(range(len(source)), [piece.replace("$", r"\$") for piece in source], rotation=90, fontsize=8)
    axes.set_yticks(range(len(target)), [piece.replace("$", r"\$") for piece in target], fontsize=8)
    axes.xaxis.tick_top()
    return _pixels(figure)


def _pixels(figure) -> np.ndarray:
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGB"))
