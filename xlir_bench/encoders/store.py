"""Encode every text once: remembered in the process, checkpointed on disk while a run lasts."""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from xlir_bench.encoders.base import Encoder, Role, Vectors, checked_vectors
from xlir_bench.errors import EncoderError
from xlir_bench.paths import written_whole

CHUNK = 2048
"""Texts between two checkpoints."""


def checkpoint_folder(root: Path, fingerprint: str) -> Path:
    """Return the folder in which the vectors of one encoder and role wait for a resumed run."""
    return root / hashlib.sha256(fingerprint.encode()).hexdigest()[:32]


@dataclass
class EmbeddingStore:
    """The vectors of one encoder and role, by text.

    Attributes:
        checkpoints: folder of unfinished work; None to keep vectors in the process only.
        n_encoded: texts that went through the encoder, for provenance and tests.
        n_resumed: texts whose vectors an interrupted run had left.

    """

    checkpoints: Path | None = None
    n_encoded: int = 0
    n_resumed: int = 0
    _rows: dict[str, int] = field(default_factory=dict)
    _vectors: list[Vectors] = field(default_factory=list)
    _has_resumed: bool = False

    def embed(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
        """Return the vectors of texts, encoding only those never seen.

        New texts are encoded longest first: texts of like length share a batch and no padding.

        Args:
            encoder: whose vectors these are; always the same one for a store.
            texts: at least one; repeated ones are encoded once.
            role: always the same one for a store.

        Returns:
            (n_texts, dim) float32, in the order of ``texts``.

        Raises:
            EncoderError: the encoder failed, or returned another shape, NaN or infinity.

        """
        if not self._has_resumed:
            self._resume()
        digests = {text: _digest(text) for text in texts}
        new = [text for text, digest in digests.items() if digest not in self._rows]
        if new:
            self._encode(encoder, sorted(new, key=lambda text: (-len(text), text)), role)
        rows = np.fromiter((self._rows[digests[text]] for text in texts), np.int64, len(texts))
        return np.take(self._together(), rows, axis=0)

    def discard_checkpoints(self) -> None:
        """Delete the checkpoints: the work they stand for is finished."""
        if self.checkpoints is not None:
            shutil.rmtree(self.checkpoints, ignore_errors=True)

    def _encode(self, encoder: Encoder, texts: Sequence[str], role: Role) -> None:
        progress = tqdm(
            total=sum(map(len, texts)),
            desc=f"Encoding {len(texts):,} {'queries' if role is Role.query else 'passages'}",
            unit="char",
            unit_scale=True,
            file=sys.stderr,
            mininterval=1,
        )
        with progress:
            for first in range(0, len(texts), CHUNK):
                chunk = texts[first : first + CHUNK]
                try:
                    found = encoder.encode(chunk, role)
                except Exception as error:
                    msg = (
                        f"{encoder.name} failed after {first:,} of {len(texts):,} texts:"
                        f" {type(error).__name__}: {error}; the same command goes on from there"
                    )
                    raise EncoderError(msg) from error
                vectors = checked_vectors(found, chunk, encoder.name)
                self._check_dimension(vectors, encoder.name)
                digests = [_digest(text) for text in chunk]
                self._add(digests, vectors)
                self.n_encoded += len(chunk)
                self._checkpoint(digests, vectors)
                progress.update(sum(map(len, chunk)))

    def _check_dimension(self, vectors: Vectors, name: str) -> None:
        if self._vectors and vectors.shape[1] != self._vectors[0].shape[1]:
            before, now = self._vectors[0].shape[1], vectors.shape[1]
            msg = f"{name} returned {now} dimensions after {before} for earlier texts"
            raise EncoderError(msg)

    def _add(self, digests: Sequence[str], vectors: Vectors) -> None:
        """Take vectors; of a text that is already there the first stays."""
        first = sum(map(len, self._vectors))
        for i, digest in enumerate(digests):
            self._rows.setdefault(digest, first + i)
        self._vectors.append(vectors)

    def _together(self) -> Vectors:
        if len(self._vectors) > 1:
            self._vectors = [np.concatenate(self._vectors)]
        return self._vectors[0]

    def _checkpoint(self, digests: Sequence[str], vectors: Vectors) -> None:
        if self.checkpoints is None:
            return
        path = self.checkpoints / f"{_digest(''.join(digests))}.npz"
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, digests=np.array(digests), vectors=vectors)

    def _resume(self) -> None:
        """Take over what an interrupted run left behind, of this benchmark or another."""
        self._has_resumed = True
        for path in sorted(self.checkpoints.glob("*.npz")) if self.checkpoints else ():
            try:
                with path.open("rb") as file, np.load(file) as chunk:
                    digests, vectors = chunk["digests"].tolist(), chunk["vectors"]
                self._check_dimension(vectors, str(path))
            except (OSError, ValueError, EOFError, KeyError, BadZipFile, EncoderError):
                path.unlink(missing_ok=True)  # cut off by a full disk or a crash: encoded again
            else:
                self._add(digests, vectors)
        self.n_resumed = len(self._rows)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
