"""The command line leaves its config where runs are compared."""

import re
from pathlib import Path

import pytest
from support.starts import Starts
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from veggie_pl.callbacks.hparams import flat
from veggie_pl.cli import main
from veggie_pl.files import CONF

SHORT = "--data.batch_size 2 --data.num_val 1 --data.num_workers 0 --trainer.val_check_interval 2 --trainer.max_steps 2"
FIT = ["fit", "--config", str(CONF / "stage1.yaml"), *SHORT.split()]


def test_nested_values_have_dotted_names() -> None:
    config = {"model": {"lr": 1e-3, "seed": None, "betas": [0.9, 0.99]}, "trainer": {"callbacks": [], "max_steps": 3}}
    assert flat(config) == {"model.lr": 1e-3, "model.betas": "[0.9, 0.99]", "trainer.max_steps": 3}


@pytest.mark.slow
def test_config_and_score_of_a_run_are_in_its_own_folder_and_its_log_is_plain(tmp_path: Path, starts: Starts) -> None:
    place = ["--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.default_root_dir", str(tmp_path)]
    with starts.start([*FIT, *place], tmp_path / "log") as run:  # it sees no terminal
        assert run.wait(1800) == 0, (tmp_path / "log").read_text()[-3000:]
    folder = tmp_path / "stage1/version_0"
    assert not [path for path in folder.iterdir() if path.is_dir() and path.name not in ("checkpoints", "model")]
    events = EventAccumulator(str(folder))
    events.Reload()
    content = events.summary_metadata
    assert {"_hparams_/session_start_info", "_hparams_/session_end_info"} <= content.keys()
    data = HParamsPluginData.FromString(content["_hparams_/session_start_info"].plugin_data.content)
    values = data.session_start_info.hparams
    assert values["trainer.max_steps"].number_value == 2
    assert values["model.optimizer.init_args.lr"].number_value == 5e-4
    experiment = HParamsPluginData.FromString(content["_hparams_/experiment"].plugin_data.content).experiment
    assert [one.name.tag for one in experiment.metric_infos] == ["val/score"]
    assert events.Scalars("val/score")
    said = (tmp_path / "log").read_bytes().decode()  # with its ends of lines
    assert re.search(r"^step 2/2: loss \d\.\d{4}, \d+\.\d samples/s, 0:00:00 left$", said, re.M)
    for garbage in ("\x1b[", "\r", "━", "─ ", "it/s"):
        assert garbage not in said, said


@pytest.mark.slow
def test_a_csv_file_is_switched_on_as_the_readme_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONF.parent)
    place = ["--trainer.logger.save_dir", str(tmp_path), "--trainer.default_root_dir", str(tmp_path)]
    main([*FIT, "--trainer.logger", "CSVLogger", *place])
    folder = tmp_path / "stage1/version_0"
    head = (folder / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"val/score", "val/miou/grounding"} <= set(head)
    assert "max_steps: 2" in (folder / "hparams.yaml").read_text()
