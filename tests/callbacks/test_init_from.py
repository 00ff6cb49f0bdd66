import json
import os
import signal
from pathlib import Path

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from support.parts import UNET, fit, make_data, tiny_module

from veggie_pl.callbacks import Freeze, InitFrom, SaveModel, StopBetweenSteps, Throughput
from veggie_pl.inference.which_model import find_model
from veggie_pl.model_folder import INDEX, save_model
from veggie_pl.models import VidDM
from veggie_pl.training.record import TrainingRecord


@pytest.fixture(scope="module")
def image_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "model"
    save_model(tiny_module(seed=7), folder)
    return folder


def test_image_weights_go_into_a_video_model(image_model: Path) -> None:
    module = tiny_module(video=True, seed=1)
    start = InitFrom([str(image_model)])
    fit(module, make_data(num_frames=2), 0, callbacks=[start])
    expected = tiny_module(seed=7).state_dict()
    loaded = module.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())
    fresh = [line for line in start.report.splitlines() if line.startswith("- as built")]
    assert len(fresh) == len(loaded) - len(expected)
    assert all("motion_modules" in line for line in fresh)


def test_weights_that_erase_nothing_go_into_a_model_that_can(image_model: Path) -> None:
    module = tiny_module(seed=1)
    module.viddm = VidDM(UNET, pool_task=True, add_source=True, erase_source=True, eager_attention=True)
    start = InitFrom([str(image_model)])
    fit(module, make_data(), 0, callbacks=[start])
    loaded = module.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in tiny_module(seed=7).state_dict().items())
    fresh = [line for line in start.report.splitlines() if line.startswith("- as built")]
    assert fresh == [f"- as built: viddm.unet.conv_out.erase.{kind}" for kind in ("weight", "bias")]


def test_console_names_the_tensors_only_where_tensorboard_does_not(
    image_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "veggie_pl")
    data = make_data(num_frames=2)
    fit(tiny_module(video=True), data, 0, callbacks=[InitFrom([str(image_model)])], logger=TensorBoardLogger(tmp_path))
    assert "listed in TensorBoard" in caplog.text
    assert "- as built" not in caplog.text
    caplog.clear()
    fit(tiny_module(video=True), data, 0, callbacks=[InitFrom([str(image_model)])], logger=False)
    assert "TensorBoard" not in caplog.text
    assert "- as built: viddm.unet" in caplog.text


def test_unused_keys_are_reported(image_model: Path) -> None:
    folder = image_model.parent / "video"
    save_model(tiny_module(video=True), folder)
    start = InitFrom([str(folder)])
    fit(tiny_module(), make_data(), 0, callbacks=[start])
    assert sum("unused: viddm.unet" in line for line in start.report.splitlines()) > 10


def test_missing_folder_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no model folder .*nowhere.*python -m veggie_pl fit --config"):
        fit(tiny_module(), make_data(), 1, callbacks=[InitFrom([str(tmp_path / "nowhere")])])


def test_other_shapes_are_an_error(image_model: Path) -> None:
    module = tiny_module()
    module.viddm = VidDM({**UNET, "block_out_channels": [16, 64]}, pool_task=True)
    with pytest.raises(ValueError, match="does not fit this model: viddm"):
        fit(module, make_data(), 1, callbacks=[InitFrom([str(image_model)])])


def test_newest_match_of_the_first_pattern_wins(tmp_path: Path) -> None:
    for name, age in (("version_0", 10), ("version_1", 5), ("other", 0)):
        index = tmp_path / name / "model" / INDEX
        index.parent.mkdir(parents=True)
        names = ("mllm", "vae", "scheduler", "guidance", "trained_with", "num_steps", "seed")
        record = TrainingRecord("stage1", 3, 3, None, None, "today").as_json()
        index.write_text(json.dumps({"format": 1, **dict.fromkeys(names), "training": record}))
        os.utime(index, (1e9 - age, 1e9 - age))
    patterns = [str(tmp_path / "none"), str(tmp_path / "version_*" / "model"), str(tmp_path / "other" / "model")]
    assert find_model(patterns) == tmp_path / "version_1" / "model"


def test_queries_start_as_words_unless_a_folder_is_given(image_model: Path) -> None:
    words = ["color", "new shape"]
    module = tiny_module()
    fit(module, make_data(), 0, callbacks=[InitFrom(query_words=words)])
    table = module.mllm.model.get_input_embeddings().weight
    tokens = [module.mllm.tokenizer(word, add_special_tokens=False).input_ids for word in words]
    assert len(tokens[1]) > 1  # the mean of several tokens
    for query, ids in zip(module.queries.group, tokens, strict=True):
        torch.testing.assert_close(query, table[ids].mean(0))
    assert not module.queries.frame.any()

    fit(module, make_data(), 0, callbacks=[InitFrom([str(image_model)], query_words=words)])
    assert torch.equal(module.queries.group, tiny_module(seed=7).queries.group)


def test_as_many_words_as_queries() -> None:
    with pytest.raises(ValueError, match="3 query_words for 2 queries"):
        fit(tiny_module(), make_data(), 0, callbacks=[InitFrom(query_words=["color", "shape", "size"])])


@pytest.mark.parametrize("first", [True, False])
def test_only_the_first_rank_speaks(
    first: bool, image_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class CtrlC(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            if trainer.global_step == 2:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda self: first))
    again = Throughput()
    again.load_state_dict({"seen": 8, "seconds": 1.0})
    stops = [CtrlC(), StopBetweenSteps(), SaveModel()]
    short = str(image_model.parent / "*l")  # a pattern: its folder, which has no record, is passed over
    with caplog.at_level("INFO", "veggie_pl"), pytest.raises((SystemExit, KeyboardInterrupt)):
        fit(
            tiny_module(),
            make_data(),
            4,
            callbacks=[Freeze(["vae"]), InitFrom([short, str(image_model)]), again, *stops],
        )
    with caplog.at_level("INFO", "veggie_pl"):
        words = ["red", "green", "blue", "circle"][: len(tiny_module().queries.group)]
        fit(tiny_module(), make_data(), 1, callbacks=[InitFrom(query_words=words), Throughput()])
    ours = [record for record in caplog.records if record.name.startswith("veggie_pl")]
    said = [record.getMessage().split(" ")[0] for record in ours]
    stopped = ["mixture,", "not", "weights", "what", "goes", "stopping", "stopped.", "to"]
    assert said == ([*stopped, "mixture,", "queries", "trained"] if first else [])
