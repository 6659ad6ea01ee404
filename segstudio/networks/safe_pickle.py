"""Reads what PyTorch pickled, both file formats, without executing or importing anything that a file names.

PyTorch's own safe reader refuses files that hold more than tensors, such as the training settings of TAO or
mmengine. Here tensors come out of a few functions of this module, and every other class that a file names
becomes an inert object that only remembers what the file says about it.
"""

import io
import math
import pickle
import re
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
import torch
from torch import Tensor

# How a file of each format begins.
ZIP_START = b"PK\x03\x04"
LEGACY_START = b"\x80\x02\x8a\n"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
# Whatever a damaged or forged file can make the readers stumble over.
DAMAGES = (
    pickle.UnpicklingError, zipfile.BadZipFile, struct.error, EOFError, OSError, RuntimeError, ValueError,
    TypeError, AttributeError, LookupError, ArithmeticError, AssertionError, NotImplementedError, MemoryError,
)  # fmt: skip
STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
NUMPY_NUMBER = re.compile(r"[fiu][1248]|b1")


class Inert:
    """Stands for an object of a class that a file names: holds what the file gives it, does nothing.

    Attributes:
        name: module and class that the file names.
        arguments: what the file would have called the class with.
        state: what the file would have restored the object from.
        entries, elements: what the file would have put in, if the class is like a dict or a list.
    """

    name: ClassVar[str] = ""
    arguments: tuple[Any, ...]
    state: Any
    entries: dict[Any, Any]
    elements: list[Any]

    def __new__(cls, *arguments: Any) -> "Inert":
        made = super().__new__(cls)
        made.arguments, made.state, made.entries, made.elements = arguments, None, {}, []
        return made

    def __init__(self, *_: Any) -> None:
        """Takes any arguments, for `__new__` has kept them."""

    def __call__(self, *_: Any) -> "Inert":
        return self

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.entries[key] = value

    def append(self, value: Any) -> None:
        """Keeps an element."""
        self.elements.append(value)

    def extend(self, values: Any) -> None:
        """Keeps elements."""
        self.elements.extend(values)

    add = append


class StorageKind:
    """The type of numbers of a storage that a file names."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


def rebuild_tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    """A view of a storage.

    Raises:
        pickle.UnpicklingError: it would show more than the storage has.
    """
    size = tuple(size)
    if not isinstance(storage, Tensor) or math.prod(size) > storage.numel():
        raise pickle.UnpicklingError("a tensor is larger than its storage")
    return torch.as_strided(storage, size, tuple(stride), offset)


def rebuild_small_floats(
    storage: Any, offset: int, size: Any, stride: Any, _grad: Any, _hooks: Any, dtype: Any, *_: Any
) -> Tensor:
    """A view of a storage of bytes as numbers of a type that has no storage of its own, such as float8.

    Raises:
        pickle.UnpicklingError: it would show more than the storage has, or the type is none of one byte.
    """
    if not isinstance(dtype, torch.dtype) or dtype.itemsize != 1:
        raise pickle.UnpicklingError("numbers of no known type")
    return rebuild_tensor(storage, offset, size, stride).view(dtype)


def rebuild_parameter(data: Any, *_: Any) -> Any:
    """A parameter is its tensor."""
    return data


def numpy_number(kind: Any, data: Any) -> Any:
    """A number that numpy wrote; None for everything else that it wrote in this way."""
    code = kind.arguments[0] if isinstance(kind, Inert) and kind.arguments else ""
    if not isinstance(code, str) or not NUMPY_NUMBER.fullmatch(code) or not isinstance(data, bytes):
        return None
    return np.frombuffer(data, code, 1)[0].item()


def latin_bytes(text: str, *_: Any) -> bytes:
    """Bytes as the second pickle protocol spells them."""
    return text.encode("latin1")


FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v3"): rebuild_small_floats,
    ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
    ("numpy.core.multiarray", "scalar"): numpy_number,
    ("numpy._core.multiarray", "scalar"): numpy_number,
    ("_codecs", "encode"): latin_bytes,
}
VALUES: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): torch.Size,
    **{("torch", name): value for name, value in vars(torch).items() if isinstance(value, torch.dtype)},
}


class Unpickler(pickle._Unpickler):
    """An unpickler whose every name leads to this module; `storage` gives the numbers of a storage.

    It is Python's own in Python: the one in C takes gigabytes when a damaged file numbers its objects oddly.
    """

    def __init__(self, stream: BinaryIO, storage: Callable[..., Tensor] | None = None) -> None:
        super().__init__(stream, encoding="utf-8")
        self.storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name in a file; nothing is imported."""
        if (module, name) in FUNCTIONS:
            # A new object for each file: a pickle may set attributes of whatever it names.
            return partial(FUNCTIONS[module, name])
        if (module, name) in VALUES:
            return VALUES[module, name]
        if module in ("torch", "torch.storage", "torch.cuda") and name in STORAGES:
            return StorageKind(STORAGES[name])
        return type("Named", (Inert,), {"name": f"{module}.{name}"})

    def persistent_load(self, identity: Any) -> Any:
        """The numbers of a storage, or the stand-in for a class whose source lies in the file."""
        if isinstance(identity, tuple) and len(identity) > 1 and identity[0] == "module":
            return identity[1]
        if self.storage is None or not isinstance(identity, tuple) or identity[0] != "storage":
            raise pickle.UnpicklingError(f"an unknown reference {str(identity)[:40]}")
        kind, key, _location, count, *view = identity[1:]
        if not isinstance(kind, StorageKind) or not isinstance(count, int):
            raise pickle.UnpicklingError("a storage of no known type")
        whole = self.storage(kind.dtype, str(key), count)
        if not view or view[0] is None:
            return whole
        _name, offset, length = view[0]
        return whole[offset : offset + length]


