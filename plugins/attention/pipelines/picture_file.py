"""Pictures of a user's own, made into what the model was trained on."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from ogbrain.data.decode_picture import decode_picture
from ogbrain.errors import UserError

_LUMINANCE = (0.299, 0.587, 0.114)


def read_picture(path: Path) -> np.ndarray:
    """Reads an image file of any format that Pillow knows: the first frame, upright, transparency over black.

    Args:
        path: The file.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        UserError: The file is not there, not an image, damaged, or too large to be decoded safely.

    Example:
        >>> picture = read_picture(Path("shoe.png"))
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder; an image file is needed")
    try:
        with warnings.catch_warnings():
            # A picture that only nearly is a decompression bomb is read; one that is raises.
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                # The load finds damage; it must come before the transposition, which reads lazily.
                image.load()
                return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except Image.UnidentifiedImageError:
        raise UserError(f"{path}: not an image, or of a format that is not known") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    deep = image.mode.startswith("I;16")
    if image.mode in ("I", "F") or deep:
        # Pillow cuts 16-bit values off at 255 instead of scaling them.
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=65535.0)
        peak = 65535.0 if deep or values.max() > 255 else (255.0 if values.max() > 1 or image.mode != "F" else 1.0)
        return Image.fromarray(np.uint8(np.clip(values / peak, 0, 1) * 255)).convert("RGB")
    if image.mode in ("LA", "PA", "La", "RGBa", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
    return image.convert("RGB")


def fit_to_canvas(picture: tf.Tensor, *, canvas: int, item: int, channels: int) -> tf.Tensor:
    """Makes a picture into a canvas like those of `ClutteredImages`, in TensorFlow ops.

    A picture of the canvas' own size is taken as it is. Any other is taken for a picture of one
    thing: shrunk, if it is larger, to the size things had in training, and put
    in the middle of a black canvas. If its border is rather light and the model is of grey pictures it is inverted, for
    the things it learned were bright on black.

    Args:
        picture: `(height, width, 1, 3 or 4)` float in [0, 1]; a fourth channel is opacity.
        canvas: Sides of the canvas, in pixels.
        item: Longer side of a thing in training, in pixels.
        channels: Channels of the model, 1 (grey) or 3.

    Returns:
        `(canvas, canvas, channels)` float32 in [0, 1].
    """
    picture = _with_channels(picture, channels)
    size = tf.shape(picture)[:2]
    whole = tf.reduce_all(size == canvas)
    if channels == 1:
        border = tf.concat([t[..., 0] for t in (picture[0], picture[-1], picture[:, 0], picture[:, -1])], 0)
        inverted = tf.logical_and(tf.reduce_mean(border) > 0.5, tf.logical_not(whole))
        picture = tf.where(inverted, 1.0 - picture, picture)
    longer = tf.reduce_max(size)
    ratio = tf.where(whole, 1.0, tf.minimum(1.0, item / tf.cast(longer, tf.float32)))
    size = tf.maximum(1, tf.cast(tf.round(tf.cast(size, tf.float32) * ratio), tf.int32))
    picture = tf.clip_by_value(tf.image.resize(picture, size, antialias=True), 0.0, 1.0)
    picture = tf.image.resize_with_crop_or_pad(picture, canvas, canvas)
    return tf.ensure_shape(picture, (canvas, canvas, channels))


def _with_channels(picture: tf.Tensor, channels: int) -> tf.Tensor:
    """Returns the picture over black, in grey or in colours."""
    depth = tf.shape(picture)[-1]
    has_opacity = tf.logical_or(depth == 2, depth == 4)
    opacity = tf.where(has_opacity, picture[..., -1:], 1.0)
    colours = picture[..., : depth - tf.cast(has_opacity, tf.int32)] * opacity
    shape = tf.concat([tf.shape(picture)[:2], [3]], 0)
    colours = tf.broadcast_to(colours, shape)
    return colours if channels == 3 else tf.tensordot(colours, tf.constant(_LUMINANCE), 1)[..., None]


def decode_pictures(
    encoded: tf.Tensor, fit: Callable[[tf.Tensor], tf.Tensor], shape: tuple[int, int, int]
) -> tf.Tensor:
    """Decodes image files inside a graph, for an exported model.

    Args:
        encoded: `(batch,)` strings: PNG, JPEG, BMP, or GIF, of which the first frame.
        fit: Makes a decoded picture, float in [0, 1], into one of a fixed size.
        shape: Shape of what `fit` returns.

    Returns:
        `(batch, *shape)` float32.
    """

    def decode(content: tf.Tensor) -> tf.Tensor:
        return fit(tf.cast(decode_picture(content), tf.float32) / 255.0)

    return tf.map_fn(decode, encoded, fn_output_signature=tf.TensorSpec(shape, tf.float32))
