"""Prefix beam search over the output of a CTC head, with a language model where there is one."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from .ctc_loss import BLANK

NEVER = -np.inf
LanguageModel = Callable[[tuple[int, ...], int], float]


def prefix_beam(
    log_probabilities: np.ndarray,
    *,
    width: int = 16,
    language_model: LanguageModel | None = None,
    weight: float = 0.5,
    bonus: float = 0.0,
    candidates: int = 20,
) -> list[tuple[tuple[int, ...], float]]:
    """Finds the likeliest labels; alignments of the same labels are summed (Hannun et al., arXiv 1408.2873).

    Args:
        log_probabilities: Of shape `(frames, classes)`, natural logarithms; class 0 is the blank.
        width: Prefixes that are kept after each frame.
        language_model: `language_model(prefix, label)`: log-probability of the label after the prefix (shallow fusion).
        weight: Of the language model.
        bonus: Added for each label, against the language model's liking of short texts.
        candidates: Labels that are tried at each frame, the likeliest ones.

    Returns:
        Prefixes and their scores, the best first; one empty prefix if there is no frame.

    Raises:
        ValueError: `width` or `candidates` is below 1.

    Example:
        >>> labels, score = prefix_beam(np.log([[0.1, 0.9], [0.9, 0.1]]))[0]
        >>> labels
        (1,)
    """
    if width < 1 or candidates < 1:
        raise ValueError(f"width and candidates must be at least 1, not {width} and {candidates}")
    # For each prefix: log-probability of ending in a blank, and of ending in its last label.
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, NEVER)}
    extra: dict[tuple[int, ...], float] = {(): 0.0}
    for frame in np.asarray(log_probabilities, np.float64):
        labels = [int(k) for k in np.argsort(-frame)[:candidates + 1] if k != BLANK]
        new: dict[tuple[int, ...], tuple[float, float]] = defaultdict(lambda: (NEVER, NEVER))
        for prefix, (blank, label) in beams.items():
            total = np.logaddexp(blank, label)
            b, n = new[prefix]
            n = np.logaddexp(n, label + frame[prefix[-1]]) if prefix else n
            new[prefix] = (np.logaddexp(b, total + frame[BLANK]), n)
            for k in labels:
                longer = (*prefix, k)
                b, n = new[longer]
                # The same label again needs a blank in between.
                before = blank if prefix and prefix[-1] == k else total
                new[longer] = (b, np.logaddexp(n, before + frame[k]))
                if longer not in extra:
                    fused = weight * language_model(prefix, k) if language_model else 0.0
                    extra[longer] = extra[prefix] + fused + bonus
        new = {prefix: both for prefix, both in new.items() if max(both) > NEVER}
        best = sorted(new, key=lambda prefix: -(np.logaddexp(*new[prefix]) + extra[prefix]))[:width]
        beams = {prefix: new[prefix] for prefix in best}
    scored = [(prefix, float(np.logaddexp(*both) + extra[prefix])) for prefix, both in beams.items()]
    return sorted(scored, key=lambda item: -item[1])
