"""EraseDraw: two WebDataset tars."""

import io
import json
import tarfile
from pathlib import Path

from support.layouts.tiny import Known, picture_bytes

ROWS = {
    "train": [
        Known("erasedraw/train/erasedraw-gqa-000000-wds/2345/0", "removal", "red", "gray", phrase="coffee mug"),
        Known("erasedraw/train/erasedraw-gqa-000000-wds/2345/1", "removal", "red", "blue", phrase="lamp"),
        Known("erasedraw/train/erasedraw-gqa-000000-wds/777/0", "removal", "green", "gray", phrase="dog"),
        Known("erasedraw/train/erasedraw-sharegpt4v-000000-wds/aa_1/0", "removal", "blue", "gray", phrase="kite"),
    ]
}
SKIPPED = {"train": ["no erased picture", "1 names, but an erased picture 03"]}


def write(root: Path) -> None:
    """A photograph of which nothing is erased, and an erased picture without a name."""
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / "erasedraw-gqa-000000-wds.tar", "w") as tar:
        labels = {"names": ["coffee mug", "lamp"], "prompts": [["a coffee mug on the desk"], ["a lit lamp"]]}
        _photograph(tar, "2345", "red", labels, {0: "gray", 1: "blue"})
        _photograph(tar, "9", "red", {"names": ["cat"], "prompts": [["a cat"]]}, {})
        _photograph(
            tar, "777", "green", {"names": ["dog"], "prompts": [["a dog", "a black dog"]]}, {0: "gray", 3: "red"}
        )
    with tarfile.open(root / "erasedraw-sharegpt4v-000000-wds.tar", "w") as tar:
        _photograph(
            tar, "aa_1", "blue", {"names": ["kite"], "prompts": [["a kite in the sky"]]}, {0: "gray"}, masks=False
        )


def _photograph(
    tar: tarfile.TarFile, name: str, color: str, labels: object, erased: dict[int, str], masks: bool = True
) -> None:
    _member(tar, f"{name}.original.jpg", picture_bytes(color))
    _member(tar, f"{name}.json", json.dumps(labels).encode())
    for place, left in erased.items():
        _member(tar, f"{name}.edited.{place:02d}.jpg", picture_bytes(left))
    for place in erased if masks else ():
        _member(tar, f"{name}.masks.{place:02d}.jpg", picture_bytes("gray"))


def _member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
