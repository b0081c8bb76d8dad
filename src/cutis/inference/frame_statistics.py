"""Light, colour and grain of a frame in a few numbers, seen without the network.

Skin under a dermatoscope has few hues, soft light and one grain. A network trained on nothing else
may overlook that a picture is green; these numbers do not.
"""

import numpy as np
from PIL import Image

from cutis.checks import FloatArray, UInt8Array

SIDE_PX = 64  # frames of any size are reduced to it, so that grain has one meaning
_COARSE = 8  # along a side
_OPPONENT = np.array(  # columns: lightness, red against green, yellow against blue
    [[0.299, 1.0, 0.5], [0.587, -1.0, 0.5], [0.114, 0.0, -1.0]], dtype=np.float32
)
_HUE = np.array([[2.0, 0.0], [-1.0, 3**0.5], [-1.0, -(3**0.5)]], dtype=np.float32)
# Logarithms of spreads start here, so that a blank frame is far from others but not infinitely.
_FAINT = 0.005
STATISTICS = 17


def frame_statistics(frames: UInt8Array) -> FloatArray:
    """Numbers that describe frames of shape (n, h, w, 3).

    Returns:
        Shape (n, `STATISTICS`), float64. For lightness and the two opponent colours: mean,
        log spread, log slope from pixel to pixel, log spread of the coarse picture. Then mean and log
        spread of the saturation, how far the hues scatter, and the darkest and lightest 2 %.
    """
    small = np.stack([_reduced(frame) for frame in frames]).astype(np.float32) / 255
    channels = small @ _OPPONENT  # (n, SIDE_PX, SIDE_PX, 3)
    red, green, blue = np.moveaxis(small, 3, 0)
    lightest = np.maximum(np.maximum(red, green), blue)  # quicker than `max` along so short an axis
    saturation = lightest - np.minimum(np.minimum(red, green), blue)
    lightness = channels[..., 0].reshape(len(small), -1)
    return np.concatenate(
        [
            channels.mean(axis=(1, 2)),
            _log(channels.std(axis=(1, 2))),
            _log(_slope(channels).mean(axis=(1, 2))),
            _log(_coarse(channels).std(axis=(1, 2))),
            saturation.mean(axis=(1, 2))[:, None],
            _log(saturation.std(axis=(1, 2)))[:, None],
            _log(_hue_scatter(small, saturation))[:, None],
            np.percentile(lightness, (2, 98), axis=1).T,
        ],
        axis=1,
    ).astype(np.float64)


def _reduced(frame: UInt8Array) -> UInt8Array:
    size = (SIDE_PX, SIDE_PX)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))


def _log(spread: FloatArray) -> FloatArray:
    return np.asarray(np.log(spread + _FAINT))


def _slope(channels: FloatArray) -> FloatArray:
    across = np.diff(channels, axis=2)[:, 1:]
    down = np.diff(channels, axis=1)[:, :, 1:]
    return np.asarray(np.hypot(across, down))


def _coarse(channels: FloatArray) -> FloatArray:
    block = SIDE_PX // _COARSE
    blocks = channels.reshape(len(channels), _COARSE, block, _COARSE, block, 3)
    return np.asarray(blocks.mean(axis=(2, 4)))


def _hue_scatter(small: FloatArray, saturation: FloatArray) -> FloatArray:
    """0 where every coloured pixel has one hue, 1 where hues point everywhere; grey counts little."""
    vector = small @ _HUE
    length = np.hypot(vector[..., 0], vector[..., 1])
    unit = vector / np.maximum(length, 1e-6)[..., None]
    mean = (unit * saturation[..., None]).mean(axis=(1, 2))
    share = np.hypot(mean[:, 0], mean[:, 1]) / (saturation.mean(axis=(1, 2)) + 1e-6)
    return np.asarray(np.clip(1 - share, 0, 1))
