"""Each fault that a row may have, by hand; and rows that have none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.examples import changed
from support.fake import pattern

from veggie_pl.batch import Example, Skill
from veggie_pl.check.examine import Finding, examine, lag_of
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import Rle, encode
from veggie_pl.video.clip import to_clip
from veggie_pl.video.media import Media
from veggie_pl.video.writer import write_clip

FRAMES = 12
PAIR = Row(Example("pair", Skill.REMOVAL, "remove it"), (Media("in.mp4"),), (Media("out.mp4"),))


def square(share: float = 0.5) -> Rle:
    mask = np.zeros((48, 64), bool)
    mask[:, : int(64 * share)] = True
    return encode(mask)


POINTED = Row(
    Example("mask", Skill.GROUNDING, phrase="square", fill="red"), (Media("in.mp4"),), mask=(square(),) * FRAMES
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    clip = pattern(FRAMES, 64, 48)
    blank = clip.copy()
    blank[:, 20:36] = clip[:, :16]  # the square is gone
    tinted = (clip * np.array([0.5, 1.0, 0.8])).astype(np.uint8)
    clips = {
        "in": clip,
        "copy": clip,
        "out": blank,
        "tinted": tinted,
        "late": np.concatenate([tinted[:1], tinted[:1], tinted[:-2]]),
        "early": np.concatenate([tinted[1:], tinted[-1:]]),
        "short": clip[:7],
        "wide": clip[:, :20],
        "still": clip[:1].repeat(FRAMES, 0),
    }
    for name, frames in clips.items():
        write_clip(folder / f"{name}.mp4", to_clip(frames))
    cv2.imwrite(str(folder / "frame.png"), clip[0, ..., ::-1])
    cv2.imwrite(str(folder / "again.bmp"), clip[0, ..., ::-1])
    return folder


def target(name: str) -> Row:
    return changed(PAIR, target=(Media(f"{name}.mp4"),))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (PAIR, ""),
        (POINTED, ""),
        (target("tinted"), ""),
        (target("copy"), "the target shows no change"),
        (target("late"), "the target lags by 2 frames"),
        (target("early"), "the target leads by 1 frames"),
        (target("still"), ""),  # a frozen target is no shifted one
        (target("short"), "the source has 12 frames, its target 7"),
        (target("wide"), "the source is 48 x 64 pixels, its target 20 x 64"),
        (target("gone"), "no such file"),
        (changed(PAIR, source=(Media("../x.mp4"),)), "outside the data root"),
        (changed(POINTED, mask=()), "it has no mask"),
        (changed(POINTED, mask=POINTED.mask[1:]), "12 frames, but there are 11 masks"),
        (changed(POINTED, mask=(square(0),) * FRAMES), "its mask is empty in all frames"),
        (changed(POINTED, mask=(*[square(0)] * (FRAMES - 1), square())), ""),
        (changed(POINTED, mask=(square(1),) * FRAMES), "its mask covers everything in all frames"),
        (changed(POINTED, mask=(Rle(48, 60, ""),) * FRAMES), "its mask 48 x 60"),
        (changed(POINTED, mask=(Rle(48, 64, "7"),) * FRAMES), "runs of"),
        (changed(POINTED, start=99.0), "from 99.0 s on lies behind its end"),
        (changed(PAIR, mask=(square(0),) * FRAMES), ""),  # an edit need not be local
    ],
    ids=str,
)
def test_reason(root: Path, row: Row, reason: str) -> None:
    found = examine(row, root)
    assert reason in found.reason
    assert bool(reason) == bool(found.reason)
    assert bool(found.source) != bool(found.reason)


def test_quick_looks_at_three_frames(root: Path) -> None:
    assert examine(target("late"), root, quick=True).reason == ""
    assert "7" in examine(target("short"), root, quick=True).reason
    assert examine(PAIR, root, quick=True).source != examine(PAIR, root).source


def test_hashes_are_of_content_and_not_of_files(root: Path) -> None:
    def seen(name: str, **changes: object) -> Finding:
        changes = {"key": name, "target": (), "source": (Media(name),), "mask": (square(),), **changes}
        return examine(changed(POINTED, **changes), root)  # type: ignore[arg-type]

    png, bmp = seen("frame.png"), seen("again.bmp")
    assert png == bmp  # the key is not part of an example
    assert seen("frame.png", phrase="other").source == png.source
    assert seen("frame.png", phrase="other").example != png.example
    assert seen("frame.png", mask=(square(0.25),)).example != png.example
    assert seen("in.mp4", mask=POINTED.mask).source != png.source


def test_lag_is_found_under_noise_and_not_where_there_is_none() -> None:
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(0, 6, (24, 32, 32, 3)), 0) + 128
    clip = walk.clip(0, 255).astype(np.uint8)
    noisy = (walk + rng.normal(0, 2, walk.shape)).clip(0, 255).astype(np.uint8)
    for lag in (-3, -1, 0, 2):
        shifted = noisy[np.arange(24).clip(max(0, lag)) - max(0, lag)] if lag > 0 else np.roll(noisy, lag, 0)
        assert lag_of(clip, shifted) == lag
    assert lag_of(clip, rng.integers(0, 256, clip.shape).astype(np.uint8)) == 0
    assert lag_of(clip[:5], clip[:5]) == 0
