"""What the README says of one's own data works as it stands there: its card, its list and its commands."""

import re
import shlex
from pathlib import Path

import pytest
from support.layouts.own import picture, png

from veggie_pl.cli import main
from veggie_pl.data.table import Table, TableRecords
from veggie_pl.files import CONF

SECTION = (CONF.parent / "README.md").read_text().split("## Your own data\n")[1].split("\n## ")[0]
CARD = re.search(r"```yaml\n(.*?)```", SECTION, re.S)[1]
COMMANDS = [
    shlex.split(line.split("#")[0])[3:] for line in re.search(r"```bash\n(.*?)```", SECTION, re.S)[1].splitlines()
]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the README's card and a list, and the configs at hand."""
    data = tmp_path / "my_data"
    (data / "pictures").mkdir(parents=True)
    lines = re.search(r"train.csv +(\S+)\n +(\S.*)\n", SECTION)
    example = lines[2].replace("1_edited", "{0}_edited").replace("/1.png", "/{0}.png")
    (data / "train.csv").write_text(
        "\n".join([lines[1], *(example.format(i) for i in range(1, 9)), example.format(99)])
    )
    for i in range(1, 9):
        (data / f"pictures/{i}.png").write_bytes(png(picture(i % 4)))
        (data / f"pictures/{i}_edited.png").write_bytes(png(255 - picture(i % 4)))
    (data / "card.md").write_text(CARD)
    for name in ("conf", "weights"):
        (tmp_path / name).symlink_to(CONF.parent / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_readme_shows_the_commands_in_order() -> None:
    assert [command[0] for command in COMMANDS] == ["prepare", "check", "preview", "fit"]
    assert len(CARD.strip().splitlines()) <= 10


@pytest.mark.slow
def test_own_data_as_the_readme_says(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare, check, preview, fit = COMMANDS
    main(prepare)
    table = Table("prepared/mine/train")
    assert len(table) == 8
    assert table.info.report["skipped"] == 1
    assert TableRecords("prepared/mine/train", size=32)[0].example.instruction == "put a hat on the cat"
    main([*check, "--num_workers", "1", "--timeout", "600"])
    assert (own / "prepared/mine/train/ledger.jsonl").is_file()
    main(preview)
    assert (own / "mine.png").stat().st_size > 1000
    few = ["--trainer.max_steps", "1", "--data.batch_size", "2", "--data.num_workers", "0"]
    main([*fit, *few, "--trainer.limit_val_batches", "0", "--trainer.enable_progress_bar", "false"])
    assert list(own.glob("runs/stage1/version_0/checkpoints/*.ckpt"))


def test_prepare_without_root_looks_beside_the_card(own: Path) -> None:
    main(["prepare", "my_data/card.md", "--num_workers", "0", "-o", "elsewhere"])
    assert Table("elsewhere/mine/train").info.root == str((own / "my_data").resolve())


def test_prepare_that_keeps_no_row_fails_in_one_line(own: Path) -> None:
    names = (own / "my_data/train.csv").read_text().splitlines()
    (own / "my_data/train.csv").write_text("\n".join([names[0], names[-1]]))
    with pytest.raises(
        SystemExit, match=r"no row is kept .* all 1 are skipped: 1 such as .*99.* no such file"
    ) as caught:
        main(["prepare", "my_data/card.md", "--num_workers", "0"])
    assert "\n" not in str(caught.value)
    (own / "my_data/train.csv").write_text(names[0])
    with pytest.raises(SystemExit, match="no row is kept of the examples, none is found"):
        main(["prepare", "my_data/card.md", "--num_workers", "0"])


def test_a_link_in_a_circle_is_one_row_that_is_skipped(own: Path) -> None:
    (own / "my_data/pictures/99.png").symlink_to("99.png")
    (own / "my_data/pictures/99_edited.png").symlink_to("99.png")
    main(["prepare", "my_data/card.md", "--num_workers", "0"])
    report = Table("prepared/mine/train").info.report
    assert (report["kept"], report["skipped"]) == (8, 1)
    assert "99.png" in str(report["reasons"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["magicbrush"], r"datasets/magicbrush: no such folder; --root names the folder of MagicBrush \(https"),
        (["magicbrsh"], r"no card 'magicbrsh', .*did you mean magicbrush\?"),
        (["my_data/card.md", "--splits", "val"], "mine has no split val; the choices are train"),
        (["my_data/card.md", "--splts", "train"], "did you mean splits"),
        (["my_data/card.md", "--limit", "0"], "limit must be at least 1"),
        (["my_data/none.md"], "cannot be read"),
        ([], "card"),
    ],
)
def test_prepare_wrongly_called_is_one_line(args: list[str], message: str, own: Path) -> None:
    with pytest.raises(SystemExit, match=message) as caught:
        main(["prepare", *args])
    assert str(caught.value).startswith("error: ")
    assert "\n" not in str(caught.value)
