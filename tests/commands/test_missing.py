"""All that a run lacks is said at once."""

from pathlib import Path

import pytest

from veggie_pl.cli import main
from veggie_pl.files import ROOT


def test_everything_that_is_missing_is_listed_with_commands_and_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configs = ("stage1.yaml", "backbone/paper.yaml", "data/paper.yaml")
    args = [arg for name in configs for arg in ("--config", str(ROOT / "conf" / name))]
    with pytest.raises(SystemExit) as stopped:
        main(["fit", *args, "--model.viddm.init_args.motion_adapter", "checkpoints/animatediff-motion-adapter-v1-5-2"])
    said = str(stopped.value.code)
    assert "\n" not in said
    for what in (
        "things that the run needs are missing",
        "no MLLM at 'checkpoints/llava-onevision-qwen2-7b-ov-hf'",
        "(16 GB)",
        "hf download timbrooks/instruct-pix2pix",
        "hf download guoyww/animatediff-motion-adapter-v1-5-2",
        "(1.8 GB)",
        "python -m veggie_pl prepare phrasecut --root FOLDER",
        "prepared/seed_data_edit/train",
    ):
        assert what in said
    assert said.count("hf download timbrooks") == 1  # for the UNet and the codec
    assert not [*tmp_path.iterdir()]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped weights in it and nothing else, in which commands run."""
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


STAGE2 = ["--config", str(ROOT / "conf/stage2.yaml"), "--init_from.folders", "[nowhere/*/model, none]"]


def test_folder_to_start_from_is_listed_with_the_rest(home: Path) -> None:
    for more, head in (
        ([], "error: no model folder"),
        (["--config", str(ROOT / "conf/data/own.yaml")], "error: 2 things that the run needs are missing: no record"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["fit", *STAGE2, *more])
        said = str(stopped.value.code)
        assert "\n" not in said
        assert said.startswith(head)
        assert said.endswith(
            "no model folder (one that holds veggie.json) at nowhere/*/model or none; train one with "
            "`python -m veggie_pl fit --config conf/stage1.yaml`, or name another with --init_from.folders"
        )
    assert [path.name for path in home.iterdir()] == ["weights"]


def test_only_what_trains_needs_a_folder_to_start_from(home: Path) -> None:
    main(["export", *STAGE2, "-o", "model"])
    assert (home / "model/veggie.json").is_file()
