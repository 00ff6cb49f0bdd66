"""Programs that use the page: what they get is theirs, and right."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.fake import pattern, write_fake
from support.hostile import hostile, video
from support.pages import Served

from veggie_pl.cli import main
from veggie_pl.video.clip import ClipFile
from veggie_pl.video.writer import ClipWriter

httpx = pytest.importorskip("httpx", reason="the page needs Gradio: the extra [app]")
pytest.importorskip("gradio_client", reason="the page needs Gradio: the extra [app]")
from gradio_client import Client, handle_file  # noqa: E402
from gradio_client.exceptions import AppError  # noqa: E402

WORDS = "highlight the red square with blue masks"
OPTIONS = {
    **{"steps": 1, "seed": 0, "guidance_task": None, "guidance_source": None, "keep": "nothing", "region": None},
    **{"long": "default", "window": None, "overlap": None, "matte": "mp4"},
}


@pytest.fixture(scope="module")
def client(page: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    one = client_of(page, tmp_path_factory.mktemp("client"))
    yield one
    one.close()


def client_of(page: Served, folder: Path) -> Any:
    return Client(page.address, verbose=False, download_files=str(folder / "got"))


def given(path: Path, words: str = WORDS, **options: Any) -> list[Any]:
    return [handle_file(str(path)), words, *(OPTIONS | options).values()]


def region_file(path: Path, frames: int, width: int = 64, height: int = 48) -> Path:
    """White in the right half, and over all of the last frame."""
    white = np.zeros((frames, height, width, 3), np.uint8)
    white[:, :, width // 2 :] = 255
    white[-1] = 255
    with ClipWriter(path, 12.0) as writer:
        writer.write(white)
    return path


@pytest.mark.parametrize(
    ("mask", "region", "options"),
    [
        ("mask.mp4", None, {"seed": 3}),
        ("mask.webm", "white.mp4", {"long": "anchored", "window": 4, "overlap": 1, "matte": "webm"}),
        ("mask.zip", "white.png", {"keep": "background", "long": "blended", "matte": "png"}),
    ],
)
def test_an_edit_can_be_repeated_by_its_recipe(
    client: Any,
    tmp_path: Path,
    page: Served,
    mask: str,
    region: str | None,
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_fake(tmp_path / "my clip; rm -rf.mp4", 6)
    inputs = {"source": source}
    asked = dict(options)
    if region:
        inputs["region"] = region_file(tmp_path / region, 6 if region.endswith(".mp4") else 1)
        asked["region"] = handle_file(str(inputs["region"]))
    shown, files, said = client.predict(*given(source, **asked), api_name="/edit")
    edit, matte, recipe = map(Path, files)
    assert [path.name for path in (edit, matte, recipe)] == ["edit.mp4", mask, "edit.json"]
    assert said == ""
    assert shown.count("<video") == 3
    assert "my clip" not in shown + recipe.read_text()
    told = json.loads(recipe.read_text())
    assert {name: told.get(name, options[name]) for name in options} == options
    assert all(path.stat().st_size for path in page.files())  # Gradio's empty ones are removed

    again = tmp_path / "again"
    again.mkdir()
    for name, path in inputs.items():
        (again / told[name]).write_bytes(path.read_bytes())
    monkeypatch.chdir(again)
    main(["edit", "--config", str(recipe)])
    assert np.array_equal(ClipFile(again / "edit.mp4").frames(), ClipFile(edit).frames())
    if mask == "mask.zip":
        with zipfile.ZipFile(matte) as packed:
            assert sorted(packed.namelist()) == [f"{number:06d}.png" for number in range(6)]
            assert all(packed.read(path.name) == path.read_bytes() for path in (again / "mask").iterdir())
    else:
        assert np.array_equal(ClipFile(again / mask).frames(), ClipFile(matte).frames())


def test_ten_requests_of_three_clients_are_none_lost_or_mixed_up(
    page: Served, tmp_path: Path, model_folder: Path
) -> None:
    before = len(page.files())
    clients = [client_of(page, tmp_path / name) for name in "abc"]
    jobs = []
    for number in range(10):
        source = write_fake(tmp_path / f"{number}.mp4", 2 + number, 32 + 16 * number)
        words = WORDS if number % 2 else "remove the red square"
        jobs.append((number, words, clients[number % 3].submit(*given(source, words, seed=number), api_name="/edit")))
    for number, words, job in jobs:
        shown, files, _ = job.result(timeout=120)
        recipe = json.loads(Path(files[-1]).read_text())
        assert (recipe["seed"], recipe["instruction"]) == (number, words)
        assert len(files) == 2 + number % 2
        assert shown.count("<video") == len(files)
        for path in files[:-1]:
            info = ClipFile(path).info
            assert (info.num_frames, info.width) == (2 + number, 32 + 16 * number)
    for one in clients:
        one.close()
    assert len(page.wait_until(before)) == before  # who leaves leaves nothing


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"words": " "}, "the instruction is empty"),
        ({"words": "x" * 1001}, "1001 letters; the limit is 1000"),
        ({"seed": -1}, "--seed must be in 0"),
        ({"guidance_task": "much"}, "guidance to the task must be a number, got"),
        ({"guidance_source": "inf"}, "--guidance-source must be a finite number"),
        ({"window": 2.5}, "window must be a whole number, got 2.5"),
        ({"window": 4, "overlap": 4}, "overlap must be below the window of 4 frames, got 4"),
        ({"window": 99}, "a window of 99 frames, but the model takes at most"),
    ],
)
def test_what_cannot_be_is_said(client: Any, tmp_path: Path, change: dict[str, Any], why: str) -> None:
    source = write_fake(tmp_path / "clip.mp4", 2)
    with pytest.raises(AppError, match=why):
        client.predict(*given(source, **change), api_name="/edit")


def test_a_region_that_does_not_fit_is_said(client: Any, tmp_path: Path) -> None:
    source = write_fake(tmp_path / "clip.mp4", 2)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    for region, why in (
        (text, "^the region cannot be read: it"),
        (
            region_file(tmp_path / "small.png", 1, 32),
            "^the region: a region of 32 x 48 pixels, but the source has 64 x 48",
        ),
        (region_file(tmp_path / "long.mp4", 3), "^the region: a region of 3 frames, but the source has 2"),
    ):
        with pytest.raises(AppError, match=why):
            client.predict(*given(source, region=handle_file(str(region))), api_name="/edit")


def test_clips_over_the_limits_are_refused(client: Any, tmp_path: Path, page: Served) -> None:
    long = write_fake(tmp_path / "long.mp4", 41)
    with pytest.raises(AppError, match="the clip has 41 frames; this page takes 40 at most"):
        client.predict(*given(long), api_name="/edit")
    assert "41 frames" in client.predict(handle_file(str(long)), api_name="/look")


def test_uploads_are_called_by_chance_and_have_a_limit(page: Served) -> None:
    where = f"{page.address}gradio_api/upload"
    names = ["../../up.mp4", "x" * 300 + ".mp4", "con.mp4", "$(id).mp4", "a.php", "\u202e4pm.mp4"]
    told = [httpx.post(where, files={"files": (name, name.encode())}).json() for name in names]
    found = [Path(path).relative_to(page.root).parts for (path,) in told]
    assert all(re.fullmatch(r"[0-9a-f]{16}(\.mp4)?", name) for _, name in found)
    assert Path(told[4][0]).suffix == ""
    large = httpx.post(where, files={"files": ("large.mp4", bytes(10**6 + 1))})
    assert (large.status_code, large.text) == (413, "File size exceeded maximum allowed size of 1000000 bytes.")


def test_a_stop_leaves_nothing(client: Any, tmp_path: Path, page: Served) -> None:
    before = len(page.files())
    source = write_fake(tmp_path / "clip.mp4", 40)
    job = client.submit(*given(source, steps=100), api_name="/edit")
    while client.predict(api_name="/stop") == "Nothing is at work.":
        pass
    assert job.result(timeout=60)[2] == "Stopped; nothing was kept."
    assert len(page.wait_until(before + 1)) == before + 1  # the upload


def test_it_tells_what_it_understands(client: Any, tmp_path: Path) -> None:
    assert "as **grounding**, painted blue" in client.predict(WORDS, api_name="/understand")
    assert "of no skill" in client.predict("hm", api_name="/understand")
    source = write_fake(tmp_path / "clip.mp4", 6)
    about = client.predict(handle_file(str(source)), api_name="/look")
    assert about.startswith("6 frames of 64 x 48 pixels, 0.5 s at 12 frames a second; an edit takes about 0:00:")


def test_odd_clips_are_told_before_any_work(client: Any, tmp_path: Path) -> None:
    sound = io.BytesIO()
    with av.open(sound, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.rate = 8000
        file.mux([*stream.encode(silence), *stream.encode()])
    for name, content, told in (
        ("one.mp4", video(".mp4", pattern(1, 64, 48), [0]), "^1 frame of 64 x 48 pixels"),
        ("4k.mp4", video(".mp4", pattern(1, 3840, 2160), [0]), "^1 frame of 3840 x 2160 pixels"),
        ("sound.mp4", sound.getvalue(), r"^\*\*This cannot be edited:\*\* the clip.*video"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert re.search(told, client.predict(handle_file(str(path)), api_name="/look")), name


def test_frames_keep_their_own_times(client: Any, tmp_path: Path) -> None:
    ticks = [0, 1, 8, 9, 20, 21]
    path = tmp_path / "varied.mp4"
    path.write_bytes(video(".mp4", pattern(6, 64, 48), ticks))
    _, files, _ = client.predict(*given(path), api_name="/edit")
    for file in files[:2]:
        timing = ClipFile(Path(file)).timing
        assert [float(tick * timing.base) for tick in timing.ticks[:6]] == pytest.approx([tick / 10 for tick in ticks])


def test_hostile_uploads_do_no_harm(client: Any, page: Served, tmp_path: Path) -> None:
    for number in (0, 5, 9, 11, *range(12, 28, 3)):  # bombs, nothing, and damaged ones
        name, content = hostile(number)
        path = tmp_path / name
        path.write_bytes(content)
        before = len(page.files())
        error = client.submit(*given(path, "remove it"), api_name="/edit").exception(timeout=60)
        assert error is None or len(page.files()) == before, name
        assert re.search("fault of the program|veggie_app_", str(error)) is None, name


def test_files_that_were_not_uploaded_are_not_read(page: Served) -> None:
    for path in (str(page.log), str(page.root / "../log"), "/etc/passwd"):
        taken = {"path": path, "meta": {"_type": "gradio.FileData"}}
        data = {"data": [taken, WORDS, *OPTIONS.values()]}
        number = httpx.post(f"{page.address}gradio_api/call/edit", json=data).json()["event_id"]
        assert "event: error" in httpx.get(f"{page.address}gradio_api/call/edit/{number}", timeout=60).text
        assert httpx.get(f"{page.address}gradio_api/file={path}").status_code == 403
