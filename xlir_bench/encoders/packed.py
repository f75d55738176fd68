"""A sentence-transformers folder in a quarter of its size, for models that ship in a package.

Only the form of the weights differs: matrices in 8 bits with one scale per row or, where a matrix
lies on a 4-bit grid already and nothing is lost by it, in 4 bits with one scale per 32 weights.
If the base that a model was trained from lies on such a grid, a trained matrix is the base's and
its change in 3 bits with one scale per row: a short training moves weights by less than what 8 bits
round away, so that 8 bits lose half of it, and the change by itself takes no more room.
They are float32 again when the folder is unpacked, and the model is an ordinary one. The two large
files, weights and tokenizer, are gzipped: small whole numbers crowd around zero.
"""

import gzip
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save, save_file

from xlir_bench.errors import EncoderError
from xlir_bench.paths import new_folder

PACKED = "model.packed.safetensors.gz"
PLAIN = "model.safetensors"
_TOKENIZER = "tokenizer.json"
_TRAINING = "training"
"""Folder of checkpoints and logs that ``xlir-bench train`` leaves in a model's."""
_BLOCK = 32
_GRID = 8
"""A 4-bit weight is a whole number from -8 to 7 times the scale of its block."""
_CHANGE = 3
"""The change of a weight is a whole number from -3 to 3 times the scale of its row."""
Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[np.generic]]


def is_packed(folder: Path) -> bool:
    """Say whether a folder holds a packed model."""
    return any(path.name == PACKED for path in _files(folder))


def pack(folder: Path, target: Path, base: Path | None = None) -> None:
    """Write a packed copy of a sentence-transformers folder.

    O(weights) time and memory.

    Args:
        folder: with float32 weights in ``model.safetensors``.
        target: a folder that is not there yet; whole or not at all.
        base: the folder of the model that it was trained from, with the same vocabulary.

    Raises:
        EncoderError: a folder has no such weights, they are not finite, or those of the base have
            other shapes.
        ResultError: the target is there already or cannot be written.

    """
    weights = _only(folder, PLAIN)
    with new_folder(target) as temporary:
        _copy_others(folder, temporary, weights)
        arrays: Arrays = {}
        before = _load(_only(base, PLAIN)) if base else {}
        for name, values in _load(weights).items():
            start = before.get(name)
            if start is not None and start.shape != values.shape:
                msg = (
                    f"{base} is not what {folder} was trained from: {name} has another shape there"
                )
                raise EncoderError(msg)
            arrays |= _packed(name, np.asarray(values, dtype=np.float32), start)
        packed = temporary / weights.relative_to(folder).with_name(PACKED)
        packed.write_bytes(_gzipped(save(arrays, metadata={"format": "pt"})))
        for path in temporary.rglob(_TOKENIZER):
            content = json.loads(path.read_text(encoding="utf-8"))
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
            path.with_name(f"{_TOKENIZER}.gz").write_bytes(_gzipped(text.encode()))
            path.unlink()


def unpack(folder: Path, target: Path) -> None:
    """Write a packed model as a plain sentence-transformers folder with float32 weights.

    O(weights) time and memory.

    Args:
        folder: that ``pack`` has written.
        target: a folder that is not there yet; whole or not at all.

    Raises:
        EncoderError: the folder holds no packed model, or a broken one.
        ResultError: the target is there already or cannot be written.

    """
    weights = _only(folder, PACKED)
    try:
        arrays: Arrays = load(_gunzipped(weights))
        names = dict.fromkeys(key.rpartition(".")[0] for key in arrays)
        plain = {name: _unpacked(name, arrays) for name in names}
    except (KeyError, ValueError, SafetensorError) as error:
        msg = f"{weights} is broken: {error}; install the package again"
        raise EncoderError(msg) from error
    with new_folder(target) as temporary:
        _copy_others(folder, temporary, weights)
        for path in temporary.rglob(f"{_TOKENIZER}.gz"):
            path.with_suffix("").write_bytes(_gunzipped(path))
            path.unlink()
        _save(plain, temporary / weights.relative_to(folder).with_name(PLAIN))


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    """Yield a plain copy of a packed model that is gone when the block ends.

    Raises:
        EncoderError: the folder holds no packed model, or a broken one.
        ResultError: the copy cannot be written.

    """
    with tempfile.TemporaryDirectory(prefix="xlir-", ignore_cleanup_errors=True) as place:
        target = Path(place) / folder.name
        unpack(folder, target)
        yield target


def _only(folder: Path, name: str) -> Path:
    """Return the one file of this name in a folder."""
    found = [path for path in _files(folder) if path.name == name]
    if len(found) != 1:
        msg = f"{folder} must hold one {name}, and holds {len(found)}"
        raise EncoderError(msg)
    return found[0]


