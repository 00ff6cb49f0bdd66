"""Names of what commands write are judged before anything is built, decoded or counted."""

from pathlib import Path

import pytest
from support.tars import write_shards

from veggie_pl.cli import main
from veggie_pl.commands import check, plan
from veggie_pl.data.table import TableInfo, write_table
from veggie_pl.data.table.quarantine import NAME

UNBUILDABLE = ["--config", "conf/stage1.yaml", "--model.mllm.init_args.folder", "none"]  # names come before it


def refused(args: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=f"error: .*{message}") as error:
        main(args)
    assert "\n" not in str(error.value)


def test_export_names_come_first(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years")
    for output, message in (
        ("mine", "mine exists and is no model folder"),
        ("mine/thesis.txt", "thesis.txt exists and is no model folder"),
        ("mine/thesis.txt/model", "no folder can be made there, .*thesis.txt is a file"),
        ("new/model", "no MLLM at 'none'"),
    ):
        refused(["export", *UNBUILDABLE, "-o", str(tmp_path / output)], message)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.txt"]


def test_export_replaces_nothing_that_it_is_made_from(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "kept").mkdir(parents=True)
    (model / "veggie.json").write_text("{}")
    for name in ("last.ckpt", "config.yaml"):
        (model / "kept" / name).write_text("{}")
    inside = r"lies in .*model, which is replaced; name another output"
    refused(["export", "--checkpoint", str(model / "kept/last.ckpt"), *UNBUILDABLE, "-o", str(model)], inside)
    refused(["export", *UNBUILDABLE, "-o", str(model), "--share_mllm", str(model / "kept")], f"the MLLM, {inside}")
    refused(["export", "--from", str(model / "kept"), "-o", str(model)], f"the model folder, {inside}")
    refused(["export", "--from", str(tmp_path), "-o", str(tmp_path)], "is the model folder itself")
    assert (model / "kept/last.ckpt").is_file()


def test_plan_names_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "predict", lambda *_: pytest.fail("counted"))
    refused(["plan", *UNBUILDABLE, "-o", str(tmp_path)], "is a folder; name a file")
    refused(["plan", *UNBUILDABLE, "-o", str(tmp_path / "no/plan.json")], "the folder .*no does not exist")


def test_index_names_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shard,) = write_shards(tmp_path, [2])
    before = Path(shard).read_bytes()
    refused(["index", f"file://{shard}", "-o", shard], "is the shard itself; name another index")
    hidden = tmp_path / ".index.json.partial"
    Path(shard).rename(hidden)
    link = tmp_path / "link.tar"
    link.symlink_to(hidden)
    refused(["index", str(link), "-o", str(tmp_path / "index.json")], "is the shard itself; name another half-written")
    refused(["index", "none.tar", "-o", str(tmp_path)], "is a folder; name a file")
    assert hidden.read_bytes() == before


def test_check_names_come_first_and_tables_are_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(check, "check_tables", lambda folders, *_: seen.extend(folders) or [])
    made = tmp_path / "prepared/some/train"
    write_table(made, [], TableInfo(card="some", root=str(tmp_path)))
    (tmp_path / "link").symlink_to(made)
    main(["check", str(made), str(tmp_path / "prepared"), f"{made}/../train", str(tmp_path / "link")])
    assert seen == [made]
    (made / NAME).mkdir()
    refused(["check", str(made)], f"{NAME} is a folder; name a file")
    assert seen == [made]
