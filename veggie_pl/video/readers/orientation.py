"""Which way up: the display matrix that phones write instead of turning the picture."""

import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class Turn:
    """What to do to a decoded frame, in this order; matrices between right angles count as the nearest one."""

    swaps: bool = False  # rows become columns
    flips_x: bool = False  # then left becomes right
    flips_y: bool = False  # then top becomes bottom

    @classmethod
    def of_matrix(cls, data: bytes) -> "Turn":
        """From the nine 32-bit numbers of FFmpeg's side data: x' = a x + c y, y' = b x + d y."""
        a, b, _, c, d = struct.unpack_from("=5i", data)
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    def __call__(self, frame: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h2 w2 c"]:
        """Return the frame as it is meant to be seen."""
        if self.swaps:
            frame = frame.transpose(1, 0, 2)
        return frame[:: -1 if self.flips_y else 1, :: -1 if self.flips_x else 1]