def _load(path: Path) -> Arrays:
    try:
        arrays: Arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        msg = f"cannot read {path}: {error}"
        raise EncoderError(msg) from error
    return arrays


def _save(arrays: Mapping[str, NDArray[np.generic]], path: Path) -> None:
    """Write weights so that everybody who can see the folder can read them."""
    try:
        save_file(dict(arrays), path, metadata={"format": "pt"})
    except SafetensorError as error:  # a full disk
        raise OSError(str(error)) from error
    path.chmod(0o644)


def _gzipped(content: bytes) -> bytes:
    """Return the same bytes for the same content: without the time."""
    return gzip.compress(content, mtime=0)


def _gunzipped(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        msg = f"cannot read {path}: {error}; install the package again"
        raise EncoderError(msg) from error


def _files(folder: Path) -> list[Path]:
    """Return a model's files, without those of the training that made it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if path.relative_to(folder).parts[0] != _TRAINING)


def _copy_others(folder: Path, target: Path, weights: Path) -> None:
    """Copy a model's files, all but its weights."""
    for path in _files(folder):
        if path != weights:
            relative = path.relative_to(folder)
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / relative)


def _packed(name: str, values: Floats, start: NDArray[np.generic] | None) -> Arrays:
    """Return the arrays that stand for one weight, which training may have moved from a start."""
    if not np.isfinite(values).all():
        msg = f"the weight {name} is not finite"
        raise EncoderError(msg)
    if values.ndim != 2:
        return {f"{name}.float32": values}
    if grid := _four_bits(name, values):
        return grid
    forms = [_eight_bits(name, values)]
    if start is not None:
        base = np.asarray(start, dtype=np.float32)
        if grid := _four_bits(name, base):
            forms.append(grid | _change(name, values - base))
    # A long training moves weights by so much that 8 bits of the whole are the closer ones.
    return min(forms, key=lambda form: float(np.square(_unpacked(name, form) - values).sum()))


def _change(name: str, change: Floats) -> Arrays:
    """Return whole numbers from -3 to 3 and a scale for each row."""
    numbers, scales = _rounded(change, _CHANGE)
    return {f"{name}.change": numbers, f"{name}.scale3": scales}


def _eight_bits(name: str, values: Floats) -> Arrays:
    """Return whole numbers from -127 to 127 and a scale for each row."""
    numbers, scales = _rounded(values, 127)
    return {f"{name}.int8": numbers, f"{name}.scale8": scales}


def _rounded(values: Floats, largest: int) -> tuple[NDArray[np.int8], Floats]:
    """Return values as whole numbers whose largest in each row is given, and the rows' scales."""
    scales = np.abs(values).max(axis=1, keepdims=True) / np.float32(largest)
    scales[scales < np.finfo(np.float32).tiny] = 1  # zeros, or as good as
    return np.rint(values / scales).astype(np.int8), scales


def _four_bits(name: str, values: Floats) -> Arrays:
    """Return two weights in a byte and a scale for each block, nothing if that changes a weight."""
    rows, columns = values.shape
    if columns % _BLOCK:
        return {}
    blocks = values.reshape(rows, -1, _BLOCK)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2, keepdims=True), axis=2)
    if np.abs(extreme).max() > _GRID * float(np.finfo(np.float16).max):
        return {}
    scales = (extreme / -_GRID).astype(np.float16)  # the extreme of a block is its -8
    wide = scales.astype(np.float32)
    numbers = np.rint(np.divide(blocks, wide, out=np.zeros_like(blocks), where=wide != 0))
    if (
        numbers.min() < -_GRID
        or numbers.max() >= _GRID
        or not np.array_equal(numbers * wide, blocks)
    ):
        return {}
    codes = (numbers + _GRID).astype(np.uint8).reshape(rows, columns)
    return {
        f"{name}.uint4": codes[:, 0::2] | codes[:, 1::2] << 4,
        f"{name}.scale4": scales[:, :, 0],
    }


def _unpacked(name: str, arrays: Arrays) -> Floats:
    """Return a weight as float32."""
    if f"{name}.float32" in arrays:
        return arrays[f"{name}.float32"].astype(np.float32)
    if f"{name}.int8" in arrays:
        numbers = arrays[f"{name}.int8"].astype(np.float32)
        return numbers * arrays[f"{name}.scale8"].astype(np.float32)
    codes = arrays[f"{name}.uint4"].astype(np.uint8)
    both = np.stack([codes & 15, codes >> 4], axis=2).reshape(len(codes), -1, _BLOCK)
    scales = arrays[f"{name}.scale4"].astype(np.float32)[:, :, None]
    values = ((both.astype(np.float32) - _GRID) * scales).reshape(len(codes), -1)
    if f"{name}.change" not in arrays:
        return values
    change = arrays[f"{name}.change"].astype(np.float32)
    return values + change * arrays[f"{name}.scale3"].astype(np.float32)
