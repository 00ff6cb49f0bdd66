"""What the README tells people to type exists and parses."""

import re
from pathlib import Path

import pytest

from veggie_pl.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
BLOCKS = [re.sub(r"\\\n\s*", "", block) for block in re.findall(r"```bash\n(.*?)```", TEXT, re.S)]  # lines joined
LINES = [line for block in BLOCKS for line in block.splitlines() if line]


@pytest.mark.parametrize("line", LINES)
def test_command_exists(line: str) -> None:
    words = line.split("#")[0].split()
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M)
    elif words[0] == "python":
        assert words[:3] == ["python", "-m", "veggie_pl"]
        assert words[3] in COMMANDS
    else:
        assert words[0] == "tensorboard" or words == ["source", ".venv/bin/activate"]
    for config in re.findall(r"conf/\S+\.yaml", line):
        assert (ROOT / config).is_file()


def test_paths_exist() -> None:
    linked = re.findall(r"\]\(([^)h][^)]*)\)", TEXT)
    named = re.findall(r"`((?:conf|veggie_pl|notebooks|weights)/[^`]*)`", TEXT)
    for path in linked + named:
        assert (ROOT / path).exists(), path


def test_nothing_is_left_to_fill_in() -> None:
    assert not re.search(r"MEASURED|TODO|TBD|XXX", TEXT)


def test_ci_runs_the_readmes_test_command() -> None:
    assert "make test" in LINES
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "make test"


def test_python_runs() -> None:
    from veggie_pl.video.clip import ClipFile

    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    assert len(blocks) == 1
    frames = ClipFile(ROOT / "docs/example.mp4").frames()
    names = {"frames": frames}
    exec(blocks[0], names)
    assert len(names["video"]) == len(frames)
