"""`make demo`: in time on fast and slow machines, and none of its models becomes anybody's default."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.demo import CLIPS, FULL, LEAST, Demo, Speed, beside, new_folder, run_demo, steps_of
from veggie_pl.cli import main
from veggie_pl.files import ROOT, TRAINED

FAST, SLOW, HOPELESS = Speed(0.33, 0.62), Speed(1.0, 3.0), Speed(20.0, 60.0)


class Machine:
    """Keeps the commands it is given, and a clock that they move on."""

    def __init__(self, speed: Speed) -> None:
        self.speed, self.seconds = speed, 0.0
        self.commands: list[list[str]] = []

    def run(self, args: list[str]) -> None:
        self.commands.append(args)
        self.seconds += 10
        if args[0] == "test":
            self.seconds += 8 * CLIPS * self.speed.edit
        if args[0] == "fit":
            self.seconds += self.steps(args) * (self.speed.two if "conf/stage2.yaml" in args else self.speed.one)

    def clock(self) -> float:
        return self.seconds

    @staticmethod
    def steps(args: list[str]) -> int:
        return int(args[args.index("--trainer.max_steps") + 1])

    @property
    def trained(self) -> list[int]:
        return [self.steps(args) for args in self.commands if args[0] == "fit"]


def play(measured: Speed, real: Speed, folder: Path = Path("runs/demo")) -> Machine:
    machine = Machine(real)
    run_demo(Demo(folder), 27, measured, machine.run, machine.clock)
    return machine


def test_fast_machine_does_all_steps(capsys: pytest.CaptureFixture[str]) -> None:
    machine = play(FAST, FAST)
    assert machine.trained == list(FULL)
    said = capsys.readouterr().out
    told = int(said.split("the demo will take about ")[1].split()[0])
    assert told == pytest.approx(machine.seconds / 60, abs=3)
    assert "1300 of 1300 and 250 of 250 steps" in said
    assert "too slow" not in said


@pytest.mark.parametrize("busy", [1.0, 1.4, 0.7])
def test_slow_or_busy_machine_ends_in_time_and_trains_both_stages(busy: float) -> None:
    machine = play(SLOW, Speed(busy * SLOW.one, busy * SLOW.two))
    assert machine.seconds < 30 * 60
    assert machine.seconds > 20 * 60 or machine.trained == list(FULL)  # the time is used
    assert all(least <= steps for steps, least in zip(machine.trained, LEAST, strict=True))


def test_machine_that_is_too_slow_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert play(HOPELESS, HOPELESS).trained == list(LEAST)
    assert "too slow for 27" in capsys.readouterr().out


def test_steps_follow_the_time_left() -> None:
    whole = FULL[0] * SLOW.one + FULL[1] * SLOW.two
    assert steps_of(1, 10 * whole, SLOW) == FULL[0]
    assert steps_of(1, whole / 2, SLOW) == FULL[0] // 2 // 10 * 10
    assert steps_of(2, 100 * SLOW.two, SLOW) == 100
    assert steps_of(2, -5.0, SLOW) == LEAST[1]
    assert beside(SLOW, 2, 0) > beside(FAST, 2, 0) > beside(FAST, 1, 0) > 0


def test_every_command_names_the_folders_of_this_demo(tmp_path: Path) -> None:
    commands = play(FAST, FAST, tmp_path / "demo").commands
    names = [args[0] for args in commands]
    assert names == ["export", "test", "fit", "fit", "preview", "predict", "test"]
    untrained, one, two = Demo(tmp_path / "demo").models
    for args, option, model in (
        (commands[1], "--model.folder", untrained),
        (commands[3], "--init_from.folders", f"[{one}]"),
        (commands[5], "--model", two),
        (commands[6], "--model.folder", two),
    ):
        assert args[args.index(option) + 1] == model
    for args in commands:
        outputs = [word for word in args if word.startswith(str(tmp_path))]
        assert outputs, args
        assert not any("*" in word for word in args)
    for model in Demo(new_folder(Path("runs"))).models:  # nobody finds them who does not name them
        assert not any(Path(model).match(pattern) for pattern in TRAINED)


def test_earlier_demos_are_kept(tmp_path: Path) -> None:
    for name in ("demo", "demo_2", "demo_3"):
        assert new_folder(tmp_path) == tmp_path / name
        (tmp_path / name).mkdir()


@pytest.mark.slow
def test_demo_runs_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    demo = Demo(tmp_path / "demo")
    few = ["--data.batch_size", "2", "--data.num_val", "1", "--data.num_workers", "0"]
    short = {
        "fit": [*few, "--trainer.max_steps", "2", "--trainer.val_check_interval", "2"],
        "test": ["--data.num_test", "1", "--data.num_workers", "0"],
        "preview": ["--num_samples", "2", "--per_stream", "1"],
    }
    seconds = iter(range(1000))
    run: Callable[[list[str]], None] = lambda args: main([*args, *short.get(args[0], [])])  # noqa: E731
    run_demo(demo, 27, FAST, run, lambda: float(next(seconds)))
    assert all((Path(model) / "veggie.json").is_file() for model in demo.models)
    assert "before" in (demo.folder / "after/report.md").read_text()
    assert len(list((demo.folder / "edits").glob("*.mp4"))) == 2
