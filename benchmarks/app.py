"""The page, measured and pictured: the process of the command line, asked over HTTP.

    python -m benchmarks.app [--hostile 200] [--model FOLDER]
    python -m benchmarks.app --pictures docs/app

The first tells how long after its start the first edit is there, whether ten requests of three clients are answered
each with its own, and what damaged and hostile uploads do. The second draws the page in Chromium (`make chromium`),
1280 and 360 pixels wide, and with its options open. Needs the extra `[app]`, and the checkout's tests.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from benchmarks.chromium import FLAGS, find_chromium

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "docs/example.mp4"
WORDS = "highlight the green circle with red masks"
OPTIONS = {  # as they stand on the page
    **{"steps": 2, "seed": 0, "guidance_task": None, "guidance_source": None, "keep": "nothing", "region": None},
    **{"long": "default", "window": None, "overlap": None, "matte": "mp4"},
}
START = 300.0  # seconds
SLOW = 10.0  # seconds that an upload is named for


@contextmanager
def served(folder: Path, *args: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve the page while this lasts; its files go below a folder."""
    command = [sys.executable, "-m", "veggie_pl", "app", "--files", str(folder), *args]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while not (found := re.search(r"the page is at (\S+?);", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        try:
            yield found[1], process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def tell(what: str) -> None:
    """Say it at once: the rest may take minutes."""
    print(what, flush=True)


def left(folder: Path) -> int:
    """Count the files of the page, but for its examples."""
    return sum(name != EXAMPLE.name for _, _, names in os.walk(folder) for name in names)


def measure(folder: Path, model: list[str], hostile_files: int) -> None:
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    sys.path.insert(0, str(ROOT / "tests"))
    write_fake, hostile = import_module("support.fake").write_fake, import_module("support.hostile").hostile

    started = time.perf_counter()
    with served(folder, *model) as (address, process):
        clients = [Client(address, verbose=False, download_files=str(folder / f"got{number}")) for number in range(3)]
        ready = time.perf_counter() - started
        clients[0].predict(handle_file(str(EXAMPLE)), WORDS, *OPTIONS.values(), api_name="/edit")
        tell(f"page after {ready:.1f} s, first edit after {time.perf_counter() - started:.1f} s")

        jobs = []
        for number in range(10):
            source = write_fake(folder / f"{number}.mp4", 2 + number)
            given = (handle_file(str(source)), WORDS, *(OPTIONS | {"seed": number}).values())
            jobs.append(clients[number % 3].submit(*given, api_name="/edit"))
        own = [json.loads(Path(job.result(timeout=START)[1][-1]).read_text())["seed"] for job in jobs]
        tell(f"ten requests of three clients: {sum(map(int.__eq__, own, range(10)))} answered with their own")

        outcomes: Counter[str] = Counter()
        for number in range(hostile_files):
            name, content = hostile(number)
            path = folder / name
            path.write_bytes(content)
            began = time.perf_counter()
            try:
                clients[0].predict(handle_file(str(path)), "remove it", *OPTIONS.values(), api_name="/edit")
                outcomes["edited"] += 1
            except AppError as error:
                fault = "fault of the program" in str(error)
                outcomes["faults" if fault else "refused"] += 1
                if fault:
                    tell(f"{name}: {error}")
            if (seconds := time.perf_counter() - began) > SLOW:
                tell(f"{name}: {seconds:.1f} s")
            path.unlink()
        crashed = process.poll() is not None
        for client in clients:
            client.close()
        time.sleep(20)  # Gradio looks every 15 s who has left
        (root,) = folder.glob("veggie_app_*")
        print(f"{hostile_files} hostile uploads: {dict(outcomes)}, {'crashed' if crashed else 'no crash'}")
        print(f"files when all have left: {left(root)}")
    print(f"files when the page has ended: {sum(left(path) for path in folder.glob('veggie_app_*'))}")


def picture(folder: Path, model: list[str], place: Path) -> None:
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with served(folder, *model) as (address, _), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=[*FLAGS, "--hide-scrollbars"])
        for suffix, width in (("", 1280), ("_narrow", 360), ("_options", 1280)):
            tab = browser.new_page(viewport={"width": width, "height": 800})
            tab.goto(address)
            tab.click("#examples tbody tr >> nth=0")
            tab.wait_for_function("/frames of/.test(document.querySelector('#about').innerText)")
            if suffix == "_options":
                tab.click("text=Options")
            tab.click("#start")
            videos = "[...document.querySelectorAll('#clips video')]"
            tab.wait_for_function(f"{videos}.length == 3 && {videos}.every(one => one.readyState >= 2)")
            tab.evaluate(f"{videos}[0].currentTime = 0.4")
            tab.wait_for_timeout(1000)
            path = place.with_name(f"{place.name}{suffix}.png")
            tab.screenshot(path=path, full_page=True)
            Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hostile", type=int, default=200, help="damaged and hostile uploads")
    parser.add_argument("--model", help="model folder")
    parser.add_argument("--pictures", type=Path, help="start of the pictures' names; nothing is measured then")
    given = parser.parse_args()
    model = ["--model", given.model] if given.model else []
    with tempfile.TemporaryDirectory() as folder:
        if given.pictures:
            picture(Path(folder), model, given.pictures)
        else:
            measure(Path(folder), model, given.hostile)


if __name__ == "__main__":
    main()
