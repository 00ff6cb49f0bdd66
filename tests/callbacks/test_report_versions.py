"""The report at the end of a test names what ran, also where the checkout is on PYTHONPATH and not installed."""

import importlib.metadata
from pathlib import Path

import pytest
import torch
from support.parts import fit, make_data, tiny_module

import veggie_pl
from veggie_pl.callbacks import Evaluate


def test_a_checkout_that_is_not_installed_gets_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.metadata.Distribution.from_name

    def from_name(name: str) -> importlib.metadata.Distribution:
        if name == "veggie_pl":
            raise importlib.metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", from_name)
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("veggie_pl")
    evaluate, data = Evaluate(output=str(tmp_path / "report")), make_data(num_val=1)
    data.test, data.num_test = data.val, 1
    trainer = fit(tiny_module(num_steps=1), data, 1, callbacks=[evaluate])
    trainer.test(trainer.lightning_module, data, verbose=False)
    assert evaluate.report is not None
    assert evaluate.report.versions["veggie_pl"] == veggie_pl.__version__
    assert evaluate.report.versions["torch"] == torch.__version__
    assert (tmp_path / "report/report.json").is_file()
