"""The model's own mask of a long clip: windows that are sampled together are also asked together where the edit is."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.batch import Clip, Mask, Skill
from veggie_pl.data.instructions.sought import LOCAL, Pointing, pointing_at, sought_phrase
from veggie_pl.inference.long_clips import Window
from veggie_pl.inference.together import Anchors, Asked, edit_together
from veggie_pl.masks.soften import mix_region
from veggie_pl.masks.steer import steer, widened
from veggie_pl.masks.unpaint import unpaint
from veggie_pl.model import VeggieModel

log = logging.getLogger(__name__)
ReadTokens = Callable[[Asked], Anchors | None]
Part = tuple[range, Bool[Tensor, "_ _ _"] | Float[Tensor, "_ 3 _ _"]]  # frames, and a mask or picture of each


def edit_together_keeping(
    module: VeggieModel,
    skill: Skill | None,
    places: Sequence[range],
    windows: Iterable[Window],
    asked: Asked,
    read_tokens: ReadTokens = lambda asked: None,
) -> Iterator[tuple[Window, Clip]]:
    """Edit the windows of one clip together and leave alone what the request is not about, as ``edit_keeping`` does.

    Question and edit are two waves, one behind the other, so that what is held does not grow with the clip. Windows in
    which the thing is not found are edited whole, and the log says so. Where it is found but changed too little to be
    trusted, the edit stays as it is; no window is edited twice.

    Args:
        module: Its codec has a latent for each frame.
        skill: What is asked for; None where no rule knows.
        places: Frames of all windows.
        windows: What is edited, without regions.
        asked: The request.
        read_tokens: Task tokens of a request about the source for all windows; None lets the MLLM read each window.

    Yields:
        Frames that no later window changes, as they were and edited.
    """
    phrase = sought_phrase(asked.instruction, skill)
    if skill not in LOCAL or not phrase:
        if skill in LOCAL:
            _tell(asked, "no rule knows what it is about", None)
        yield from edit_together(module, places, windows, asked, read_tokens(asked))
        return
    pointing = pointing_at(phrase)
    grounding = module.guidance[Skill.GROUNDING]
    question = replace(asked, instruction=pointing.instruction, guidance=grounding, on_step=None, purpose="where")
    if skill is Skill.ADDITION:  # what is added is in the edit alone, of which no frame is known before
        edits = edit_together(module, places, windows, asked, read_tokens(asked))
        yield from _look_in_edit(module, places, edits, question, pointing, asked)
    else:
        yield from _look_in_source(module, places, windows, question, pointing, asked, read_tokens)


def _look_in_edit(
    module: VeggieModel,
    places: Sequence[range],
    edits: Iterable[tuple[Window, Clip]],
    question: Asked,
    pointing: Pointing,
    asked: Asked,
) -> Iterator[tuple[Window, Clip]]:
    sources: deque[Window] = deque()

    def parts() -> Iterator[Part]:
        for source, edited in edits:
            sources.append(source)
            yield source.frames, edited

    shown = (Window(place, clip) for place, clip in in_windows(places, parts()))
    for window, painted in edit_together(module, places, shown, question):
        source = sources.popleft()  # windows become final in the same parts, being the same
        region, why = steer(unpaint(painted, window.clip, pointing.fill), window.clip, source.clip)
        if why:
            _tell(asked, why, source.frames)
        yield source, window.clip if why else mix_region(window.clip, source.clip, region)


def _look_in_source(
    module: VeggieModel,
    places: Sequence[range],
    windows: Iterable[Window],
    question: Asked,
    pointing: Pointing,
    asked: Asked,
    read_tokens: ReadTokens,
) -> Iterator[tuple[Window, Clip]]:
    sources: deque[Window] = deque()
    masks: deque[Mask] = deque()

    def seen() -> Iterator[Window]:
        for window in windows:
            sources.append(window)
            yield window

    def found() -> Iterator[Part]:
        for window, painted in edit_together(module, places, seen(), question, read_tokens(question)):
            masks.append(unpaint(painted, window.clip, pointing.fill))
            yield window.frames, masks[-1]

    def aimed() -> Iterator[Window]:
        for place, mask in in_windows(places, found()):
            if not bool(mask.any()):
                _tell(asked, "it was not found", place)
            yield sources.popleft()._replace(region=(widened(mask) > 0).float() if bool(mask.any()) else None)

    for window, edited in edit_together(module, places, aimed(), asked, read_tokens(asked)):
        mask = masks.popleft()
        region, why = steer(mask, edited, window.clip)
        if why and bool(mask.any()):
            _tell(asked, why, window.frames, "all near it")
        yield window, edited if why else mix_region(edited, window.clip, region)


def in_windows(places: Sequence[range], parts: Iterable[Part]) -> Iterator[Part]:
    """Lay windows over what comes in other parts; each is given as soon as its last frame is there.

    >>> frames = torch.arange(6).view(6, 1, 1) > 2
    >>> parts = in_windows([range(0, 4), range(3, 6)], [(range(0, 3), frames[:3]), (range(3, 6), frames[3:])])
    >>> [(place, some.flatten().tolist()) for place, some in parts]
    [(range(0, 4), [False, False, False, True]), (range(3, 6), [True, True, True])]
    """
    waiting: dict[int, Tensor] = {}
    left = deque(places)
    for frames, known in parts:
        waiting.update(zip(frames, known, strict=True))
        while left and left[0].stop <= frames.stop:
            place = left.popleft()
            yield place, torch.stack([waiting[number] for number in place])
            for number in range(place.start, left[0].start if left else place.stop):
                del waiting[number]


def _tell(asked: Asked, why: str, frames: range | None, free: str = "all of the picture") -> None:
    where = "" if frames is None else f", frames {frames[0]} to {frames[-1]}"
    log.info("%r%s: %s, so %s may change", asked.instruction, where, why, free)
