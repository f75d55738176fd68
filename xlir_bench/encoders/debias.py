"""Controls without training: subtract from a vector what its language alone puts into it.

Whoever trains a model to be less biased must beat them. The statistics come from training pairs,
never from the texts that are evaluated.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from xlir_bench.encoders.base import Role, Vectors
from xlir_bench.errors import EncoderError, ResultError
from xlir_bench.paths import written_whole

Key = tuple[str, Role]
"""Language code and role."""
PIVOT = "en"


class Method(StrEnum):
    """How the language is taken out of a vector."""

    centre = "centre"
    """Subtract the mean vector of the language and role. Source: Libovicky, Rosa, Fraser 2020,
    https://arxiv.org/abs/2004.05160."""
    lir = "lir"
    """Project out the first principal directions of the language and role. Source: Yang, Yang, Cer,
    Darve 2021, LIR, https://arxiv.org/abs/2109.04727."""
    shift = "shift"
    """Subtract the mean difference between parallel texts in the language and in English. Source:
    Jang et al. 2026, SHIFT, https://arxiv.org/abs/2606.18801, here for queries and passages."""


@dataclass(frozen=True, slots=True)
class Debias:
    """What a method learnt of a model.

    Attributes:
        method: how vectors are changed.
        parts: by language and role: (dim,) float32 to subtract, or (rank, dim) float32 orthonormal
            directions to project out.

    """

    method: Method
    parts: Mapping[Key, Vectors]

    @property
    def sha256(self) -> str:
        """Return a checksum of method and statistics."""
        digest = hashlib.sha256(self.method.encode())
        for code, role in sorted(self.parts):
            digest.update(f"{code} {role} ".encode() + self.parts[code, role].tobytes())
        return digest.hexdigest()

    def __call__(self, vectors: Vectors, codes: Sequence[str], role: Role) -> Vectors:
        """Return vectors without their language.

        Args:
            vectors: (n, dim) float32 as the encoder gave them.
            codes: (n,) language of each text.
            role: of the texts.

        Returns:
            (n, dim) float32, not normalised.

        Raises:
            EncoderError: nothing was learnt of a language.

        """
        changed = vectors.copy()
        of_row = np.array(codes)
        for code in dict.fromkeys(codes):
            if (code, role) not in self.parts:
                known = sorted({name for name, _ in self.parts})
                msg = f"--debias-from has no {role} in {code!r}, only in {', '.join(known)}"
                raise EncoderError(msg)
            rows, part = of_row == code, self.parts[code, role]
            if self.method is Method.lir:
                changed[rows] -= (vectors[rows] @ part.T) @ part
            else:
                changed[rows] -= part
        return changed

    def write(self, path: Path) -> None:
        """Write the statistics as one .npz file, whole or not at all."""
        arrays: dict[str, Any] = {f"{c}.{role}": part for (c, role), part in self.parts.items()}
        arrays["method"] = np.array(self.method.value)
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)


def read_debias(path: Path) -> Debias:
    """Return statistics from a file.

    Raises:
        ResultError: it is missing or broken.

    """
    try:
        with np.load(path) as arrays:
            names = [name for name in arrays.files if name != "method"]
            parts = {(name.split(".")[0], Role(name.split(".")[1])): arrays[name] for name in names}
            return Debias(Method(str(arrays["method"])), parts)
    except (OSError, EOFError, ValueError, KeyError, IndexError, BadZipFile) as error:
        msg = f"cannot read the statistics {path}: {error}; delete it and run again"
        raise ResultError(msg) from error


def learn(
    method: Method,
    vectors: Mapping[Key, Vectors],
    ids: Mapping[Key, Sequence[str]],
    rank: int = 1,
) -> Debias:
    """Learn what to take out.

    O(texts * dim * min(texts, dim)) time for ``lir``, O(texts * dim) for the others.

    Args:
        method: of ``Method``.
        vectors: by language and role: (n, dim) float32 of training texts.
        ids: of the same texts, equal for translations of each other.
        rank: principal directions that ``lir`` takes out.

    Raises:
        EncoderError: too few texts, or none that are parallel to English ones.

    """
    few = [key for key, found in vectors.items() if len(found) <= rank]
    if few:
        msg = f"--debias-from has only {len(vectors[few[0]])} texts in {few[0][0]!r}"
        raise EncoderError(msg)
    if method is Method.centre:
        return Debias(method, {key: _mean(found) for key, found in vectors.items()})
    if method is Method.lir:
        return Debias(method, {key: _directions(found, rank) for key, found in vectors.items()})
    return Debias(method, {key: _shift(key, vectors, ids) for key in vectors})


def _mean(vectors: Vectors) -> Vectors:
    mean: Vectors = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _directions(vectors: Vectors, rank: int) -> Vectors:
    """Return the first right singular vectors of the matrix, not centred, as LIR takes them."""
    exact = vectors.astype(np.float64)
    if len(exact) < exact.shape[1]:
        directions = np.linalg.svd(exact, full_matrices=False).Vh
    else:  # many texts: their products hold the same directions in a fraction of the time
        directions = np.linalg.eigh(exact.T @ exact).eigenvectors[:, ::-1].T
    return np.ascontiguousarray(directions[:rank], dtype=np.float32)


def _shift(key: Key, vectors: Mapping[Key, Vectors], ids: Mapping[Key, Sequence[str]]) -> Vectors:
    """Return the mean difference to the English parallels."""
    pivot = (PIVOT, key[1])
    if pivot not in vectors:
        msg = f"shift needs English texts, and --debias-from has none for the role {key[1]}"
        raise EncoderError(msg)
    row_of = {name: row for row, name in enumerate(ids[pivot])}
    pairs = [(row, row_of[name]) for row, name in enumerate(ids[key]) if name in row_of]
    if not pairs:
        msg = f"--debias-from has no text in {key[0]!r} that is parallel to an English one"
        raise EncoderError(msg)
    own, english = np.array(pairs).T
    return _mean(vectors[key][own] - vectors[pivot][english])
