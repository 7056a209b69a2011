"""Decodes G.722, the wide-band speech coding of ITU-T (64 kbit/s mode).

Two bands of 8 kHz, each coded by the difference to what an adaptive filter predicts.
Each sample needs the one before, so one clip cannot be spread over time; instead many
clips are decoded side by side, in a loop that XLA compiles. The joining of the bands
at the end (a quadrature mirror filter) has no such dependence and is left to NumPy.

Reference: ITU-T Recommendation G.722 (2012); the block numbers below are its own.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

RATE = 16_000
_LANES = 64  # clips decoded side by side
_CHUNK = 8_000  # steps in one call: a second; shapes are fixed, so XLA compiles once

_LOG = np.array([-60, -30, 58, 172, 334, 538, 1198, 3042])
_LOG_INDEX = np.array([0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0])
_INVERSE_LOG = np.round(2048 * 2 ** (np.arange(32) / 32)).astype(np.int32)
_HALF_6 = [24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
           4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728]  # fmt: skip
_LOW_6 = np.array([-136] * 4 + [-value for value in _HALF_6] + _HALF_6 + [432, 136, -432, -136])
_HALF_4 = [20456, 12896, 8968, 6288, 4240, 2584, 1200]
_LOW_4 = np.array([0] + [-value for value in _HALF_4] + _HALF_4 + [0])
_HIGH = np.array([-7408, -1616, 7408, 1616])
_HIGH_LOG = np.array([798, -214, 798, -214])
_MIRROR = np.array([3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11])
_LOG_LIMIT = np.array([[18432], [22528]], np.int32)
_SHIFT = np.array([[8], [10]], np.int32)


def decode_g722(clips: Sequence[bytes]) -> list[np.ndarray]:
    """Returns the sound of G.722 clips.

    Args:
        clips: Each of one byte for two samples.

    Returns:
        For each clip an array `(2 * len(clip),)`, int16, at 16 kHz.

    Example:
        >>> decode_g722([path.read_bytes()])[0].shape
        (14424,)
    """
    decoded: list[np.ndarray] = [np.zeros(0, np.int16)] * len(clips)
    by_length = sorted(range(len(clips)), key=lambda index: len(clips[index]))
    for start in range(0, len(by_length), _LANES):
        lanes = by_length[start : start + _LANES]
        steps = len(clips[lanes[-1]])
        codes = np.zeros((-(-steps // _CHUNK) * _CHUNK, _LANES), np.uint8)
        for lane, index in enumerate(lanes):
            codes[: len(clips[index]), lane] = np.frombuffer(clips[index], np.uint8)
        state, bands = _first_state(), []
        for chunk in range(0, len(codes), _CHUNK):
            output, state = _decode_chunk(*_dequantised(codes[chunk : chunk + _CHUNK]), *state)
            bands.append(output.numpy())
        for lane, index in enumerate(lanes):
            if clips[index]:
                decoded[index] = _join(np.concatenate([part[:, :, lane] for part in bands])[: len(clips[index])])
    return decoded


def _dequantised(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns what the tables say of codes `(steps, lanes)`: differences heard, differences to adapt by, log steps.

    Each is `(steps, 2, lanes)`, int32, the low band first.
    """
    low, high = codes & 63, codes >> 6
    heard = np.stack([_LOW_6[low], _HIGH[high]], 1)
    adapting = np.stack([_LOW_4[low >> 2], _HIGH[high]], 1)
    logs = np.stack([_LOG[_LOG_INDEX[low >> 2]], _HIGH_LOG[high]], 1)
    return heard.astype(np.int32), adapting.astype(np.int32), logs.astype(np.int32)


def _first_state() -> tuple[np.ndarray, ...]:
    """Returns predicted signal, its zero part, log scale, scale, and the filters' past and coefficients."""
    zeros = np.zeros((2, _LANES), np.int32)
    scale = np.broadcast_to(np.array([[32], [8]], np.int32), (2, _LANES))
    differences, zero_filter = np.zeros((6, 2, _LANES), np.int32), np.zeros((6, 2, _LANES), np.int32)
    signals, partials, pole_filter = (np.zeros((2, 2, _LANES), np.int32) for _ in range(3))
    return zeros, zeros, zeros, scale, differences, zero_filter, signals, partials, pole_filter


