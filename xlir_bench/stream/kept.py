"""Finished shards on disk, so that a run that was stopped goes on where it was."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from xlir_bench.core.judged import CorpusFile
from xlir_bench.paths import written_whole
from xlir_bench.stream.count import Counted
from xlir_bench.stream.scan import Scanned

_BROKEN = (OSError, ValueError, EOFError, KeyError, TypeError, BadZipFile)


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder with one file for each finished shard.

    Attributes:
        folder: of one scan, or of one model's counts; None to keep nothing.

    """

    folder: Path | None

    def scanned(self, shard: CorpusFile) -> Scanned | None:
        """Return what an earlier run found in a shard, None if it did not read it."""
        try:
            record = json.loads(self._path(shard, "json").read_text(encoding="utf-8"))
            return Scanned(**record)
        except _BROKEN:
            return None

    def keep_scanned(self, shard: CorpusFile, found: Scanned) -> None:
        """Write what was found in a shard."""
        if self.folder is None:
            return
        record = {name: getattr(found, name) for name in Scanned.__slots__}
        with written_whole(self._path(shard, "json")) as temporary:
            temporary.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")

    def counted(self, shard: CorpusFile) -> Counted | None:
        """Return what an earlier run counted in a shard, None if it did not."""
        try:
            with self._path(shard, "npz").open("rb") as file, np.load(file) as arrays:
                return Counted(
                    counts=arrays["counts"].astype(np.int64),
                    n_passages=int(arrays["n_passages"]),
                    top_ids=arrays["top_ids"],
                    top_similarities=arrays["top_similarities"],
                )
        except _BROKEN:
            return None

    def keep_counted(self, shard: CorpusFile, counted: Counted) -> None:
        """Write what was counted in a shard, counts in the smallest integers that hold them."""
        if self.folder is None:
            return
        highest = int(counted.counts.max(initial=0))
        with written_whole(self._path(shard, "npz")) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                counts=counted.counts.astype(np.min_scalar_type(highest)),
                n_passages=np.int64(counted.n_passages),
                top_ids=counted.top_ids,
                top_similarities=counted.top_similarities,
            )

    def discard(self) -> None:
        """Delete everything: the table it was for is made."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, shard: CorpusFile, ending: str) -> Path:
        if self.folder is None:
            raise FileNotFoundError
        return self.folder / f"{shard.name.replace('/', '.')}.{_stamp(shard)}.{ending}"


def _stamp(shard: CorpusFile) -> str:
    """Return what tells a shard from another file that was put in its place."""
    state = shard.path.stat()
    text = f"{shard.path.resolve()} {state.st_size} {state.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def key_of(parts: Sequence[str]) -> str:
    """Return a folder name for what decides the contents."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
