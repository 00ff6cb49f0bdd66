"""Videos with an alpha channel through PyAV: ProRes 4444 in .mov for editing programs, VP9 in .webm for browsers."""

from collections.abc import Sequence

import av

from veggie_pl.video.encoder import Encoder

_KINDS: dict[str, tuple[str, str, dict[str, str]]] = {  # suffix -> encoder, pixel format, options
    ".mov": ("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "8"}),
    # Alternate reference frames would carry no alpha. A constant quality, low as that of our .mp4.
    ".webm": ("libvpx-vp9", "yuva420p", {"crf": "10", "b": "0", "auto-alt-ref": "0", "cpu-used": "4"}),
}
ALPHA = frozenset(_KINDS)


class AlphaEncoder(Encoder):
    """Takes frames one after another; ``close`` ends the file. Alpha is straight: colours are not multiplied by it.

    Args:
        place: What ``av.open`` takes: an address, or a file to write to.
        suffix: One of ``ALPHA``.
        ticks: When each frame appears, and one more; in parts of a second. A .webm rounds to milliseconds.
        rate: Parts of a second.
    """

    layout = "rgba"

    def __init__(self, place: str, suffix: str, ticks: Sequence[int], rate: int) -> None:
        super().__init__(place, ticks, rate)
        self.suffix = suffix

    def begin(self, height: int, width: int) -> None:
        """Open the file and its stream."""
        name, pixels, options = _KINDS[self.suffix]
        container = {"video_track_timescale": str(self._rate)} if self.suffix == ".mov" else {}
        self._file = av.open(self.place, "w", format=self.suffix[1:], container_options=container)
        self.add_stream(name, height, width, pixels, options)
