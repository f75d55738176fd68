"""Read LAReQA files: SQuAD JSON whose paragraphs carry sentence boundaries.

Every sentence of every paragraph is a passage, repeated ones included; the relevant passage is the
sentence whose [start, end) holds ``answers[0].answer_start``. Source: Roy et al. 2020, LAReQA,
section 3, https://arxiv.org/abs/2004.05484.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlir_bench.core.collection import Collection
from xlir_bench.core.language import Language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage, Query
from xlir_bench.errors import DataError


def read_lareqa(name: str, files: Iterable[tuple[Language, Path]]) -> Collection:
    """Return the collection in one file per language.

    Questions with the same id in several files are translations of each other: the answers in
    every language are relevant to each of them.

    Raises:
        DataError: a file is not JSON or not of this format, an answer lies outside every sentence,
            an id is repeated.

    """
    passages: list[Passage] = []
    queries: list[Query] = []
    answers: dict[str, list[int]] = {}
    for language, path in files:
        read = _LanguageFile(language, path, first_row=len(passages))
        read.run()
        passages += read.passages
        queries += read.queries
        for topic_id, row in read.answers:
            answers.setdefault(topic_id, []).append(row)
    pairs = [(row, a) for row, query in enumerate(queries) for a in answers[query.topic_id]]
    query_rows, passage_rows = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    qrels = Qrels(query_rows, passage_rows, np.ones(len(pairs), dtype=np.int64))
    return Collection(name, tuple(passages), tuple(queries), qrels)


@dataclass
class _LanguageFile:
    """One file while it is read."""

    language: Language
    path: Path
    first_row: int

    def run(self) -> None:
        """Fill ``passages``, ``queries`` and ``answers`` ((topic id, passage row) pairs)."""
        self.passages: list[Passage] = []
        self.queries: list[Query] = []
        self.answers: list[tuple[str, int]] = []
        data = self._json()
        try:
            for number, article in enumerate(data["data"]):
                for place, paragraph in enumerate(article["paragraphs"]):
                    self._paragraph(f"{number:03d}.{place:03d}", paragraph)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            msg = f"{self.path}: not a LAReQA file: {type(error).__name__}: {error}"
            raise DataError(msg) from error

    def _json(self) -> Any:  # noqa: ANN401 - any JSON value until it was checked
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            msg = f"{self.path}: cannot be read as JSON: {error}"
            raise DataError(msg) from error

    def _paragraph(self, place: str, paragraph: dict[str, Any]) -> None:
        breaks = [(int(start), int(end)) for start, end in paragraph["sentence_breaks"]]
        sentences = paragraph["sentences"]
        if len(breaks) != len(sentences):
            msg = f"{len(sentences)} sentences but {len(breaks)} sentence_breaks in {place}"
            raise ValueError(msg)
        row = self.first_row + len(self.passages)
        code = self.language.code
        self.passages += [
            Passage(f"{code}:{place}.{i:03d}", str(text), self.language)
            for i, text in enumerate(sentences)
        ]
        for qa in paragraph["qas"]:
            start = int(qa["answers"][0]["answer_start"])
            sentence = self._sentence(start, breaks, qa["id"])
            self.queries.append(
                Query(f"{code}:{qa['id']}", str(qa["question"]), self.language, str(qa["id"]))
            )
            self.answers.append((str(qa["id"]), row + sentence))

    def _sentence(self, start: int, breaks: list[tuple[int, int]], question_id: str) -> int:
        """Return the sentence that holds the answer's first character."""
        position = bisect_right(breaks, (start, np.inf)) - 1
        if position < 0 or not breaks[position][0] <= start < breaks[position][1]:
            msg = (
                f"{self.path}: the answer of question {question_id!r} starts at character {start},"
                " outside every sentence"
            )
            raise DataError(msg)
        return position
