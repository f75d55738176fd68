"""Write settings as TREC topics and qrels."""

from pathlib import Path

from xlir_bench.errors import DataError
from xlir_bench.exports.parts import Part


def write_topics_and_qrels(part: Part, folder: Path) -> None:
    """Write ``topics.<subset>.tsv`` and ``qrels.<subset>.txt`` of one setting.

    A topic is ``query id<TAB>text`` (Anserini's TsvString); spaces inside a text are one space.

    Raises:
        DataError: an id holds a space, which these files cannot.

    """
    for name in (x for q, p, _ in part.judgements for x in (q, p)):
        if len(name.split()) != 1:
            msg = f"{part.setting}: the id {name!r} holds a space, which TREC files cannot"
            raise DataError(msg)
    subset = part.setting.subset
    with (folder / f"topics.{subset}.tsv").open("w", encoding="utf-8") as file:
        file.writelines(f"{q.query_id}\t{' '.join(q.text.split())}\n" for q in part.queries)
    with (folder / f"qrels.{subset}.txt").open("w", encoding="utf-8") as file:
        file.writelines(f"{q} 0 {p} {grade}\n" for q, p, grade in part.judgements)
