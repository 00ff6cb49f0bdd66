from itertools import islice
from pathlib import Path

import pytest
import torch
from support.parts import fake_trainer, make_data, mixed_data
from support.tars import png

from veggie_pl.batch import Example, Skill, collate
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture import Weighted
from veggie_pl.data.streams import EditingStream
from veggie_pl.data.table import TableInfo, TableRecords, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.video.media import Media


def keys(steps: int = 4, rank: int = 0, world: int = 1, **options: int) -> list[str]:
    data = make_data(**options)
    data.trainer = fake_trainer(rank, world)
    loader = iter(data.train_dataloader())
    return [key for _ in range(steps) for key in next(loader).key]


@pytest.mark.slow
def test_workers_change_nothing() -> None:
    assert keys(num_workers=2) == keys(num_workers=0)


def test_batch_size_and_ranks_change_nothing() -> None:
    whole = keys(steps=2, batch_size=4)
    assert keys(steps=4, batch_size=2) == whole
    halves = [keys(steps=2, batch_size=2, rank=rank, world=2) for rank in (0, 1)]
    assert halves[0][:2] + halves[1][:2] + halves[0][2:] + halves[1][2:] == whole


def test_state_is_the_position() -> None:
    data = make_data()
    data.load_state_dict({"position": 12})
    data.trainer = fake_trainer()
    batch = next(iter(data.train_dataloader()))
    assert batch.index.tolist() == [12, 13, 14, 15]
    mixture = data.mixture.fingerprint()
    assert data.state_dict() == {"position": 12, "batches": 0, "fingerprint": mixture}
    data.trainer.fit_loop.epoch_loop.batch_progress.total.processed = 2
    assert data.state_dict() == {"position": 20, "batches": 2, "fingerprint": mixture}


def test_another_mixture_is_not_resumed_by_accident(caplog: pytest.LogCaptureFixture) -> None:
    state = make_data().state_dict() | {"position": 12}
    with pytest.raises(ValueError, match=r"after 12 samples of another mixture.*allow_changed_mixture true"):
        make_data(seed=1).load_state_dict(state)
    data = make_data(seed=1, allow_changed_mixture=True)
    data.load_state_dict(state)
    assert "another mixture" in caplog.text
    data.trainer = fake_trainer()
    assert next(iter(data.train_dataloader())).index.tolist() == [12, 13, 14, 15]
    make_data(block=8, batch_size=2).load_state_dict(state)  # neither changes the order of clips of one shape


def test_images_are_clips_of_one_frame() -> None:
    data = make_data(num_frames=1)
    data.trainer = fake_trainer()
    batch = next(iter(data.train_dataloader()))
    assert batch.source.shape == (4, 1, 3, 16, 16)
    assert batch.mask.shape == (4, 1, 16, 16)
    assert batch.mask.dtype == torch.bool


def test_one_loader_per_skill() -> None:
    loaders = make_data(num_val=3).val_dataloader()
    assert len(loaders) == len(Skill)
    for skill, loader in zip(Skill, loaders, strict=True):
        batches = list(loader)
        assert sum(len(batch) for batch in batches) == 3
        assert {s for batch in batches for s in batch.skill} == {skill}


def test_held_out_samples_are_the_same_each_time() -> None:
    data = make_data(num_val=2)
    first, second = ([b.key for loader in data.val_dataloader() for b in loader] for _ in range(2))
    assert first == second


def test_clips_of_different_shape_cannot_be_stacked() -> None:
    one = make_data(num_frames=1).mixture[0]
    two = make_data(num_frames=2).mixture[1]
    with pytest.raises(ValueError, match=r"one shape.*\(1, 3, 16, 16\).*\(2, 3, 16, 16\)"):
        collate([one, two])


def test_batch_size_zero_is_an_error() -> None:
    with pytest.raises(ValueError, match="batch sizes"):
        make_data(batch_size=0)


def test_ranks_share_held_out_samples_and_get_as_many_each() -> None:
    parts = []
    for rank in (0, 1):
        data = make_data(num_val=3)
        data.trainer = fake_trainer(rank, 2)
        parts.append([[i for batch in loader for i in batch.index.tolist()] for loader in data.val_dataloader()])
    assert all(first == [0, 2] and second == [1, 0] for first, second in zip(*parts, strict=True))


@pytest.mark.parametrize(
    ("options", "position", "message"),
    [({"batch_size": 3}, 0, "Set data.block to 6"), ({"batch_size": 4}, 2, "Go on with 2 samples")],
)
def test_batch_that_would_mix_shapes_is_an_error(options: dict[str, int], position: int, message: str) -> None:
    data = mixed_data(**options)
    data.load_state_dict({"position": position})
    data.trainer = fake_trainer()
    with pytest.raises(ValueError, match=message):
        data.train_dataloader()


def test_workers_put_clips_where_the_training_process_reads_them() -> None:
    data = make_data(num_workers=1)
    data.trainer = fake_trainer()
    batch = next(iter(data.train_dataloader()))
    assert batch.source.is_shared()
    alone = make_data()
    alone.trainer = fake_trainer()
    other = next(iter(alone.train_dataloader()))
    for name in ("source", "target", "mask"):
        assert torch.equal(getattr(batch, name), getattr(other, name))


def write_pairs(folder: Path, count: int) -> Path:
    """A prepared table of image pairs: two skills."""
    skills = [Skill.REMOVAL, Skill.REMOVAL, Skill.STYLIZATION]
    rows = []
    for number in range(count):
        source, target = (Media("x.png", data=png(number + turn, 16)) for turn in (0, 1))
        rows.append(Row(Example(f"pair/{number}", skills[number % 3], "x"), (source,), (target,)))
    write_table(folder, rows, TableInfo(card="pairs", root="", fills=(), wordings=()))
    return folder


def test_groups_of_a_prepared_table_are_mixed_and_resumed(tmp_path: Path) -> None:
    def data(**skills: float) -> VeggieDataModule:
        table = EditingStream(TableRecords(str(write_pairs(tmp_path, 12)), size=16))
        streams = {"pairs": Weighted(table, 1.0, skills or None), "worlds": make_data().mixture.streams["editing"]}
        made = VeggieDataModule(streams, batch_size=4, num_workers=0)
        made.trainer = fake_trainer()
        return made

    mixed = data(stylization=3.0, removal=1.0)
    found = [skill for batch in islice(mixed.train_dataloader(), 40) for skill in batch.skill]
    by_rows = [skill for batch in islice(data().train_dataloader(), 40) for skill in batch.skill]
    assert found.count(Skill.STYLIZATION) > 1.5 * by_rows.count(Skill.STYLIZATION)
    state = mixed.state_dict() | {"position": 80}
    with pytest.raises(ValueError, match="another mixture"):
        data().load_state_dict(state)
    again = data(stylization=3.0, removal=1.0)
    again.load_state_dict(state)
    assert [skill for batch in islice(again.train_dataloader(), 20) for skill in batch.skill] == found[80:]
