"""A browser for tests and screenshots, into .chromium: from npm, which packs Chromium's headless shell for servers.

    python -m benchmarks.chromium

A Chromium that is on the path is taken instead. Where neither can be had this says so, and tests of pages are skipped.
"""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@sparticuz/chromium@153.0.0"  # MIT; the browser and its licences are Chromium's
FOLDER = Path(__file__).resolve().parent.parent / ".chromium"
BROWSER = FOLDER / "chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome")
_DECODE = (
    "const fs = require('fs'), [packed, place] = process.argv.slice(1);"
    "fs.writeFileSync(place, require('zlib').brotliDecompressSync(fs.readFileSync(packed)))"
)
FLAGS = (
    "--no-sandbox",  # which root has no use of, as in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Find the browser; None where there is none."""
    on_path = next((found for name in NAMES if (found := shutil.which(name))), None)
    return on_path or (str(BROWSER) if BROWSER.is_file() else None)


def install() -> str:
    """Fetch and unpack it; return what there is to say."""
    if (found := find_chromium()) is not None:
        return f"chromium: {found}"
    if shutil.which("npm") is None:
        return "chromium: none, as there is no npm to fetch it; Debian's package chromium does as well"
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", folder]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            return f"chromium: none, npm could not fetch {PACKAGE}: {done.stderr.strip()[-300:]}"
        unpack(packed, FOLDER)
    try:
        done = subprocess.run([BROWSER, "--version"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:  # built for another processor, or a library is missing
        shutil.rmtree(FOLDER)
        return f"chromium: none, it does not start here: {(getattr(error, 'stderr', '') or str(error)).strip()[-300:]}"
    return f"chromium: {BROWSER} ({done.stdout.strip()})"


def unpack(packed: Path, folder: Path) -> None:
    """Unpack the browser; npm comes with node, which reads Brotli."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place, tarfile.open(packed) as package:
        package.extract("package/bin/chromium.br", place, filter="data")
        partial = Path(place, "chromium")
        subprocess.run(["node", "-e", _DECODE, f"{place}/package/bin/chromium.br", str(partial)], check=True)
        partial.chmod(0o755)
        partial.rename(folder / "chromium")


if __name__ == "__main__":
    print(install())
