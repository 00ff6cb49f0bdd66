"""Layers of a pair: which picture has a front, and what is behind it."""

import numpy as np
from support.stills import boxed, still_of, textured

from veggie_pl.batch import Skill
from veggie_pl.synthesis.layers import difference, in_layers

BOX = boxed()


def test_thing_that_is_added_or_removed_has_the_other_picture_behind_it() -> None:
    source, target = in_layers(still_of(BOX.source, BOX.target, Skill.ADDITION))
    assert not source.alpha.any()
    assert target.alpha.max() == 1
    assert np.array_equal(target.behind, BOX.source)
    source, target = in_layers(still_of(BOX.target, BOX.source, Skill.REMOVAL))
    assert source.alpha.max() == 1
    assert np.array_equal(source.behind, BOX.source)
    assert not target.alpha.any()


def test_changed_thing_is_in_front_of_one_background() -> None:
    source, target = in_layers(BOX)
    assert np.array_equal(source.alpha, target.alpha)
    assert (source.alpha[difference(BOX)] == 1).all()
    assert np.array_equal(source.behind, target.behind)
    assert np.abs(source.behind.astype(int) - BOX.target)[20:28, 24:30].mean() > 30  # the box is gone


def test_what_stays_is_in_front_of_another_background() -> None:
    picture = textured()
    other = 255 - picture
    other[10:30, 10:30] = picture[10:30, 10:30]
    source, target = in_layers(still_of(picture, other, Skill.BACKGROUND))
    assert (source.alpha[14:26, 14:26] == 1).all()
    assert source.alpha[40:, 40:].max() == 0
    assert (source.behind != target.behind).any()


def test_change_of_all_has_no_front() -> None:
    for skill in (Skill.STYLIZATION, Skill.CHANGING):
        for layers in in_layers(still_of(BOX.source, 255 - BOX.source, skill)):
            assert not layers.alpha.any()
