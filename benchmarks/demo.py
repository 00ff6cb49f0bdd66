"""`make demo`: the whole thing from nothing, in as many steps as this machine does in half an hour.

    python -m benchmarks.demo [--minutes 27]

Scores an untrained model, trains both stages, edits clips and scores again. A few training steps of each stage are
timed first; each stage then gets the steps that the time left allows, so that other work beside costs steps, not
minutes. The full numbers are a short version of conf/stage1.yaml and conf/stage2.yaml, whose own take hours.
Everything goes to a folder of its own, and nothing else takes the models in it unless told to.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.training import with_lightning
from veggie_pl.cli import _quiet
from veggie_pl.training.precision import best_precision

FULL = (1300, 250)  # steps of stages 1 and 2; more would be `make nano`
LEAST = (300, 60)  # with fewer, nothing can be seen to be learned
CLIPS = 40  # scored, of each of eight skills
START = 12.0  # seconds that one of the commands takes to start, at most
COMMANDS = 7
EDIT = 0.6  # seconds of editing a clip, in those of training on it
HELD_OUT = 100  # clips that are edited beside the scored ones: at the ends of both stages, and by `predict`


@dataclass(frozen=True)
class Speed:
    """Seconds of a training step.

    Args:
        one: Of stage 1, 32 images.
        two: Of stage 2, 4 clips.
    """

    one: float
    two: float

    @property
    def edit(self) -> float:
        """Seconds of editing a clip, about."""
        return EDIT * self.two / 4


@dataclass(frozen=True)
class Demo:
    """The commands of a demo, each of which names the folders that it reads and writes."""

    folder: Path

    @property
    def models(self) -> tuple[str, str, str]:
        """Untrained, of stage 1, of stage 2."""
        return f"{self.folder}/untrained", f"{self.folder}/stage1/run/model", f"{self.folder}/stage2/run/model"

    def untrained(self) -> list[str]:
        """Make a model that has learned nothing."""
        return ["export", "--config", "conf/stage2.yaml", "--init_from.folders", "null", "-o", self.models[0]]

    def score(self, model: str, name: str, against: str | None = None) -> list[str]:
        """Score a model on all eight skills."""
        args = ["test", "--model.folder", model, "--data.num_test", str(CLIPS), *self._log("test", name)]
        args += ["--evaluate.output", f"{self.folder}/{name}"]
        return args if against is None else [*args, "--evaluate.against", f"{self.folder}/{against}/report.json"]

    def train(self, stage: int, steps: int) -> list[str]:
        """Train one stage; the second starts from the first."""
        args = ["fit", "--config", f"conf/stage{stage}.yaml", *self._log(f"stage{stage}", "run")]
        args += ["--trainer.max_steps", str(steps), "--trainer.val_check_interval", str(steps)]
        args += ["--model.lr_warmup_steps", str(min(100, steps // 2))]
        return args if stage == 1 else [*args, "--init_from.folders", f"[{self.models[1]}]"]

    def clips(self) -> list[str]:
        """Write clips of the test split, with what to do beside them."""
        args = ["preview", "--config", "conf/stage2.yaml", "--split", "test", "--num_samples", "8"]
        return [*args, "--clips", f"{self.folder}/clips", "-o", f"{self.folder}/task.png"]

    def edit(self) -> list[str]:
        """Edit them."""
        return ["predict", f"{self.folder}/clips", "-o", f"{self.folder}/edits", "--model", self.models[2]]

    def _log(self, name: str, version: str) -> list[str]:
        place = ["--trainer.logger.init_args.save_dir", str(self.folder), "--trainer.logger.init_args.name", name]
        return [*place, "--trainer.logger.init_args.version", version]


def new_folder(parent: Path) -> Path:
    """A folder that is not there yet: an earlier demo is kept."""
    names = (parent / ("demo" if number == 1 else f"demo_{number}") for number in range(1, 10_000))
    return next(folder for folder in names if not folder.exists())


def steps_of(stage: int, seconds: float, speed: Speed) -> int:
    """Steps of a stage in the time that is left for training, for stage 1 the time of both.

    Args:
        stage: 1 or 2.
        seconds: Left for training.
        speed: Of this machine.
    """
    if stage == 1:
        share = seconds / (FULL[0] * speed.one + FULL[1] * speed.two)
        steps = share * FULL[0]
    else:
        steps = seconds / speed.two
    return max(LEAST[stage - 1], min(FULL[stage - 1], int(steps) // 10 * 10))


def beside(speed: Speed, scorings: int, commands: int) -> float:
    """Seconds of what is no training: so many scorings and starts of commands, and clips edited on the way."""
    return (scorings * 8 * CLIPS + HELD_OUT) * speed.edit + commands * START


def measured() -> Speed:
    """Time a few steps of both stages as `fit` does them, with what it computes in here."""
    seconds = []
    for stage in ("stage1", "stage2"):
        rate, _ = with_lightning(stage, warmup=2, steps=5)
        seconds.append({"stage1": 32, "stage2": 4}[stage] / rate)
    return Speed(*seconds)


def run_demo(
    demo: Demo, minutes: float, speed: Speed, run: Callable[[list[str]], None], clock: Callable[[], float]
) -> None:
    """Do it, within the minutes where the machine is fast enough for the least steps.

    Args:
        demo: Its commands.
        minutes: To be done in.
        speed: Of this machine.
        run: Runs one command.
        clock: Seconds.
    """
    ends = clock() + 60 * minutes
    left = 60 * minutes - beside(speed, 2, COMMANDS)
    one = steps_of(1, left, speed)
    two = steps_of(2, left - one * speed.one, speed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    total = beside(speed, 2, COMMANDS) + one * speed.one + two * speed.two
    print(
        f"this machine: {speed.one:.2f} s a step of stage 1, {speed.two:.2f} s of stage 2; {best_precision(device)}\n"
        f"the demo will take about {total / 60:.0f} minutes: {one} of {FULL[0]} and {two} of {FULL[1]} steps"
        + ("" if total <= 60 * minutes else f"; this machine is too slow for {minutes:.0f}"),
        flush=True,
    )
    _say("1 of 5: score an untrained model")
    run(demo.untrained())
    started = clock()
    run(demo.score(demo.models[0], "before"))
    scoring = clock() - started  # the second will take as long
    rest = scoring + beside(speed, 0, COMMANDS - 3)
    one = steps_of(1, ends - clock() - rest, speed)
    _say(f"2 of 5: stage 1, {one} steps on images: queries, aligner and diffusion model learn")
    run(demo.train(1, one))
    two = steps_of(2, ends - clock() - rest, speed)
    _say(f"3 of 5: stage 2, {two} steps on clips: the inflated model learns end to end")
    run(demo.train(2, two))
    _say("4 of 5: edit clips of the test split")
    run(demo.clips())
    run(demo.edit())
    _say("5 of 5: score again")
    run(demo.score(demo.models[2], "after", against="before"))
    print(
        f"look at    {demo.folder}/edits/*_comparison.png and *.mp4, {demo.folder}/after/samples.png\n"
        f"table      {demo.folder}/after/report.md, report.json\n"
        f"training   .venv/bin/tensorboard --logdir {demo.folder}\n"
        f"yours      .venv/bin/python -m veggie_pl edit in.mp4 'remove it' -o out.mp4 --model {demo.models[2]}"
    )


def _say(step: str) -> None:
    print(f"== {step}", flush=True)


def _run(args: list[str]) -> None:
    code = subprocess.run([sys.executable, "-m", "veggie_pl", *args], check=False).returncode
    if code:
        sys.exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=27.0, help="to be done in, after the set-up")
    minutes = parser.parse_args().minutes
    began = time.monotonic()
    sys.argv = sys.argv[:1]  # LightningCLI looks at it
    _quiet()
    _say("0 of 5: measure this machine")
    speed = measured()
    demo = Demo(new_folder(Path("runs")))
    try:
        run_demo(demo, minutes - (time.monotonic() - began) / 60, speed, _run, time.monotonic)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    print(f"done in {(time.monotonic() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
