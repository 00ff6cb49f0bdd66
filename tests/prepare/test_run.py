"""Preparing: taken up where it stopped, the same table whatever stops it, and nothing half-written counts."""

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import cv2
import pytest
from support.layouts.own import card, edits, picture, png, write_media

from veggie_pl.batch import Skill
from veggie_pl.data.table import Table, TableRecords
from veggie_pl.data.table.shards import PartWriter, TableInfo
from veggie_pl.prepare import PrepareError, prepare, run
from veggie_pl.prepare.card import CardError, read_card
from veggie_pl.prepare.layouts import LayoutError
from veggie_pl.prepare.report import PrepareReport

LIST = {"kind": "list", "files": "{split}.jsonl", "media": "media"}
FOLDERS = {"kind": "folders", "target": "target", "instruction": "make it sepia style"}


def write_list(root: Path, rows: list[dict]) -> None:
    (root / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_folders(root: Path, number: int = 40) -> None:
    for folder in ("source", "target"):
        (root / folder).mkdir(parents=True)
        for i in range(number):
            (root / folder / f"{i:03d}.png").write_bytes(png(picture(i % 4)))


def run_once(root: Path, path: Path, output: str = "prepared", **options: object) -> TableInfo:
    return prepare(read_card(path), root, root / output, **options)["train"]  # type: ignore[arg-type]


def test_prepare_makes_a_table_with_a_report(tmp_path: Path) -> None:
    write_media(tmp_path)
    bad = [{**edits(1)[0], "target": name} for name in ("no1.png", "no2.png", "../x.png")]
    write_list(tmp_path, [*edits(), *bad])
    info = run_once(tmp_path, card(tmp_path, LIST, splits={"train": 6}, licence="CC0"))
    table = Table(tmp_path / "prepared/mine/train")
    assert [table.row(i).key for i in range(4)] == [f"mine/train/{i}" for i in range(4)]
    assert [table.columns(0)[name] for name in ("frames", "height", "width")] == [1, 20, 30]
    assert (info.card, info.split, info.licence, info.root) == ("mine", "train", "CC0", str(tmp_path.resolve()))
    assert info.counts == {"addition": 1, "background": 1, "changing": 1, "removal": 1}
    report = PrepareReport.model_validate(info.report)
    assert (report.kept, report.skipped, report.expected) == (4, 3, 6)
    assert {kind: one.count for kind, one in report.reasons.items()} == {
        "… no such file": 2,
        "… lies outside the data root …": 1,
    }
    text = (table.folder / "report.md").read_text()
    assert "The card expects 6 rows: -2." in text
    assert "no1.png: no such file" in text
    assert TableRecords(str(table.folder))[0].source.shape == (1, 3, 20, 30)


def test_prepare_reads_pairs_backwards(tmp_path: Path) -> None:
    write_media(tmp_path)
    rows = [
        {"source": "in0.png", "target": "out0.png", "instruction": "erase it", "phrase": "dog", "skill": "removal"},
        {"source": "in1.png", "target": "out1.png", "instruction": "add a hat"},
        {"source": "in2.png", "target": "out2.png", "instruction": "make it snowy"},
    ]
    write_list(tmp_path, rows)
    info = run_once(tmp_path, card(tmp_path, LIST, reverse=True))
    table = Table(tmp_path / "prepared/mine/train")
    first, backwards = table.row(0), table.row(1)
    assert (backwards.key, backwards.example.skill) == (f"{first.key}/reversed", Skill.ADDITION)
    assert (backwards.source, backwards.target, backwards.example.instruction) == (first.target, first.source, None)
    assert backwards.example.phrase == "dog"
    assert info.counts == {"addition": 2, "background": 1, "removal": 1}
    assert info.reverse
    assert set(info.report["reasons"]) == {
        "no phrase to word the pair backwards from",
        "background cannot be read backwards",
    }


def test_prepare_keeps_each_key_once(tmp_path: Path) -> None:
    write_media(tmp_path)
    rows = [{**edits(4)[i % 4], "key": key} for i, key in enumerate("abcabda")]
    write_list(tmp_path, rows)
    info = run_once(tmp_path, card(tmp_path, LIST))
    table = Table(tmp_path / "prepared/mine/train")
    assert table.column("key").tolist() == [f"mine/train/{key}" for key in "abcd"]
    assert table.row(0).example.instruction == edits(1)[0]["instruction"]  # the first one stays
    assert info.report["reasons"]["its key is already taken"]["count"] == 3
    assert sum(info.counts.values()) == info.report["kept"] == len(table) == 4


def test_prepare_takes_the_first_rows_on_request(tmp_path: Path) -> None:
    write_folders(tmp_path)
    path = card(tmp_path, FOLDERS)
    whole = run_once(tmp_path, path, "whole")
    assert run_once(tmp_path, path, "some", limit=7).num_rows == 7
    keys = [Table(tmp_path / name / "mine/train").column("key").tolist() for name in ("whole", "some")]
    assert keys[1] == keys[0][:7]
    assert whole.num_rows == run_once(tmp_path, path, "more", limit=1000).num_rows == 40
    with pytest.raises(PrepareError, match="limit must be at least 1"):
        run_once(tmp_path, path, limit=0)


def test_prepare_again_keeps_what_is_unchanged(tmp_path: Path) -> None:
    write_folders(tmp_path, 10)
    path = card(tmp_path, FOLDERS)
    first = run_once(tmp_path, path)
    stamp = (tmp_path / "prepared/mine/train/table.json").stat().st_mtime_ns
    assert run_once(tmp_path, path) == first
    assert (tmp_path / "prepared/mine/train/table.json").stat().st_mtime_ns == stamp
    for folder in ("source", "target"):
        (tmp_path / folder / "new.png").write_bytes(png(picture(0)))
    assert run_once(tmp_path, path).num_rows == 11
    changed = run_once(tmp_path, card(tmp_path, {**FOLDERS, "instruction": "make it a sketch"}))
    assert Table(tmp_path / "prepared/mine/train").row(0).example.instruction == "make it a sketch"
    assert changed.made_from != first.made_from
    assert [one.name for one in (tmp_path / "prepared/mine").glob("[!.]*")] == ["train"]
    stamp = (tmp_path / "prepared/mine/train/table.json").stat().st_mtime_ns
    assert run_once(tmp_path, path, again=True) == changed
    assert (tmp_path / "prepared/mine/train/table.json").stat().st_mtime_ns != stamp


def test_prepare_stopped_goes_on_and_gives_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folders(tmp_path)
    path = card(tmp_path, FOLDERS)
    whole = run_once(tmp_path, path, "whole")
    write, count = PartWriter.write, 0

    def stopping(self: PartWriter, *args: object) -> None:
        nonlocal count
        count += 1
        if count == 22:
            raise KeyboardInterrupt
        write(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(PartWriter, "write", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_once(tmp_path, path)
    monkeypatch.undo()
    partial = tmp_path / "prepared/mine/train.partial"
    finished = {one.name: one.stat().st_mtime_ns for one in partial.glob("rows-*.arrow")}
    assert len(finished) == 5  # of 4 rows each
    assert not (tmp_path / "prepared/mine/train").exists()
    (partial / ".rows-00005.arrow.partial").write_bytes(b"half")
    (partial / "part-00001.json").write_text('{"part":')  # damaged: made anew
    info = run_once(tmp_path, path)
    assert info.content == whole.content
    assert info.model_dump(exclude={"root"}) == whole.model_dump(exclude={"root"})
    for name, stamp in finished.items():
        kept = (tmp_path / "prepared/mine/train" / name).stat().st_mtime_ns
        assert (kept == stamp) == (name != "rows-00001.arrow")
    assert not partial.exists()


def test_prepare_stopped_with_another_card_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folders(tmp_path, 10)
    with monkeypatch.context() as patch:
        patch.setattr(run, "unique_rows", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_once(tmp_path, card(tmp_path, FOLDERS))
    assert (tmp_path / "prepared/mine/train.partial/rows-00000.arrow").exists()
    run_once(tmp_path, card(tmp_path, {**FOLDERS, "instruction": "make it a sketch"}))
    table = Table(tmp_path / "prepared/mine/train")
    assert {table.row(i).example.instruction for i in range(10)} == {"make it a sketch"}


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from veggie_pl.prepare.card import read_card
from veggie_pl.prepare import prepare, run
def press_ctrl_c(split, done, number):
    if done == 3:
        os.killpg(0, signal.SIGINT)  # as a terminal does: to all processes
if __name__ == "__main__":
    run.ALONE = 0.0
    prepare(read_card(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), num_workers=2, progress=press_ctrl_c)
"""


def hear_ctrl_c() -> None:
    """Where the tests run in the background of a shell, SIGINT is ignored, also by what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_prepare_interrupted_by_ctrl_c_keeps_finished_parts(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_folders(root, 200)
    path = card(tmp_path, FOLDERS)
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    command = [sys.executable, str(script), str(path), str(root), str(root / "prepared")]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    partial = root / "prepared/mine/train.partial"
    with subprocess.Popen(
        command, start_new_session=True, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=hear_ctrl_c
    ) as process:
        _, said = process.communicate(timeout=540)
    assert process.returncode not in (0, None)
    starting = said.count("reduction.pickle.load(from_parent)")  # a worker not yet up on a busy machine finds nobody
    assert said.count("KeyboardInterrupt") == said.count("Traceback") - starting == 1, said  # of the parent alone
    finished = {one.name: one.stat().st_mtime_ns for one in partial.glob("rows-*.arrow")}
    assert 0 < len(finished) < 50
    assert not list(partial.glob("table.json"))
    info = run_once(root, path)
    folder = root / "prepared/mine/train"
    kept = [name for name, stamp in finished.items() if (folder / name).stat().st_mtime_ns == stamp]
    assert len(kept) >= len(finished) - 2  # at most a part per process is lost
    assert info.content == run_once(root, path, "whole").content


def test_prepare_tells_its_progress(tmp_path: Path) -> None:
    write_folders(tmp_path, 20)
    done: list[tuple[str, int, int]] = []
    run_once(tmp_path, card(tmp_path, FOLDERS), progress=lambda *args: done.append(args), num_workers=2)
    assert done == [("train", i + 1, 5) for i in range(5)]


def limited(size: int, path: Path, root: Path, said: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        run_once(root, path)
    except PrepareError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        said.write_text(str(error))


@pytest.mark.parametrize("size", [10, 2000, 12000])  # bytes a file may have: the note of the work, and parts
def test_full_disk_leaves_no_table_and_says_what_to_do(size: int, tmp_path: Path) -> None:
    root, said = tmp_path / "root", tmp_path / "said"
    write_media(root)
    write_list(root, [{**row, "instruction": "x" * 3000} for row in edits(4)])
    path = card(tmp_path, LIST)
    process = get_context("fork").Process(target=limited, args=(size, path, root, said))
    process.start()
    process.join(60)
    assert "no space left to write" in said.read_text()
    assert "make room and run the same command again" in said.read_text()
    output = root / "prepared"
    assert not (output / "mine/train").exists()
    assert not list(output.rglob("*.arrow"))
    assert not list(output.rglob("*.partial/.*"))
    assert run_once(root, path).num_rows == 4


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_in_the_middle_keeps_finished_parts(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folders(tmp_path)
    path = card(tmp_path, FOLDERS)
    write, count = PartWriter.write, 0

    def full(self: PartWriter, *args: object) -> None:
        nonlocal count
        count += 1
        if count > 10:
            raise OSError(number, os.strerror(number))
        write(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(PartWriter, "write", full)
    with pytest.raises(PrepareError, match="make room and run the same command again; finished parts are kept"):
        run_once(tmp_path, path)
    assert sorted(one.name for one in (tmp_path / "prepared/mine/train.partial").glob("rows*")) == [
        "rows-00000.arrow",
        "rows-00001.arrow",
    ]
    assert not (tmp_path / "prepared/mine/train").exists()
    monkeypatch.undo()
    assert run_once(tmp_path, path).num_rows == 40


def test_full_disk_at_the_end_leaves_the_old_table_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folders(tmp_path, 8)
    first = run_once(tmp_path, card(tmp_path, FOLDERS))

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run, "write_info", full)
    with pytest.raises(PrepareError, match="No space left on device"):
        run_once(tmp_path, card(tmp_path, {**FOLDERS, "instruction": "make it a sketch"}))
    assert Table(tmp_path / "prepared/mine/train").info == first


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    write_folders(tmp_path, 8)
    path = card(tmp_path, FOLDERS)
    refused = []

    def again(*args: object) -> None:
        with pytest.raises(PrepareError, match="another process is preparing this table"):
            run_once(tmp_path, path)
        refused.append(args)

    assert run_once(tmp_path, path, progress=again).num_rows == 8
    assert refused


def test_prepare_says_what_is_missing(tmp_path: Path) -> None:
    path = card(tmp_path, LIST)
    with pytest.raises(LayoutError, match=r"train.jsonl: no such file"):
        run_once(tmp_path, path)
    with pytest.raises(LayoutError, match="no such folder; --root names the folder of My own"):
        prepare(read_card(path), tmp_path / "none", tmp_path)
    with pytest.raises(CardError, match="mine has no split val; the choices are train"):
        prepare(read_card(path), tmp_path, tmp_path, ["val"])
    with pytest.raises(CardError, match="has no layout"):
        prepare(read_card("moving_shapes"), tmp_path, tmp_path)


def test_headers_that_cannot_be_read_are_skipped(tmp_path: Path) -> None:
    write_folders(tmp_path, 6)
    (tmp_path / "source/000.png").write_bytes(b"")
    (tmp_path / "target/001.png").write_bytes(b"no image")
    (tmp_path / "source/002.png").unlink()
    (tmp_path / "source/002.mp4").write_bytes(png(picture(0))[:30])
    (tmp_path / "source/003.png").write_bytes(cv2.imencode(".jpg", picture(0))[1].tobytes())  # a wrong name is no fault
    info = run_once(tmp_path, card(tmp_path, FOLDERS))
    assert info.num_rows == 3
    assert info.report["skipped"] == 3


def test_mutated_annotations_never_break(tmp_path: Path) -> None:
    rng = random.Random(0)
    write_media(tmp_path)
    good = json.dumps([{**row, "mask": {"size": [20, 30], "counts": [100, 20, 480]}} for row in edits(3)])
    path = card(tmp_path, {**LIST, "files": "{split}.json"})
    pieces = [
        "",
        "[",
        "]",
        "{",
        "}",
        '"',
        ",",
        ":",
        "null",
        "-1",
        "1e400",
        "NaN",
        "[]",
        "{}",
        '"\\ud800"',
        "\x00",
        "true",
        "../",
        "9" * 30,
    ]
    outcomes = {"table": 0, "error": 0}
    for _ in range(60):
        text = good
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(text))
            text = text[:place] + rng.choice(pieces) + text[place + rng.choice((0, 1, 1, 4)) :]
        (tmp_path / "train.json").write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            info = run_once(tmp_path, path)
        except LayoutError:
            outcomes["error"] += 1
        else:
            outcomes["table"] += 1
            assert info.num_rows + info.report["skipped"] >= 1
    assert min(outcomes.values()) > 5


def test_words_that_change_make_another_table(tmp_path: Path) -> None:
    write_folders(tmp_path, 2)
    path = card(tmp_path, {"kind": "folders", "target": "target"})
    for name in ("000", "001"):
        (tmp_path / f"source/{name}.txt").write_text("add a hat")
    run_once(tmp_path, path)
    (tmp_path / "source/001.txt").write_text("add a dog")
    run_once(tmp_path, path)
    assert Table(tmp_path / "prepared/mine/train").row(1).example.instruction == "add a dog"
