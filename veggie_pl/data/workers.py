"""What every process that makes samples, or judges them, does first."""

import cv2
import torch

from veggie_pl.signals import own_group


def start_worker(number: int) -> None:
    """Make a process of a ``DataLoader`` ready; its ``worker_init_fn``."""
    own_group(number)
    limit_threads()


def limit_threads(number: int = 0) -> None:
    """Keep this process to one thread a library: there is a process for every core, and more would only wait.

    Args:
        number: Of the worker, as ``DataLoader`` passes it to its ``worker_init_fn``.
    """
    cv2.setNumThreads(0)  # not 1: OpenCV would join the threads of the process that this one was forked from, and die
    torch.set_num_threads(1)
