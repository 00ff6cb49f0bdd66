"""All that a run lacks is said at once."""

from pathlib import Path

import pytest

from veggie_pl.cli import main
from veggie_pl.places import ROOT


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