def _saturate(x: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(x, -32768, 32767)


def _same_sign(a: tf.Tensor, b: tf.Tensor, value: tf.Tensor | int) -> tf.Tensor:
    """Returns `value` where `a` and `b` have the same sign, else its negative."""
    return tf.where((a < 0) == (b < 0), value, -value)


def _right(x: tf.Tensor, bits: tf.Tensor | int) -> tf.Tensor:
    """Returns x shifted right, its sign kept."""
    return tf.bitwise.right_shift(x, tf.broadcast_to(bits, tf.shape(x)))


def _left(x: tf.Tensor, bits: tf.Tensor | int) -> tf.Tensor:
    return tf.bitwise.left_shift(x, tf.broadcast_to(bits, tf.shape(x)))


@tf.function(jit_compile=True, reduce_retracing=True)
def _decode_chunk(heard, adapting, logs, *state):
    def step(index, output, signal, zero_part, log, scale, differences, zeros, signals, partials, poles):
        sound = tf.clip_by_value(signal + (_right(scale * heard[index], 15)), -16384, 16383)  # blocks 5 and 6
        output = tf.tensor_scatter_nd_update(output, [[index]], sound[None])
        difference = _right(scale * adapting[index], 15)  # block 2
        log = tf.clip_by_value(_right(log * 127, 7) + logs[index], 0, _LOG_LIMIT)  # block 3
        shift = _SHIFT - _right(log, 11)
        mantissa = tf.gather(_INVERSE_LOG, tf.bitwise.bitwise_and(_right(log, 6), 31))
        shifted = tf.where(shift < 0, _left(mantissa, tf.maximum(-shift, 0)), _right(mantissa, tf.maximum(shift, 0)))
        scale = _left(shifted, 2)

        # Block 4: RECONS, PARREC
        reconstructed = _saturate(signal + difference)
        partial = _saturate(zero_part + difference)
        # UPPOL2, UPPOL1
        lead = tf.minimum(-_same_sign(partial, partials[0], _saturate(4 * poles[0])), 32767)
        pole2 = _same_sign(partial, partials[1], 128) + _right(lead, 7) + _right(poles[1] * 32512, 15)
        pole2 = tf.clip_by_value(pole2, -12288, 12288)
        pole1 = _saturate(_same_sign(partial, partials[0], 192) + _right(poles[0] * 32640, 15))
        bound = _saturate(15360 - pole2)
        pole1 = tf.clip_by_value(pole1, -bound, bound)
        # UPZERO
        gain = tf.where(difference == 0, 0, 128)
        zeros = _saturate(_same_sign(differences, difference[None], gain[None]) + _right(zeros * 32640, 15))
        # DELAYA
        differences = tf.concat([difference[None], differences[:-1]], 0)
        signals = tf.stack([reconstructed, signals[0]])
        partials = tf.stack([partial, partials[0]])
        poles = tf.stack([pole1, pole2])
        # FILTEP, FILTEZ, PREDIC
        pole_part = _saturate(tf.reduce_sum(_right(poles * _saturate(2 * signals), 15), 0))
        zero_part = _saturate(tf.reduce_sum(_right(zeros * _saturate(2 * differences), 15), 0))
        signal = _saturate(pole_part + zero_part)
        return index + 1, output, signal, zero_part, log, scale, differences, zeros, signals, partials, poles

    output = tf.zeros([_CHUNK, 2, _LANES], tf.int32)
    result = tf.while_loop(lambda index, *_: index < _CHUNK, step, (0, output, *state))
    return result[1], result[2:]


def _join(bands: np.ndarray) -> np.ndarray:
    """Returns the samples of two bands `(steps, 2)`: the quadrature mirror filter, then saturation to 16 bits."""
    total, difference = bands[:, 0] + bands[:, 1], bands[:, 0] - bands[:, 1]
    samples = np.empty(2 * len(bands), np.int64)
    samples[0::2] = np.convolve(difference, _MIRROR)[: len(bands)]
    samples[1::2] = np.convolve(total, _MIRROR[::-1])[: len(bands)]
    return np.clip(samples >> 11, -32768, 32767).astype(np.int16)
