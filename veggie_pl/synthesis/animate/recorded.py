"""A real video in place of an animation: what is made of it can be the source, and it the target."""

from functools import cached_property

from veggie_pl.errors import UseError, one_line
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.protocols import Animation, Description, ItemError, Still
from veggie_pl.synthesis.stills import RecordedStill
from veggie_pl.video.clip import IMAGE_FPS, ClipError


class RecordedVideo:
    """Implements ``Animator`` by the video whose first frame the picture is; see ``--moved target``.

    Its frames are taken from the first one on, at even distances.

    Args:
        num_frames: Of a clip, at least 2.
        stride: Frames of the video from one to the next.

    Raises:
        UseError: If a number is too small.
    """

    stored = False  # decoding is all there is to it

    def __init__(self, num_frames: int = 8, stride: int = 1) -> None:
        if num_frames < 2 or stride < 1:
            raise UseError(f"a clip needs at least 2 frames and a stride of 1, got {num_frames} and {stride}")
        self.num_frames, self.stride = num_frames, stride

    @cached_property
    def digest(self) -> str:
        """Class and parameters; the video is told by the still's own digest."""
        return digest_of_step(self, 1, num_frames=self.num_frames, stride=self.stride)

    def animate(self, still: Still, description: Description, seed: int) -> Animation:
        """Give the video's own frames.

        Raises:
            ItemError: If there is no video, it is too short or cannot be decoded.
        """
        video = still.video if isinstance(still, RecordedStill) else None
        if video is None:
            raise ItemError("the picture that is to move is no frame of a video")
        numbers = range(0, self.num_frames * self.stride, self.stride)
        if numbers[-1] >= len(video.numbers):
            raise ItemError(f"its video has {len(video.numbers)} frames, {numbers[-1] + 1} are needed")
        try:
            return Animation(video.frames(numbers), (video.file.info.fps or IMAGE_FPS) / self.stride)
        except ClipError as error:
            raise ItemError(one_line(error)) from error
