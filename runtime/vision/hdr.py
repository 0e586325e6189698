"""HDR pictures for eyes and networks that know SDR: PQ and HLG as a BT.709 screen shows them.

Taken for SDR, such a picture is grey and dark. What is right goes from code values to light
(BT.2100), brings the light's range to a screen's (a roll-off below its diffuse white, which
BT.2408 puts at 203 cd/m2), the primaries of BT.2020 to those of BT.709 (BT.2087), and light
to code values (BT.1886). For a frame of 1080p that would take some 60 ms; a curve a channel
and one matrix, fitted to it over the colours of real scenes, take a fifth of that.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

#: FFmpeg's numbers of the transfer functions: SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG).
PQ, HLG = 16, 18

#: What a picture's diffuse white may be, in cd/m2: what SDR screens have it at, to BT.2408.
#: In steps that nobody sees.
_WHITES = tuple(float(white) for white in np.geomspace(100, 203, 16))

#: Part of white up to which light stays as it is; above, it nears the screen's greatest.
_KNEE = 0.8

#: Peak of the screen that HLG is shown on, in cd/m2, and its system gamma (BT.2100).
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2

#: BT.2020's primaries in BT.709's (BT.2087-0, equation of M2).
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)

#: Weights of BT.2020's luminance.
_LUMA = np.array([0.2627, 0.6780, 0.0593])

#: Share of the brightest pixels that are highlights, not white.
_HIGHLIGHTS = 0.005

#: Part of the way to a picture's own white that the stream's goes with it.
_FOLLOW = 0.05

#: A pixel of so many a side tells the picture's white.
_SPARSE = 16


def light_of_pq(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light in cd/m2 of PQ's code values in [0, 1] (BT.2100-2, table 4)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.clip(code, 0, 1) ** (1 / m2)
    return 10_000.0 * np.asarray((np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1))


def light_of_hlg(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light in cd/m2 of HLG's code values in [0, 1], (..., 3) RGB (BT.2100-2, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    code = np.clip(code, 0, 1)
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    luminance = np.maximum(scene @ _LUMA, 1e-9)[..., None]
    return np.asarray(_HLG_PEAK * luminance ** (_HLG_GAMMA - 1) * scene)


def sdr_of_light(light: NDArray[np.float64], white: float) -> NDArray[np.float64]:
    """Code values in [0, 1] that a BT.709 screen shows light with.

    Args:
        light: (..., 3) RGB of BT.2020's primaries in cd/m2.
        white: The picture's diffuse white in cd/m2.
    """
    return np.asarray(np.clip(_rolled(light / white) @ _TO_709.T, 0, 1) ** (1 / 2.4))


class HdrStream:
    """Shows the HDR pictures of a stream in SDR; one thread at a time."""

    def __init__(self) -> None:
        """Has seen no picture."""
        self._white: float | None = None

    def to_sdr(self, image: NDArray[np.uint8], transfer: int) -> NDArray[np.uint8]:
        """A picture as a BT.709 screen shows it.

        Args:
            image: (H, W, 3) uint8 BGR code values, with BT.2020's primaries.
            transfer: `PQ` or `HLG`.

        Returns:
            (H, W, 3) uint8 BGR.
        """
        wanted = self._follow(image, transfer)
        white = min(_WHITES, key=lambda one: abs(one - wanted))
        curve, matrix = _fitted(transfer, white)
        return np.asarray(cv2.transform(cv2.LUT(image, curve), matrix), np.uint8)

    def _follow(self, image: NDArray[np.uint8], transfer: int) -> float:
        """The stream's diffuse white by now: what is brightest in its pictures, slowly."""
        brightest = image[::_SPARSE, ::_SPARSE].max(-1)
        code = np.full(3, np.quantile(brightest, 1 - _HIGHLIGHTS) / 255)
        light = float(_light(code, transfer)[0])
        bright = min(max(light, _WHITES[0]), _WHITES[-1])
        before = bright if self._white is None else self._white
        self._white = before + _FOLLOW * (bright - before)
        return self._white


def _light(code: NDArray[np.float64], transfer: int) -> NDArray[np.float64]:
    return light_of_pq(code) if transfer == PQ else light_of_hlg(code)


def _rolled(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light as parts of white, brought below 1: by its greatest part, so that colours stay."""
    peak = np.maximum(scaled.max(-1, keepdims=True), 1e-9)
    above = _KNEE + (1 - _KNEE) * -np.expm1(-(peak - _KNEE) / (1 - _KNEE))
    return np.asarray(scaled * np.where(peak <= _KNEE, peak, above) / peak)


@cache
def _fitted(transfer: int, white: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A curve for each channel, (256,) uint8, and the matrix after it, (3, 3) for BGR.

    The curve is exact for greys. The matrix is that of least squares between the curve's
    results and the exact ones, over colours as saturated as skin and cloth are.
    """
    greys = np.repeat(np.linspace(0, 1, 256)[:, None], 3, axis=1)
    curve = (_rolled(_light(greys, transfer) / white) ** (1 / 2.4))[:, 0]
    shades = np.arange(1, 256)
    least = int(np.searchsorted(curve, 0.1))
    most = int(np.searchsorted(curve, 0.95))
    mean = shades[(shades >= least) & (shades <= most)][::4]
    spread = np.linspace(-0.08, 0.08, 7) * 255
    red, green, blue, grey = np.meshgrid(spread, spread, spread, mean, indexing="ij")
    codes = np.stack([grey + red, grey + green, grey + blue], axis=-1).reshape(-1, 3)
    codes = np.clip(np.rint(codes), 0, 255).astype(int)
    exact = sdr_of_light(_light(codes / 255, transfer), white)
    coded, matrix = curve[codes], np.eye(3)
    for channel in range(3):
        # Its rows add up to 1, so that greys stay as the curve makes them.
        others = [other for other in range(3) if other != channel]
        apart = coded[:, others] - coded[:, [channel]]
        shares = np.linalg.lstsq(apart, exact[:, channel] - coded[:, channel], rcond=None)[0]
        matrix[channel, others] = shares
        matrix[channel, channel] = 1 - shares.sum()
    table: NDArray[np.uint8] = np.rint(curve * 255).astype(np.uint8)
    return table, np.ascontiguousarray(matrix[::-1, ::-1], np.float32)
