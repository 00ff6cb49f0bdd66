"""Where media may lie: below the data root, and if not, what to do."""

from pathlib import Path

import pytest

from veggie_pl.prepare.layouts.annotations import listed
from veggie_pl.video.media import MediaError, inside


def test_a_folder_that_is_a_link_out_says_which_root_holds_both(tmp_path: Path) -> None:
    root, other = tmp_path / "lists", tmp_path / "videos"
    root.mkdir()
    other.mkdir()
    (other / "a.mp4").touch()
    (root / "clips").symlink_to(other)
    with pytest.raises(MediaError, match=rf"^clips/a\.mp4: .* outside the data root .* --root, such as {tmp_path},"):
        inside(root, "clips/a.mp4")
    assert inside(tmp_path, "videos/a.mp4") == other / "a.mp4"


def test_an_absolute_path_below_the_root_is_told_as_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"is absolute; write it from the data root on: a/b\.png$"):
        inside(tmp_path, str(tmp_path / "a/b.png"))


@pytest.mark.parametrize("name", ["loop", "loop/a.png", "a/../loop", "n" * 300, "a\0b"])
def test_paths_that_no_file_can_have_are_one_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("other")
    (tmp_path / "other").symlink_to("loop")
    try:
        assert not inside(tmp_path, name).is_file()
    except MediaError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert "leads to no file" in str(error)  # noqa: PT017


def test_a_folder_is_listed_around_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "fine.png").symlink_to("a.png")
    assert listed(tmp_path, ".") == {"a.png", "fine.png"}
