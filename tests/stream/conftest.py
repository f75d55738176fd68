"""A small MIRACL tree of our own text, in exactly the published format."""

import gzip
import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from xlir_bench.cards.task import TaskCard, read_task_card
from xlir_bench.core.collection import Collection
from xlir_bench.core.judged import Judged
from xlir_bench.core.language import language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage
from xlir_bench.encoders import char_ngrams
from xlir_bench.encoders.base import Encoder, Role, Similarity, Vectors, checked_vectors
from xlir_bench.engines.base import Engine
from xlir_bench.engines.local import LocalEngine
from xlir_bench.readers.corpus import read_chunks
from xlir_bench.readers.read import read_any
from xlir_bench.stream.run import Plan, Streamed, rank_streamed

CARD = """
name = "Small"
languages = ["sw", "te", "en"]
modes = ["mono", "cross", "multi"]
main_measure = "nDCG@10"
measures = ["nDCG@10", "R@100", "LangShare@10"]
split = "dev"

[about]
title = "Small"
summary = "Lakes and mountains."
instruction = "Given a question, retrieve the passage that answers it"
license = "cc0-1.0"
reference = "https://example.org/"
domains = ["Written"]
annotations = "human-annotated"
creation = "created"
dates = ["2026-01-01", "2026-01-02"]

[source]
format = "miracl"
folder = "small"
revision = "1"

[source.files]
topics = ["topics.{language}.tsv"]
qrels = ["qrels.{language}.tsv"]
corpus = ["{language}/docs-*.jsonl*"]
translations = ["translations/{language}-{target}.tsv"]

"""
LANGUAGES = ("sw", "te", "en")
WORDS = ["ziwa", "mlima", "mto", "bahari", "mji", "nchi", "watu", "samaki", "ndege", "mti"]


class Tree(NamedTuple):
    """The folder of the files, and their card."""

    folder: Path
    card: TaskCard

    def shards(self) -> list[Path]:
        return sorted(self.folder.glob("*/docs-*"))

    def read(self) -> Judged:
        judged = read_any(self.card)
        assert isinstance(judged, Judged)
        return judged


def write_shard(path: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Write (docid, title, text) rows as MIRACL does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for docid, title, text in rows:
            record = {"docid": docid, "title": title, "text": text}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLIR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XLIR_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("XLIR_DATA_DIR", raising=False)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return three languages, 90 passages each in shards of 40, many of them equal."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "small"
    folder.mkdir()
    sums: dict[str, list[str]] = {"sha256": [], "qrels_sha256": []}
    for code in LANGUAGES:
        # The same docids in every language, as in MIRACL; ten texts for ninety passages: ties.
        texts = [" ".join(rng.choice(WORDS, size=4)) for _ in range(10)]
        rows = [(f"{i // 3}#{i % 3}", WORDS[i % 10], texts[i % 10]) for i in range(90)]
        for shard, first in enumerate(range(0, 90, 40)):
            write_shard(folder / code / f"docs-{shard}.jsonl.gz", rows[first : first + 40])
        topics = "".join(f"{q}\t{' '.join(rng.choice(WORDS, size=2))}?\n" for q in range(6))
        judged = [
            (q, f"{rng.integers(30)}#{place}", place % 3) for q in range(6) for place in (1, 2)
        ]
        qrels = "".join(f"{q}\tQ0\t{docid}\t{grade}\n" for q, docid, grade in judged)
        for kind, name, text in (
            ("sha256", f"topics.{code}.tsv", topics), ("qrels_sha256", f"qrels.{code}.tsv", qrels),
        ):  # fmt: skip
            (folder / name).write_text(text, "utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            sums[kind].append(f'{code} = "{digest}"\n')
    (folder / "translations").mkdir()
    (folder / "translations" / "sw-en.tsv").write_text("0\tlake?\n3\tbirds and trees?\n", "utf-8")
    tables = "".join(f"[source.{kind}]\n{''.join(lines)}\n" for kind, lines in sums.items())
    path = tmp_path / "Small.toml"
    path.write_text(CARD + tables, "utf-8")
    return Tree(folder, read_task_card(path))


class Ngrams:
    """Hashed character n-grams that count the texts they are given."""

    name = "test/ngrams"
    similarity = Similarity.cosine

    def __init__(self) -> None:
        self.seen: list[str] = []

    def fingerprint(self, role: Role) -> str:
        return f"ngrams {role}"

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        self.seen += [f"{role}: {text}" for text in texts]
        return char_ngrams.encode(texts)

    def embed(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
        """Stand in for the store."""
        return checked_vectors(encoder.encode(texts, role), texts, encoder.name)


class Killed(Ngrams):
    """An encoder whose process is killed in its second shard once, or at once and always."""

    def __init__(self, marker: Path, *, always: bool) -> None:
        super().__init__()
        self._marker, self._always = marker, always

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        if self._always or (len(self.seen) > 30 and not self._marker.exists()):
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts, role)


@dataclass(frozen=True)
class Kills:
    """Makes the encoder that kills its process."""

    marker: Path
    always: bool = False

    def __call__(self, device: str | None) -> Killed:
        return Killed(self.marker, always=self.always)


Stream = Callable[..., Streamed]


@pytest.fixture
def stream() -> Stream:
    def run(
        judged: Judged,
        encoder: Ngrams | None = None,
        engine: Engine | None = None,
        identity: str | None = "ngrams",
    ) -> Streamed:
        model = encoder or Ngrams()
        plan = Plan(model, None, model, engine or LocalEngine(), _setup, 5, identity)
        found = rank_streamed(judged, plan)
        found.kept.discard()
        return found

    return run


def _setup(device: str | None) -> Ngrams:
    return Ngrams()


def in_memory(judged: Judged) -> Collection:
    """Return the same benchmark with every passage in memory, native queries only."""
    chunks = [(shard, chunk) for shard in judged.files for chunk in read_chunks(shard)]
    passages = [
        Passage(name, text, shard.language)
        for shard, chunk in chunks
        for name, text in zip(chunk.ids, chunk.texts, strict=True)
    ]
    row_of = {p.passage_id: row for row, p in enumerate(passages)}
    own = [i for i, only in enumerate(judged.confined_to) if only is None]
    new = {old: i for i, old in enumerate(own)}
    kept = [
        (new[q], row_of[judged.relevant[p]], g)
        for q, p, g in zip(
            judged.qrels.query_rows.tolist(),
            judged.qrels.passage_rows.tolist(),
            judged.qrels.grades.tolist(),
            strict=True,
        )
        if q in new
    ]
    table = np.array(kept, dtype=np.int64)
    queries = tuple(judged.queries[i] for i in own)
    return Collection(judged.name, tuple(passages), queries, Qrels(*table.T))


SW, TE, EN = map(language, LANGUAGES)
