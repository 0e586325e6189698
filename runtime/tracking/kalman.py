"""The motion of a tracked face: a Kalman filter for each coordinate."""

from __future__ import annotations

#: What the filter expects, in sides: a face's acceleration a second squared
#: (a walking head's, found on synthetic crossings), and a detected centre's error.
_ACCELERATION, _ERROR = 1.5, 0.03


class Motion:
    """Kalman filter of one coordinate: constant velocity, white acceleration.

    Bar-Shalom et al. 2001, "Estimation with Applications to Tracking and
    Navigation", section 6.3.2; units are pixels and seconds.
    """

    def __init__(self, place: float, side: float) -> None:
        self.place, self.speed = place, 0.0
        # Covariance of place and speed; a new face may move by two sides a second.
        self._pp, self._pv, self._vv = (_ERROR * side) ** 2, 0.0, (2 * side) ** 2

    def rescale(self, factor: float) -> None:
        """Goes on in other pixels."""
        self.place, self.speed = self.place * factor, self.speed * factor
        self._pp, self._pv, self._vv = (v * factor**2 for v in (self._pp, self._pv, self._vv))

    def update(self, place: float, elapsed_s: float, side: float) -> None:
        """Takes a measured place after some time without one."""
        t, power = elapsed_s, (_ACCELERATION * side) ** 2
        self.place += self.speed * t
        self._pp += 2 * t * self._pv + t * t * self._vv + power * t**3 / 3
        self._pv += t * self._vv + power * t * t / 2
        self._vv += power * t
        total = self._pp + (_ERROR * side) ** 2
        gain, pull = self._pp / total, self._pv / total
        off = place - self.place
        self.place += gain * off
        self.speed += pull * off
        self._vv -= pull * self._pv
        self._pv *= 1 - gain
        self._pp *= 1 - gain
