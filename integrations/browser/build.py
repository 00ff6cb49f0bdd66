"""The page that edits in the browser alone: one folder of static files for any host, below 45 MB.

    python integrations/browser/build.py build/web
    python -m http.server -d build/web 8000 --bind 127.0.0.1

Graphs of a model (``export --onnx --half``), example clips, and onnxruntime-web from npm; ``--runtime_only`` fetches
the last alone, into build/onnxruntime-web, where tests find it.
"""

import argparse
import base64
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from veggie_pl.batch import Skill
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.errors import UseError
from veggie_pl.files import ROOT, whole_folder
from veggie_pl.inference.onnx_parity import save_onnx
from veggie_pl.inference.which_model import find_model
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.video.clip import ClipFile, to_frames

RUNTIME = ROOT / "build/onnxruntime-web"
HERE = Path(__file__).resolve().parent
PACKAGE = "onnxruntime-web"  # of the version that package.json names
LOADED = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")  # its build for processors, without those for GPUs
FILES = ("index.html", "page.js", "worker.js", "edit.js", "sizes.js", "tokenizer.js")
MOST = 45e6  # bytes in all
EXAMPLE = ("highlight the green circle with red masks", "remove the green circle", "make it sepia style")


def fetch_runtime(folder: Path = RUNTIME) -> Path:
    """Get onnxruntime-web by npm, unless it is there.

    Raises:
        UseError: If npm is not there or cannot get it.
    """
    if all((folder / name).is_file() for name in LOADED):
        return folder
    if (npm := shutil.which("npm")) is None:
        raise UseError("onnxruntime-web comes by npm, which is not here; Debian's package is called npm")
    folder.parent.mkdir(parents=True, exist_ok=True)
    version = json.loads((HERE / "package.json").read_text())["dependencies"][PACKAGE]
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            [npm, "pack", f"{PACKAGE}@{version}", "--silent"], cwd=place, check=False, capture_output=True, text=True
        )
        packed = [*Path(place).glob("*.tgz")]
        if done.returncode or len(packed) != 1:
            raise UseError(f"npm could not get {PACKAGE} {version}: {done.stderr.strip()[-300:]}")
        with tarfile.open(packed[0]) as tar, whole_folder(folder) as building:
            for name in LOADED:
                content = tar.extractfile(f"package/dist/{name}")
                assert content is not None, f"{PACKAGE} {version} has no {name}"
                (building / name).write_bytes(content.read())
    return folder


def build_page(model: VeggieModel, folder: Path, runtime: Path) -> int:
    """Write the page into a folder, which it replaces; return its size in bytes.

    Raises:
        UseError: If the folder holds something else, the model cannot be written as ONNX, or all together is too large.
    """
    if folder.exists() and not all((folder / name).is_file() for name in FILES):
        raise UseError(f"{folder} exists and is no page of this kind; name another folder")
    with whole_folder(folder) as building:
        for name in FILES:
            shutil.copyfile(HERE / name, building / name)
        (building / "onnxruntime").mkdir()
        for name in LOADED:
            shutil.copyfile(runtime / name, building / "onnxruntime" / name)
        (building / "model").mkdir()
        save_onnx(model, building / "model", half=True)
        (building / "clips.json").write_text(json.dumps({"clips": example_clips(model)}))
        size = sum(path.stat().st_size for path in building.rglob("*") if path.is_file())
        if size >= MOST:
            raise UseError(
                f"the page would be {size / 1e6:.1f} MB, at most {MOST / 1e6:.0f}; a smaller model is needed"
            )
    return size


def example_clips(model: VeggieModel) -> list[dict[str, Any]]:
    """Give the README's example, and the first clip of each skill of the test split of Moving Shapes."""
    frames = ClipFile(ROOT / "docs/example.mp4").frames()[: model.queries.max_frames]
    clips = [_clip("the example of the README", frames, EXAMPLE)]
    size = model.size[0]
    for skill, stream in ShapesBenchmark("test", num_frames=model.queries.max_frames, size=size).streams().items():
        sample = stream[0]
        name = f"Moving Shapes, {str(Skill(skill)).replace('_', ' ')}"
        clips.append(_clip(name, to_frames(sample.source), (sample.example.instruction or "",)))
    return clips


def _clip(name: str, frames: Any, instructions: tuple[str, ...]) -> dict[str, Any]:
    num_frames, height, width, _ = frames.shape
    pixels = base64.b64encode(frames.tobytes()).decode()
    size = {"frames": num_frames, "height": height, "width": width}
    return {"name": name, "instructions": instructions, **size, "pixels": pixels}


def main() -> None:
    """Build the page, or fetch what runs its graphs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where to write the page")
    parser.add_argument("--model", default="weights/nano/model", help="a model folder")
    parser.add_argument("--runtime_only", action="store_true", help="fetch onnxruntime-web and write no page")
    given = parser.parse_args()
    try:
        runtime = fetch_runtime()
        if given.runtime_only:
            return
        if given.folder is None:
            raise UseError("name a folder to write the page to")
        size = build_page(load_model(find_model([given.model], "--model", any_length=True)), given.folder, runtime)
    except UseError as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{given.folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
