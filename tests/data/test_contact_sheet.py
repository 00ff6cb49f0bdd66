import numpy as np
import pytest
import torch
from support.examples import changed
from support.parts import make_data

from veggie_pl.batch import Sample, Skill
from veggie_pl.data import contact_sheet as sheets
from veggie_pl.data.contact_sheet import HEIGHT, contact_sheet, grouped_sheet
from veggie_pl.data.records import BadRecordError


def samples(num: int, num_frames: int = 2) -> list[Sample]:
    data = make_data(num_frames=num_frames)
    return [data.mixture[i][1] for i in range(num)]


def painted(num_frames: int = 1) -> Sample:
    return next(sample for sample in samples(20, num_frames) if sample.example.skill is Skill.GROUNDING)


def shows(sheet: np.ndarray, color: tuple[int, int, int]) -> int:
    """Pixels of exactly this colour."""
    return int((sheet == np.array(color)).all(-1).sum())


def test_contact_sheet_shows_every_sample() -> None:
    two, five = contact_sheet(samples(2), columns=2), contact_sheet(samples(5), columns=2)
    assert five.shape[0] >= 2.5 * two.shape[0] * 0.8
    assert five.dtype == np.uint8


def test_an_image_has_its_pictures_beside_each_other_and_a_clip_below() -> None:
    image, clip = contact_sheet([painted(1)]), contact_sheet([painted(4)])
    assert image.shape[1] > 4 * HEIGHT > image.shape[0]
    assert clip.shape[0] > 4 * HEIGHT


def test_painted_samples_show_what_is_read_back_and_others_do_not() -> None:
    sample = painted()
    white = shows(contact_sheet([sample]), (255, 255, 255))
    spoiled = changed(sample, target=sample.source)  # nothing to read: a black picture instead of the mask
    area = int(sample.mask.sum()) * (HEIGHT // 16) ** 2
    assert white - shows(contact_sheet([spoiled]), (255, 255, 255)) > area / 2
    edited = changed(sample, skill=Skill.REMOVAL)
    black = HEIGHT**2 - area  # of one picture of a mask
    assert shows(contact_sheet([sample]), (0, 0, 0)) - shows(contact_sheet([edited]), (0, 0, 0)) >= black


@pytest.mark.parametrize("skill", [Skill.GROUNDING, Skill.REMOVAL])
def test_samples_without_a_target_are_shown_without(skill: Skill) -> None:
    sample = changed(painted(4), skill=skill)
    asked = contact_sheet([changed(sample, target=None)])
    assert asked.shape[0] < contact_sheet([sample]).shape[0] - HEIGHT


def test_what_cannot_be_read_shows_its_error_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    caption = sheets.caption

    def listen(text: str, *args: object, **options: object) -> np.ndarray:
        said.append(text)
        return caption(text, *args, **options)

    monkeypatch.setattr(sheets, "caption", listen)
    first, third = samples(2)
    sheet = contact_sheet([first, BadRecordError("clips/7", "the video has no frames"), third], columns=3)
    assert sheet.shape == contact_sheet([first, first, third], columns=3).shape
    assert {"cannot be read", "the video has no frames", "clips/7", first.example.key, third.example.key} <= set(said)


def test_groups_are_below_each_other_under_their_titles() -> None:
    some = samples(2)
    one, two = grouped_sheet({"editing": some}), grouped_sheet({"editing": some, "grounding": some})
    assert two.shape[0] == 2 * one.shape[0]
    assert two.shape[1] == one.shape[1]
    empty = grouped_sheet({"editing": some, "grounding": []})
    assert one.shape[0] < empty.shape[0] < one.shape[0] + 60


def test_cells_of_all_rows_are_of_one_width() -> None:
    images = samples(4, 1)
    narrow = [sample for sample in images if not sample.example.skill.is_painted]
    sheet = contact_sheet([*narrow[:1], painted()], columns=1)
    assert sheet.shape[1] == contact_sheet([painted()], columns=1).shape[1]
    assert torch.equal(images[0].source, samples(1, 1)[0].source)
