"""What a frozen network made of a clip before, kept on disk by the clip's name."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.files import whole_file
from veggie_pl.host import Later
from veggie_pl.tensor_digest import digest_of

log = logging.getLogger(__name__)
PASSING = ("transformers_version", "architectures", "dtype", "torch_dtype")  # facts of a config that change no number


class CacheError(UseError):
    """A folder that takes no more; the message names it, the reason and what to do."""


class TensorCache:
    """Named tensors of clips; any number of processes may share a folder.

    An entry is known by what it is made of: the clip's name (``ClipNames``: files, frames picked, size and all else
    that its pixels are a function of), its shape and type, the network's weights and settings, and the precision. No
    pixel is looked at, and reading waits for no device. Streams draw nothing anew in another epoch, so a clip has one
    name for ever; a clip without a name is neither looked for nor kept. Chance after the network (a posterior's sample)
    is not kept: mean and deviation are, and noise stays a function of (seed, index).

    Not asked for: on which device an entry was made, and by which version of torch; they round differently.

    Args:
        folder: Grows without bound; deleting it, or any file in it, is safe at any time.
        network: What makes the tensors: another network never reads them, nor the same one in another precision.
        settings: What else they depend on, such as ``settings_of`` a config.
    """

    def __init__(self, folder: str | Path, network: nn.Module, settings: str = "") -> None:
        self.folder, self.network, self.settings = Path(folder), network, settings
        self.counts = Counter[str]()  # entries found, made, damaged
        self.strict = False  # whether a folder that takes no more is an error; training goes on without
        self._is_full = False
        self._network_key = b""
        self._open: list[tuple[str, dict[str, Later]]] = []

    def prepare(self) -> None:
        """Hash the weights, once they are those of the run: about a second for a gigabyte."""
        if not self._network_key:
            self._network_key = digest_of(self.network.state_dict())

    def precision(self, device: str) -> str:
        """Tell that of the weights, of autocast on this kind of device, and of products of float32.

        Autocast is entered and weights are cast after the cache was made, so it is asked for anew.
        """
        autocast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        weights = sorted({str(tensor.dtype) for tensor in self.network.parameters()})
        return f"{autocast} {weights} {torch.get_float32_matmul_precision()}"

    def keys(
        self, names: Sequence[str], kind: str, shape: Sequence[int], dtype: torch.dtype, precision: str
    ) -> list[str]:
        """Give the key of each clip; empty for a clip without a name.

        Args:
            names: Of clips of one shape.
            kind: Of the tensors.
            shape: Of one clip: (frames, 3, height, width).
            dtype: Of the clips.
            precision: See ``precision``.
        """
        self.prepare()
        shared = blake2b(self._network_key, digest_size=16)
        shared.update(f"{kind} {precision} {dtype} {tuple(shape)} {self.settings} ".encode())
        found = []
        for name in names:
            digest = shared.copy()
            digest.update(name.encode())
            found.append(digest.hexdigest() if name else "")
        return found

    def has(self, key: str) -> bool:
        """Tell whether something is kept, without reading it."""
        return self._path(key).exists()

    def get(self, key: str) -> dict[str, Tensor] | None:
        """Return what is kept, on the CPU; None if nothing is. A file that is damaged or of another key is removed."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            found = load(data)
            head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            if head.get("__metadata__", {}).get("key") != key:
                raise SafetensorError("it is of another clip or network")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except SafetensorError as error:
            if not self.counts["damaged"]:
                log.warning("%s is damaged (%s) and will be made again, as any others that are", path, error)
            self.counts["damaged"] += 1
            path.unlink(missing_ok=True)
            return None
        self.counts["found"] += 1
        return found

    def each(
        self, keys: Sequence[str], make: Callable[[list[int]], Iterable[dict[str, Tensor]]]
    ) -> list[dict[str, Tensor]]:
        """Return what is kept of each clip; what is not is made, and kept.

        Args:
            keys: Of the clips.
            make: Gives tensors of each of these clips, by their places.
        """
        self.flush()
        found = [self.get(key) if key else None for key in keys]
        first = {key: place for place, key in reversed([*enumerate(keys)]) if key}
        lacking = [place for place, kept in enumerate(found) if kept is None and first.get(keys[place], place) == place]
        for place, made in zip(lacking, make(lacking) if lacking else (), strict=True):
            found[place] = made
            self.counts["made"] += 1
            if keys[place]:
                self.put(keys[place], made)
        for place, key in enumerate(keys):  # a clip that comes twice
            found[place] = found[first.get(key, place)]
        return [kept for kept in found if kept is not None]

    def put(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Keep tensors; a reader sees a whole file or none. What is on a GPU is written by the next call or ``flush``.

        Raises:
            CacheError: If the folder takes no more, and the cache is strict.
        """
        self._open.append((key, {name: Later(tensor) for name, tensor in tensors.items()}))
        if not any(tensor.is_cuda for tensor in tensors.values()):
            self.flush()

    def flush(self) -> None:
        """Write what is on its way from a device."""
        while self._open:
            key, tensors = self._open.pop()
            if not self._is_full:
                self._write(key, {name: later.read().contiguous() for name, later in tensors.items()})

    def _write(self, key: str, tensors: dict[str, Tensor]) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path, shared=True) as partial:
                save_file(tensors, partial, {"key": key})
        except (OSError, SafetensorError) as error:  # safetensors has an error of its own for a full disk
            said = f"the cache {self.folder} takes no more ({error}): make room, or name another folder"
            if self.strict:
                raise CacheError(said) from error
            log.warning("%s; the run goes on, and keeps nothing more", said)
            self._is_full = True

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"


def caches_of(module: Any) -> dict[str, TensorCache]:
    """Find the caches of a ``VeggieModule`` that are in use: the codec's, that of a vision tower while it is frozen."""
    latents, features = getattr(module.vae, "cache", None), getattr(module.mllm, "features", None)
    found = {} if latents is None else {"latents": latents}
    return found if features is None or not features.usable else {**found, "features": features.tensors}


def settings_of(*configs: Mapping[str, Any]) -> str:
    """Write configs as a text that tells what a network computes, and not where it was read from.

    >>> settings_of({"norm_num_groups": 4, "_name_or_path": "here", "transformers_version": "5"})
    '[{"norm_num_groups": 4}]'
    """

    def telling(value: Any) -> Any:
        if isinstance(value, Mapping):
            kept = {str(name): telling(one) for name, one in value.items()}
            return {name: one for name, one in kept.items() if name not in PASSING and not name.startswith("_")}
        return [telling(one) for one in value] if isinstance(value, (list, tuple)) else value

    return json.dumps([telling(config) for config in configs], sort_keys=True, default=str)
