"""Sound of the user's own, as the models hear it."""

import io
from pathlib import Path

import numpy as np

from ogbrain.errors import UserError
from ogbrain.paths import user_path

RATE = 16000


def read_sound(file: str | Path) -> np.ndarray:
    """Reads WAV, FLAC, OGG and the like, of any rate, depth and number of channels.

    Args:
        file: The file.

    Returns:
        `(samples,)` float32 in [-1, 1] at 16 kHz: the mean of the channels. An empty file of sound has no samples.

    Raises:
        UserError: There is no such file, or it is no sound.

    Example:
        >>> read_sound("hello.flac").shape
        (24000,)
    """
    import soundfile

    try:
        data = user_path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{str(file)!r}: cannot be read ({reason}); a WAV, FLAC or OGG file") from None
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError):
        raise UserError(f"{str(file)!r}: is no sound that can be read; a WAV, FLAC or OGG file") from None
    mono = np.nan_to_num(samples.mean(1), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(resample(mono, rate), -1.0, 1.0)


def resample(samples: np.ndarray, rate: int, new_rate: int = RATE) -> np.ndarray:
    """Changes the rate of a sound; what the new one cannot hold is cut off in the spectrum.

    Args:
        samples: `(samples,)`.
        rate: Samples a second.
        new_rate: As they shall be.

    Returns:
        `(samples * new_rate / rate,)` float32.
    """
    samples = np.asarray(samples, np.float32)
    count = round(len(samples) * new_rate / rate)
    if rate == new_rate or not count:
        return samples[:count]
    # The spectrum is that of a sound that goes round in a circle: mirrored, it has no jump where it closes.
    spectrum = np.fft.rfft(np.concatenate([samples, samples[::-1]]))
    kept = np.zeros(count + 1, complex)
    common = min(len(spectrum), count + 1)
    kept[:common] = spectrum[:common]
    return (np.fft.irfft(kept, 2 * count)[:count] * (count / len(samples))).astype(np.float32)
