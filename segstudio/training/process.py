"""Prepares the process of a training: memory that is kept, not given back, and the number of threads."""

import ctypes
import platform

import cv2
import torch

M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
KEPT_BYTES = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tells glibc to keep freed blocks; says whether it did.

    By default large blocks go back to the system at once and every page of the next one faults again, which
    made training on CPU several times slower where faults are dear. glibc refuses a higher threshold than
    32 MiB for blocks of their own, and activations are larger: so it is told never to make such blocks.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(M_MMAP_MAX, 0)) and bool(libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))


def limit_threads(threads: int) -> None:
    """Sets torch's threads within an operation (0 leaves the default) and turns OpenCV's off.

    OpenCV's pool does not survive the fork of the workers that augment, and they are parallel already.
    """
    cv2.setNumThreads(0)
    if threads > 0:
        torch.set_num_threads(threads)
