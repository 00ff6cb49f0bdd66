"""One sampling run over a clip that is longer than the network takes (MultiDiffusion, arXiv:2302.08113, along time)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.diffusion.process import Process, Run
from veggie_pl.diffusion.sampler import Constrain, Latents, Prediction
from veggie_pl.errors import UseError

NoiseOf = Callable[[range], Latents]  # standard normal noise of these frames
GeneratorsOf = Callable[[range], Sequence[torch.Generator]]  # what stochastic schedulers draw from, for these frames
ConstrainOf = Callable[[range], Constrain | None]  # what may change latents of these frames after each step


@dataclass
class _Segment:
    """Frames from the start of one window to that of the next: they become final when that window does."""

    frames: range
    run: Run
    generators: Sequence[torch.Generator]
    latents: Latents
    joined: Latents | None = None  # weighted predictions of this step so far
    constrain: Constrain | None = None


@torch.no_grad()
def denoise_over_windows(
    windows: Sequence[range],
    predictions: Iterable[Prediction],
    process: Process,
    num_steps: int,
    shape: Sequence[int],
    noise_of: NoiseOf,
    generators_of: GeneratorsOf = lambda frames: (),
    constrain_of: ConstrainOf = lambda frames: None,
    on_step: Callable[[int], None] | None = None,
) -> Iterator[tuple[range, Latents]]:
    """Sample all windows together: at every step the predictions of those that share a frame are blended.

    The result is that of one run over the whole clip, its predictions joined by ``blend_weights``. It is computed as a
    wave: a window takes a step as soon as all windows that touch its frames have done the one before. What is held are
    the windows that are under way, one for each step where they overlap by at most half, however long the clip is.

    Args:
        windows: Latent frames of each window, in order, each starting and ending later than the one before.
        predictions: The guided prediction of each window; one is taken when those before are under way.
        process: Of the model.
        num_steps: Of sampling.
        shape: Of the latents (f, c, h, w) of one window: schedules may depend on the size.
        noise_of: What sampling starts from.
        generators_of: For stochastic schedulers.
        constrain_of: Asked for frames when all windows that have them are under way; see ``sample_latents``.
        on_step: Called after every step of every window with the number of steps done in it.

    Yields:
        Frames and their latents, in order.

    Raises:
        UseError: If no window has some frame, or ``num_steps`` is out of range.
    """
    if not 1 <= num_steps <= process.num_timesteps:
        raise UseError(f"num_steps must be in 1 .. {process.num_timesteps}, got {num_steps}")
    weights = blend_weights(windows)
    starts = [window.start for window in windows]
    ends = [*starts[1:], windows[-1].stop]
    last = [sum(start < window.stop for start in starts) - 1 for window in windows]  # segment that a window reaches
    segments: dict[int, _Segment] = {}
    under_way: dict[int, Prediction] = {}
    following = [0] * num_steps  # the window that takes each step next

    def segment(index: int) -> _Segment:
        if index not in segments:
            frames = range(starts[index], ends[index])
            run = process.sampling(num_steps, shape)
            segments[index] = _Segment(frames, run, generators_of(frames), run.start(noise_of(frames)))
        return segments[index]

    def advance(index: int, step: int) -> None:
        window, parts = windows[index], [segment(part) for part in range(index, last[index] + 1)]
        timestep = parts[0].run.timesteps[step]
        noisy = torch.cat([part.run.shown(part.latents, timestep) for part in parts], 1)[:, : len(window)]
        predicted = under_way[index](noisy, timestep.to(noisy.device).expand(len(noisy)))
        weighted = weights[index].to(predicted)[None, :, None, None, None] * predicted
        for part in parts:
            own = weighted[:, part.frames.start - window.start : part.frames.stop - window.start]
            if part.joined is None:
                part.joined = own.new_zeros(part.latents.shape)
            part.joined[:, : own.shape[1]] += own
        final = parts[0]  # of its frames no later window has any
        assert final.joined is not None
        final.latents = final.run.step(final.joined, timestep, final.latents, final.generators)
        final.joined = None
        if step == 0:
            final.constrain = constrain_of(final.frames)
        if final.constrain is not None:
            left = final.run.timesteps[step + 1] if step + 1 < num_steps else torch.zeros_like(timestep)
            final.latents = final.constrain(final.latents, left.to(noisy.device))

    for arrived, predict in enumerate(predictions):
        under_way[arrived] = predict
        for step in range(num_steps):
            while (index := following[step]) <= arrived and (step == 0 or following[step - 1] > last[index]):
                advance(index, step)
                following[step] += 1
                if on_step is not None:
                    on_step(step + 1)
                if step + 1 == num_steps:
                    done = segments.pop(index)
                    del under_way[index]
                    yield done.frames, done.latents


def blend_weights(windows: Sequence[range]) -> list[Float[Tensor, " f"]]:
    """Give each window's weight on its frames, which sum to 1 for every frame: a triangle, scaled.

    Raises:
        UseError: If no window has some frame; the message names the first.
    """
    num_frames = max(window.stop for window in windows)
    total = torch.zeros(num_frames, dtype=torch.float64)
    raised = []
    for window in windows:
        from_start = torch.arange(1, len(window) + 1, dtype=torch.float64)
        raised.append(torch.minimum(from_start, from_start.flip(0)))
        total[window.start : window.stop] += raised[-1]
    if len(left := torch.nonzero(total == 0)):
        raise UseError(f"no window has frame {int(left[0])} of {num_frames}")
    return [weight / total[window.start : window.stop] for window, weight in zip(windows, raised, strict=True)]
