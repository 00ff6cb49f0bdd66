"""Names of edits: made unique or refused before anything is loaded, and what moves becomes a video."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.fake import write_fake

from veggie_pl.cli import main
from veggie_pl.errors import UseError
from veggie_pl.inference.edit_files import EditFiles, MaskFormat, output_name, plan_edits
from veggie_pl.outputs import OutputError
from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.readers.images import reads_avif

MOVING = ["webp", *(["avif"] if reads_avif() else [])]


def animated(path: Path, level: int = 60) -> Path:
    pictures = [Image.fromarray(np.full((16, 16, 3), level + 20 * k, np.uint8)) for k in range(3)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=125)
    return path


def still(path: Path) -> Path:
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(path)
    return path


def test_contents_tell_what_an_edit_is(tmp_path: Path) -> None:
    video = write_fake(tmp_path / "v.mp4", 3)
    shutil.copy(video, tmp_path / "named.png")
    shutil.copy(animated(tmp_path / "a.png"), tmp_path / "b.bmp")
    shutil.copy(still(tmp_path / "s.jpg"), tmp_path / "t.mp4")
    (tmp_path / "broken.webp").write_bytes(b"nothing")
    expected = {
        video: "v.mp4",
        tmp_path / "named.png": "named.mp4",
        tmp_path / "a.png": "a.mp4",
        tmp_path / "b.bmp": "b.mp4",
        animated(tmp_path / "c.webp"): "c.mp4",
        animated(tmp_path / "d.gif"): "d.mp4",
        still(tmp_path / "e.webp"): "e.webp",
        still(tmp_path / "f.PNG"): "f.PNG",
        still(tmp_path / "g.gif"): "g.png",
        **({animated(tmp_path / "h.avif"): "h.mp4", still(tmp_path / "i.avif"): "i.png"} if reads_avif() else {}),
        tmp_path / "s.jpg": "s.jpg",
        tmp_path / "t.mp4": "t.png",
        tmp_path / "broken.webp": "broken.webp",
        tmp_path / "missing.mov": "missing.mp4",
        tmp_path / "missing.tiff": "missing.tiff",
    }
    assert {source: output_name(source, Path("out")) for source in expected} == {
        source: Path("out") / name for source, name in expected.items()
    }


def names(sources: list[Path], masks: bool | MaskFormat = False) -> list[tuple[str, ...]]:
    return [
        tuple(path.name for path in (files.output, files.comparison, files.mask) if path)
        for files in plan_edits(sources, Path("out"), masks)
    ]


def test_sources_that_differ_in_their_suffix_get_names_of_their_own(tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("clip.gif", "clip.mov", "clip.mp4", "pic.jpg", "pic.png", "x.mkv")]
    assert [output for output, *_ in names(sources)] == [
        "clip_gif.mp4",
        "clip_mov.mp4",
        "clip.mp4",
        "pic.jpg",
        "pic_png.png",
        "x.mp4",
    ]
    assert names(sources, masks=True)[0] == ("clip_gif.mp4", "clip_gif_comparison.png", "clip_gif_mask.mp4")
    for kind, name in (("mov", "clip_gif_mask.mov"), ("json", "clip_gif_mask.json"), ("png", "clip_gif_mask")):
        assert names(sources, kind)[0][2] == name
    written = [name for group in names(sources, masks=True) for name in group]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize(
    ("sources", "masks"),
    [
        (["clip.gif", "clip.mp4", "clip_gif.mp4"], False),
        (["pic.png", "pic_comparison.png"], False),
        (["clip.mp4", "clip_mask.mp4"], True),
    ],
)
def test_names_that_clash_all_the_same_are_refused(sources: list[str], masks: bool, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"would be both the .* of .* and the .* of "):
        plan_edits([tmp_path / name for name in sources], Path("out"), masks)


def files(tmp_path: Path, **paths: str) -> EditFiles:
    write_fake(tmp_path / "in.mp4", 3)
    still(tmp_path / "ref.png")
    given = {"source": "in.mp4", "output": "out.mp4"} | paths
    return EditFiles(**{name: tmp_path / path for name, path in given.items()})


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ({"output": "in.mp4"}, "is the source itself; name another output"),
        ({"mask": "in.mp4"}, "is the source itself; name another mask"),
        ({"mask": "out.mp4"}, "both the output and the mask"),
        ({"mask": "out_comparison.png"}, "both the mask and the comparison picture"),
        ({"mask": ".out.mp4.partial"}, "both the mask and the half-written output"),
        ({"reference": "ref.png", "output": "ref.png"}, "is the reference itself; name another output"),
        ({"reference": "ref.png", "mask": "ref.png"}, "is the reference itself; name another mask"),
        ({"source": "out_comparison.png"}, "is the source itself; name another comparison picture"),
        ({"source": ".out.mp4.partial"}, "is the source itself; name another half-written output"),
        ({"output": "no/out.mp4"}, "the folder .* does not exist"),
        ({"output": "out.gif"}, "cannot write .gif; the choices are .mp4"),
        ({"mask": "mask.avi"}, "cannot write .avi as a mask; the choices are .mp4, .mov"),
        ({"output": "out.mov"}, "cannot write .mov"),
        ({"output": "out"}, "a name without suffix"),
        ({"mask": "."}, "holds in.mp4, and the folder of a mask is replaced whole"),
        ({"region": "ref.png", "output": "ref.png"}, "is the region itself; name another output"),
        ({"region": "masks", "mask": "masks"}, "is the region itself; name another mask"),
    ],
)
def test_outputs_are_judged_first(paths: dict[str, str], message: str, tmp_path: Path) -> None:
    made = files(tmp_path, **paths)
    with pytest.raises(UseError, match=message):
        made.check()


def test_output_that_cannot_hold_the_source_is_refused(tmp_path: Path) -> None:
    made = files(tmp_path, output="out.png")
    with pytest.raises(ClipError, match="an image holds one frame"):
        made.check_fits(ClipFile(made.source).info)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-o", "in.mp4"], "in.mp4 is the source itself"),
        (["-o", "out.mp4", "--mask", "./in.mp4"], "in.mp4 is the source itself; name another mask"),
        (["-o", "out.mp4", "--reference", "out_comparison.png"], "out_comparison.png is the reference itself"),
        (["-o", "out.png"], "out.png: an image holds one frame; name an .mp4 instead"),
        (["-o", "out.mp4", "--mask", "mask.png"], "mask.png: an image holds one frame"),
        (["-o", "out.gif"], "cannot write .gif"),
        (["-o", "no/out.mp4"], "does not exist"),
        (["-o", "out.mp4", "--reference", "none.png"], "none.png: no such file"),
    ],
)
def test_edit_judges_files_before_the_model(
    args: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = write_fake(Path("in.mp4"), 3).read_bytes()
    still(Path("out_comparison.png"))
    with pytest.raises(SystemExit, match=message) as error:
        main(["edit", "in.mp4", "remove it", *args, "--model", "no/such/model"])
    assert "\n" not in str(error.value)
    assert Path("in.mp4").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["in.mp4", "out_comparison.png"]


def test_predict_judges_its_whole_list_before_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clips").mkdir()
    before = write_fake(Path("clips/a.mp4"), 3).read_bytes()
    Path("linked").symlink_to("clips")
    for output in ("clips", "clips/../clips", "linked"):
        with pytest.raises(SystemExit, match="is the folder of the sources itself; name another output"):
            main(["predict", "clips", "remove it", "-o", output, "--model", "no/such/model"])
    still(Path("clips/a_comparison.png"))
    still(Path("clips/a.png"))
    with pytest.raises(SystemExit, match=r"a_comparison.png would be both"):
        main(["predict", "clips", "remove it", "-o", "out", "--model", "no/such/model"])
    Path("out").symlink_to("clips/a.mp4")
    assert Path("clips/a.mp4").read_bytes() == before
    assert not Path("out").is_dir()


def test_predict_edits_clips_of_one_name_and_animations(tmp_path: Path, model_folder: Path) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    write_fake(clips / "clip.mp4", 3)
    animated(clips / "clip.gif", 150)
    for kind in MOVING:
        animated(clips / f"moving_{kind}.{kind}")
    still(clips / "pic.png")
    (clips / "._pic.png").write_bytes(b"attributes")
    (clips / ".DS_Store").write_bytes(b"attributes")
    main(["predict", str(clips), "make it sepia", "-o", str(out), "--model", str(model_folder), "--steps", "1"])
    made = sorted(path.name for path in out.iterdir() if "_comparison" not in path.name)
    moving = {f"moving_{kind}.mp4": f"moving_{kind}.{kind}" for kind in MOVING}
    assert made == sorted(["clip.mp4", "clip_gif.mp4", *moving, "pic.png"])
    assert len(list(out.iterdir())) == 2 * len(made)
    for name, source in {"clip.mp4": "clip.mp4", "clip_gif.mp4": "clip.gif", **moving}.items():
        edit, own = ClipFile(out / name), ClipFile(clips / source)
        assert (edit.info.height, edit.info.width) == (own.info.height, own.info.width)
        assert np.abs(edit.seconds - own.seconds).max() < 1e-6