def read_untrusted(path: Path) -> Any:
    """What a file of `torch.save` holds, with inert objects in the place of all but tensors and plain values.

    Raises:
        DAMAGES: the file is not whole or not of `torch.save`.
    """
    with path.open("rb") as stream:
        zipped = stream.read(len(ZIP_START)) == ZIP_START
    return read_zip(path) if zipped else read_legacy(path)


def read_zip(path: Path) -> Any:
    """The format since PyTorch 1.6: a zip file with one pickle and one member a storage."""
    with zipfile.ZipFile(path) as archive:
        main = next((name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"), "")
        root = main.removesuffix("data.pkl")
        if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
            raise pickle.UnpicklingError("written on a big-endian machine")
        known: dict[str, Tensor] = {}

        def storage(dtype: torch.dtype, key: str, _count: int) -> Tensor:
            if key not in known:
                known[key] = numbers(read_stored(archive, f"{root}data/{key}"), dtype)
            return known[key] if known[key].dtype == dtype else known[key].view(dtype)

        return Unpickler(io.BytesIO(read_stored(archive, main)), storage).load()


def read_stored(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member as PyTorch writes it; a compressed one could be far larger than the file."""
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        raise pickle.UnpicklingError("a compressed member")
    return archive.read(member)


def read_legacy(path: Path) -> Any:
    """The older format: pickles in a row, then the storages."""
    limit = path.stat().st_size
    known: dict[str, Tensor] = {}

    def storage(dtype: torch.dtype, key: str, count: int) -> Tensor:
        if not 0 <= count * dtype.itemsize <= limit:
            raise pickle.UnpicklingError("a storage is larger than the file")
        if key not in known:
            known[key] = torch.zeros(count, dtype=dtype)
        return known[key]

    with path.open("rb") as stream:
        if [Unpickler(stream).load(), Unpickler(stream).load()] != [LEGACY_MAGIC, LEGACY_PROTOCOL]:
            raise pickle.UnpicklingError("no file of torch.save")
        system = Unpickler(stream).load()
        if isinstance(system, dict) and system.get("little_endian") is False:
            raise pickle.UnpicklingError("written on a big-endian machine")
        values = Unpickler(stream, storage).load()
        for key in Unpickler(stream).load():
            target = known[str(key)]
            (count,) = struct.unpack("<q", stream.read(8))
            if count != target.numel():
                raise pickle.UnpicklingError("a storage of another size than announced")
            target.copy_(numbers(stream.read(count * target.itemsize), target.dtype))
    return values


def numbers(data: bytes, dtype: torch.dtype) -> Tensor:
    """Bytes as a flat tensor that owns them.

    Raises:
        pickle.UnpicklingError: they are no whole numbers of that type.
    """
    if len(data) % dtype.itemsize:
        raise pickle.UnpicklingError("a storage ends within a number")
    assert sys.byteorder == "little"
    if not data:
        return torch.empty(0, dtype=dtype)
    if dtype == torch.bool:
        # A view takes any byte as it is; a bool must be 0 or 1.
        return torch.from_numpy(np.frombuffer(data, np.uint8) != 0)
    return torch.from_numpy(np.frombuffer(data, np.uint8).copy()).view(dtype)
