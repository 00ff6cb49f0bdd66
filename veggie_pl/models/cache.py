"""What a frozen network made of the same input before, kept on disk."""

import hashlib
import logging
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from veggie_pl.files import whole_file
from veggie_pl.tensor_digest import bytes_of, digest_of

log = logging.getLogger(__name__)


class TensorCache:
    """Named tensors by the content of what they were made from; any number of processes may share a folder.

    Args:
        folder: Grows without bound; deleting it, or any file in it, is safe at any time.
        network: What makes the tensors: another network never reads them, nor the same one in another precision.
    """

    def __init__(self, folder: str | Path, network: nn.Module) -> None:
        self.folder, self.network = Path(folder), network
        self._network_key = b""

    def key(self, content: Tensor, kind: str) -> str:
        """Of an input as the network gets it, every transform done, of the precision and of what else matters.

        The precision is that of the network's weights, of autocast on the input's device, and of products of float32.
        """
        if not self._network_key:
            self._network_key = digest_of(self.network.state_dict())
        digest = hashlib.blake2b(self._network_key, digest_size=16)
        digest.update(f"{kind} {self._precision(content.device.type)}".encode())
        digest.update(f"{content.dtype} {tuple(content.shape)}".encode())
        digest.update(bytes_of(content))
        return digest.hexdigest()

    def _precision(self, device: str) -> str:
        """Asked for with every key: autocast is entered and weights are cast after the cache was made."""
        autocast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        weights = sorted({str(tensor.dtype) for tensor in self.network.parameters()})
        return f"{autocast} {weights} {torch.get_float32_matmul_precision()}"

    def get(self, key: str) -> dict[str, Tensor] | None:
        """Return what was kept, on the CPU; None if nothing was. A file that is damaged is removed."""
        path = self._path(key)
        try:
            return load_file(path)
        except FileNotFoundError:
            return None
        except SafetensorError as error:
            log.warning("%s is damaged (%s) and will be made again", path, error)
            path.unlink(missing_ok=True)
            return None

    def put(self, key: str, tensors: dict[str, Tensor]) -> None:
        """Keep tensors; a reader sees a whole file or none."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, shared=True) as partial:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, partial)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"
