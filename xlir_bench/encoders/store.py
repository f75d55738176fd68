"""Encode every text once: remembered in the process, checkpointed on disk while a run lasts."""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from xlir_bench.encoders.base import Encoder, Role, Vectors, checked_vectors
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

    """

    checkpoints: Path | None = None
    n_encoded: int = 0
    _rows: dict[str, int] = field(default_factory=dict)
    _vectors: list[Vectors] = field(default_factory=list)

    def embed(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
        """Return the vectors of texts, encoding only those never seen.

        New texts are encoded longest first: texts of like length share a batch and no padding.

        Args:
            encoder: whose vectors these are; always the same one for a store.
            texts: any, repeated ones are encoded once.
            role: always the same one for a store.

        Returns:
            (n_texts, dim) float32, in the order of ``texts``.

        Raises:
            EncoderError: the encoder returned another shape, or NaN or infinity.

        """
        if self.checkpoints is not None and not self._rows:
            self._resume(self.checkpoints, set(texts))
        new = sorted(set(texts) - self._rows.keys(), key=lambda text: (-len(text), text))
        if new:
            self._encode(encoder, new, role)
        rows = np.fromiter((self._rows[text] for text in texts), np.int64, len(texts))
        return self._together()[rows]

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
                vectors = checked_vectors(encoder.encode(chunk, role), chunk, encoder.name)
                self._add(chunk, vectors)
                self.n_encoded += len(chunk)
                self._checkpoint(chunk, vectors)
                progress.update(sum(map(len, chunk)))

    def _add(self, texts: Sequence[str], vectors: Vectors) -> None:
        first = len(self._rows)
        self._rows.update((text, first + i) for i, text in enumerate(texts))
        self._vectors.append(vectors)

    def _together(self) -> Vectors:
        if len(self._vectors) > 1:
            self._vectors = [np.concatenate(self._vectors)]
        return self._vectors[0]

    def _checkpoint(self, texts: Sequence[str], vectors: Vectors) -> None:
        if self.checkpoints is None:
            return
        path = self.checkpoints / f"{_digest(texts[0])[:16]}.npz"
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, digests=np.array([_digest(text) for text in texts]), vectors=vectors)

    def _resume(self, folder: Path, texts: set[str]) -> None:
        """Take over vectors of these texts that an interrupted run left behind."""
        wanted = {_digest(text): text for text in texts}
        for path in sorted(folder.glob("*.npz")):
            with np.load(path) as chunk:
                digests, vectors = chunk["digests"].tolist(), chunk["vectors"]
            known = [i for i, digest in enumerate(digests) if digest in wanted]
            if known:
                self._add([wanted[digests[i]] for i in known], vectors[known])


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
