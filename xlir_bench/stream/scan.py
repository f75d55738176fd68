"""The first reading of a corpus: texts of the relevant passages, numbers, checksums."""

from dataclasses import dataclass

from xlir_bench.core.judged import CorpusFile
from xlir_bench.errors import DataError
from xlir_bench.readers.corpus import file_sha256, read_chunks


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one shard holds.

    Attributes:
        n_passages: in all.
        sha256: of the file as published, gzipped.
        relevant: text of each relevant passage in it, by id.

    """

    n_passages: int
    sha256: str
    relevant: dict[str, str]


@dataclass(frozen=True, slots=True)
class Scan:
    """Reads one shard and encodes nothing; O(ids of one shard) memory.

    Attributes:
        wanted: ids of all relevant passages.

    """

    wanted: frozenset[str]

    def __call__(self, state: None, shard: CorpusFile) -> Scanned:  # noqa: ARG002 - no state
        """Return what a shard holds.

        Raises:
            DataError: it is broken, or repeats an id.

        """
        seen: set[str] = set()
        relevant: dict[str, str] = {}
        n_passages = 0
        for chunk in read_chunks(shard):
            seen.update(chunk.ids)
            n_passages += len(chunk.ids)
            if len(seen) < n_passages:
                msg = f"{shard.path} repeats a docid within its first {n_passages:,} passages"
                raise DataError(msg)
            pairs = zip(chunk.ids, chunk.texts, strict=True)
            relevant |= {name: text for name, text in pairs if name in self.wanted}
        return Scanned(n_passages, file_sha256(shard.path), relevant)
