"""Write settings as BEIR data sets."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from xlir_bench.core.text import Passage
from xlir_bench.exports.parts import Part


def write_beir(part: Part, folder: Path) -> None:
    """Write ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv`` of one setting.

    Beside BEIR's fields a text has its ``language``, and a query the ``topic`` that its
    translations share: the folders of several languages are read back as one benchmark.
    """
    (folder / "qrels").mkdir(parents=True)
    _write_lines(folder / "corpus.jsonl", map(_passage, part.passages))
    _write_lines(
        folder / "queries.jsonl",
        (
            {"_id": q.query_id, "text": q.text, "language": q.language.code, "topic": q.topic_id}
            for q in part.queries
        ),
    )
    with (folder / "qrels" / "test.tsv").open("w", encoding="utf-8") as file:
        file.write("query-id\tcorpus-id\tscore\n")
        file.writelines(f"{q}\t{p}\t{grade}\n" for q, p, grade in part.judgements)


def _passage(passage: Passage) -> Mapping[str, str]:
    code = passage.language.code
    return {"_id": passage.passage_id, "title": "", "text": passage.text, "language": code}


def _write_lines(path: Path, records: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
