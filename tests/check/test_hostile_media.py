"""Two thousand files that are damaged or made to do harm: each is read as it should be, or in the ledger."""

import io
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.fake import pattern
from support.hostile import FRAMES, HEIGHT, MUTATIONS, WIDTH, hostile

from veggie_pl.batch import Example, Skill
from veggie_pl.check.examine import Finding
from veggie_pl.check.run import Limits, check_tables, examine_row
from veggie_pl.data.records import BadRecordError
from veggie_pl.data.table import TableError, TableInfo, TableRecords, write_table
from veggie_pl.data.table.quarantine import Fault, QuarantineError, read_quarantine
from veggie_pl.data.table.schema import Row
from veggie_pl.seeding import numpy_rng
from veggie_pl.video.media import Media
from veggie_pl.video.readers.images import reads_avif

NUM_FILES = 2000
# What can be read whatever its name says, and what cannot. The rest depends on where the damage is.
ALWAYS = ("named", "mistimed", "thin", "wide_16k", "tall_16k", "one_frame")
NEVER = ("noise", "head", "header_only", "nothing", "one_byte", "claims_60000", "bomb_30000")


def examine_and_read(folder: str, row: int, quick: bool) -> Finding:
    """Runs in another process: what ``check`` finds, and what training would get of it."""
    found = examine_row(folder, row, quick)
    try:
        clip = TableRecords(folder, num_frames=3, size=16)[row].source
    except BadRecordError as error:
        return found if found.reason else Finding(f"check took it for good, but reading says {error.reason}")
    if not found.reason:
        assert clip.shape == (3, 3, 16, 16)
        assert torch.isfinite(clip).all()
        assert clip.abs().max() <= 1
    return found


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, Fault]]:
    """Names of all files, and the ledger by name."""
    root = tmp_path_factory.mktemp("hostile")
    rows = []
    for number in range(NUM_FILES):
        name, content = hostile(number)
        (root / name).write_bytes(content)
        rows.append(Row(Example(name, Skill.REMOVAL, str(number)), (Media(name),)))
    folder = root / "table"
    write_table(folder, rows, TableInfo(card="hostile", root=str(root)))
    limits = Limits(num_workers=2, timeout=600.0, memory=2.0)  # only so that a hang ends
    found = check_tables([folder], limits, examine=examine_and_read)
    assert found[0].done == NUM_FILES
    return [row.key for row in rows], {fault.key: fault for fault in read_quarantine(folder)}


@pytest.mark.slow
@pytest.mark.skipif(not reads_avif(), reason="this Pillow reads no AVIF")
def test_damaged_avif_is_read_or_one_fault(tmp_path: Path) -> None:
    data, frames = io.BytesIO(), [Image.fromarray(frame) for frame in pattern(FRAMES, WIDTH, HEIGHT)]
    frames[0].save(data, "AVIF", save_all=True, append_images=frames[1:], duration=100)
    rows = []
    for number, mutate in enumerate([lambda whole, rng: whole, *MUTATIONS * 8]):
        name = f"{number}.avif"
        (tmp_path / name).write_bytes(mutate(data.getvalue(), numpy_rng("hostile avif", number)))
        rows.append(Row(Example(name, Skill.REMOVAL, str(number)), (Media(name),)))
    write_table(tmp_path / "table", rows, TableInfo(card="hostile", root=str(tmp_path)))
    limits = Limits(num_workers=2, timeout=600.0, memory=2.0)  # only so that a hang ends
    (found,) = check_tables([tmp_path / "table"], limits, examine=examine_and_read)
    assert found.done == len(rows)
    reasons = {fault.key: fault.reason for fault in found.faults if "is the same as" not in fault.reason}
    assert "0.avif" not in reasons
    assert len(reasons) > len(rows) / 2
    assert all(reason.startswith(key) for key, reason in reasons.items()), reasons  # nothing crashes, nothing surprises


def kind(name: str) -> str:
    return name.split("_", 1)[1].rsplit(".", 1)[0]


@pytest.mark.slow
def test_each_file_is_read_or_in_the_ledger_with_its_reason(checked: tuple[list[str], dict[str, Fault]]) -> None:
    names, ledger = checked
    assert len(set(names)) == NUM_FILES
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for name in names:
        by_kind[kind(name)].append(name in ledger)
    assert not [name for name in ledger if kind(name) in ALWAYS]
    assert not [name for name in names if kind(name) in NEVER and name not in ledger]
    assert {"truncated", "flipped", "head_flipped", "spliced", "zeroed", "nan_rate", *ALWAYS, *NEVER} == set(by_kind)
    for name in ("flipped", "head_flipped", "spliced", "zeroed", "nan_rate"):  # some damage is not seen
        assert 0 < sum(by_kind[name]) < len(by_kind[name])
    assert sum(by_kind["truncated"]) >= len(by_kind["truncated"]) - 2  # a picture may lack its last bytes


@pytest.mark.slow
def test_none_crashes_hangs_or_eats_the_memory(checked: tuple[list[str], dict[str, Fault]]) -> None:
    _, ledger = checked
    assert not [
        fault for fault in ledger.values() if fault.reason.startswith(("crashed", "took", "needs", "unexpected"))
    ]
    assert all("\n" not in fault.reason and len(fault.reason) > 5 for fault in ledger.values())
    assert not [fault for fault in ledger.values() if "check took it for good" in fault.reason]


def test_files_are_the_same_each_time() -> None:
    assert [hostile(number) for number in (3, 40, 111, 1999)] == [hostile(number) for number in (3, 40, 111, 1999)]
    assert FRAMES > 1


def cut(data: bytearray, at: int, rng_bytes: Callable[[int], bytes]) -> bytearray:
    return data[:at]


def flip(data: bytearray, at: int, rng_bytes: Callable[[int], bytes]) -> bytearray:
    data[at] ^= 1 << rng_bytes(1)[0] % 8
    return data


def put(data: bytearray, at: int, rng_bytes: Callable[[int], bytes]) -> bytearray:
    data[at:at] = rng_bytes(4)
    return data


@pytest.mark.parametrize("mutate", [cut, flip, put])
def test_mutated_table_json_is_refused_or_says_what_it_said(tmp_path: Path, mutate: Callable[..., bytearray]) -> None:
    rows = [Row(Example(f"k/{i}", Skill.REMOVAL), (Media(f"{i}.png"),)) for i in range(3)]
    info = write_table(tmp_path, rows, TableInfo(card="some", root="nowhere"))
    path = tmp_path / "table.json"
    whole = path.read_bytes()
    for number in range(150):
        rng = numpy_rng("mutated table", mutate.__name__, number)
        path.write_bytes(mutate(bytearray(whole), int(rng.integers(len(whole))), rng.bytes))
        try:
            groups = TableRecords(str(tmp_path), num_frames=1, size=8).groups()
        except (TableError, QuarantineError) as error:
            message = str(error)
        else:
            message = ""
            assert sum(len(one) for one in groups.values()) == info.num_rows
        assert "\n" not in message
