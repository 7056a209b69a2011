"""A spectrogram with what was heard in it."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LONGEST = 12.0
"""Seconds that are drawn; of longer sounds the first ones."""


def draw_alignment(spectrogram: np.ndarray, probabilities: np.ndarray, alphabet: str, seconds: float, text: str,
                   wanted: str = "") -> np.ndarray:
    """Draws the spectrogram, each character at the moment it was heard, and the probabilities.

    Args:
        spectrogram: `(frames, bands)`.
        probabilities: `(steps, 1 + characters)`, the blank first.
        alphabet: The characters.
        seconds: Length of the sound.
        text: What was heard.
        wanted: What was said, if it is known.

    Returns:
        uint8 `(height, width, 3)`.
    """
    step = seconds / max(1, len(probabilities))
    shown = min(seconds, LONGEST)
    figure = Figure(figsize=(10, 4.2), dpi=90, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    upper.imshow(spectrogram.T, origin="lower", aspect="auto", extent=(0, seconds, 0, spectrogram.shape[1]),
                 cmap="magma")
    upper.set(ylabel="mel band", xlim=(0, max(shown, step)))
    best = probabilities.argmax(1) if len(probabilities) else np.zeros(0, int)
    last = 0
    for number, label in enumerate(best):
        place = number * step
        if label and label != last and place <= shown:
            upper.axvline(place, color="white", alpha=0.25, linewidth=0.7)
            upper.text(place, spectrogram.shape[1] * 1.01, alphabet[label - 1].replace(" ", "_"), fontsize=8)
        last = label
    times = np.arange(len(probabilities)) * step
    lower.plot(times, probabilities[:, 0], color="lightgray", label="blank")
    for label in sorted(set(best) - {0}):
        lower.plot(times, probabilities[:, label])
    lower.set(xlabel="seconds", ylabel="probability", ylim=(0, 1.02))
    lower.legend(loc="upper right", fontsize=7)
    figure.suptitle(f"heard: {text[:110]}" + (f"\nsaid: {wanted[:110]}" if wanted else ""), fontsize=9)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
