from collections import Counter
from types import SimpleNamespace

import pytest
from rich.console import Console
from support.mixtures import grouped, mixture

from veggie_pl.data.mixture_report import Run, explanation, far_larger, planned, portions, report_table, summary


def test_numbers_are_those_of_drawing_every_sample() -> None:
    mixed, run = grouped(), Run(batches=50, batch_size=4, ranks=2, steps=25, accumulate=2)
    drawn = Counter()
    owner = {
        (group.stream, row): group.name for group in mixed.groups for row in ([] if group.rows is None else group.rows)
    }
    for name, row in map(mixed.locate, range(400)):
        drawn[owner.get((name, row), name)] += 1
    found = portions(mixed, run.samples)
    assert sum(one.samples for one in found) == run.samples == 400
    for one in found:
        name = " ".join(part for part in (one.stream, one.skill, one.bucket) if part)
        assert one.samples == drawn[name]
        assert one.epochs == drawn[name] / one.rows


def settings(steps: int = -1, epochs: int | None = -1, limit: float = 1.0, accumulate: int = 1) -> SimpleNamespace:
    names = {"max_steps": steps, "max_epochs": epochs, "limit_train_batches": limit}
    return SimpleNamespace(accumulate_grad_batches=accumulate, **names)


@pytest.mark.parametrize(
    ("given", "samples", "steps"),
    [
        (settings(steps=10), 10 * 4 * 2, 10),
        (settings(steps=10, accumulate=3), 10 * 3 * 4 * 2, 10),
        (settings(epochs=3, limit=5), 15 * 4 * 2, 15),
        (settings(steps=10, epochs=3, limit=5), 10 * 4 * 2, 10),
        (settings(), None, 0),
        (settings(epochs=None), None, 0),
    ],
)
def test_run_is_as_long_as_the_trainer_says(given: SimpleNamespace, samples: int | None, steps: int) -> None:
    run = planned(given, 4, 2)
    assert (run.samples, run.steps) == (samples, steps)


def text_of(*parts: object) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get()


def test_table_has_streams_their_groups_and_a_total() -> None:
    mixed, run = grouped(), Run(100, 8, 1, 100)
    said = text_of(report_table(mixed, run))
    for word in ("s", "removal", "addition", "1x8x8", "2x4x4", "total", "800", "66.6"):
        assert word in said
    assert said.count("grounding") == 1
    assert "^" in said  # ten rows, more than ten samples


def test_explanation_does_the_sum() -> None:
    said = explanation(grouped(), Run(50, 4, 2, 25, 2))
    assert "25 steps x 4 samples a batch x 2 ranks x 2 batches a step = 400 samples." in said
    assert "take turns in blocks of 8 samples" in said
    assert "take turns" not in explanation(mixture(a=1), Run(50, 4))
    assert "no end" in explanation(mixture(a=1), Run(None, 4))


def test_summary_is_one_line() -> None:
    assert summary(mixture(a=3, b=1), Run(1024, 4)) == (
        "mixture, 4,096 samples: a 75.0 % (1 group, 307.20^ epochs); b 25.0 % (1 group, 102.40^ epochs)"
    )
    assert "without end" in summary(mixture(a=1), Run(None, 4))


def test_streams_far_larger_than_the_model_are_told_with_what_to_set() -> None:
    said = far_larger(grouped(), (2, 2))
    assert [line.partition(":")[0] for line in said] == ["s", "g"]
    assert "made for 2 x 2 take 16 times the memory" in said[0]
    assert said[0].endswith("--data.streams.s.stream.init_args.records.init_args.size 2")
    assert far_larger(grouped(), (4, 4)) == []
    assert far_larger(grouped(), (2, 4))[1].endswith("size [2, 4]")
