"""Processes that make samples and die or hang: the run ends, with one line that says what to do, and a checkpoint."""

from pathlib import Path

import pytest
import yaml
from support.command_line import error_of
from support.deadly import DeadlyRecords
from torch.utils.data import DataLoader

from veggie_pl.errors import from_worker


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("crash", "a process that reads data died (DataLoader worker"),
        ("hang", "reading data took longer than data.timeout allows"),
    ],
)
def test_worker_that_does_not_return(tmp_path: Path, what: str, said: str) -> None:
    told = tmp_path / "told"
    records = {
        "class_path": "support.deadly.DeadlyRecords",
        "init_args": {"what": what, "told": str(told), "number": 60},
    }
    stream = {"class_path": "veggie_pl.data.streams.GroundingStream", "init_args": {"records": records}}
    data = {"streams": {"deadly": {"stream": stream}}, "val": None, "batch_size": 4}
    args = ["fit", "--config", "conf/stage1.yaml", "--config", str(tmp_path / "deadly.yaml")]
    args += ["--trainer.accelerator", "cpu", "--trainer.max_steps", "50", "--trainer.enable_progress_bar", "false"]
    args += ["--trainer.val_check_interval", "50", "--trainer.logger.init_args.save_dir", str(tmp_path)]
    for timeout in (5.0, 40.0, 300.0):
        (tmp_path / "deadly.yaml").write_text(yaml.safe_dump({"data": data | {"timeout": timeout}}))
        message = error_of(args)
        if told.exists():  # else the machine was too busy to come as far as that in time
            break
    assert said in message
    assert "\n" not in message
    assert "Traceback" not in message
    assert "`python -m veggie_pl check`" in message
    assert list(tmp_path.rglob("*.ckpt"))


def test_error_of_a_worker_is_said_without_its_traceback() -> None:
    with pytest.raises(ValueError, match="Traceback") as caught:
        next(iter(DataLoader(DeadlyRecords("fail", number=0), num_workers=1, batch_size=None)))
    where = "Caught ValueError in a process that reads data"
    assert from_worker(str(caught.value)) == f"{where}: some library's own long story"
    assert from_worker("anything else") is None
