"""Read mteb's form of a retrieval data set: "<lang>-corpus", "<lang>-queries", "<lang>-qrels".

From the hub at the card's revision, or from a copy of that repository in ``XLIR_DATA_DIR``. All of
it is held in memory: it is meant for pools that were cut down.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from xlir_bench.cards.task import TaskCard, data_roots
from xlir_bench.core.collection import Collection
from xlir_bench.core.judged import pooled_id
from xlir_bench.core.language import Language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage, Query
from xlir_bench.errors import DataError

_ID = ("_id", "id")


def read_hub_beir(card: TaskCard, languages: Sequence[Language]) -> Collection:
    """Return the collection of some languages; every judgement of grade 1 or more is kept.

    Queries without one are left out, as mteb does.

    Raises:
        DataError: the data set is not here and cannot be downloaded, lacks a field, or judges a
            query or a passage that it does not hold.

    """
    queries: list[Query] = []
    passages: list[Passage] = []
    judgements: list[tuple[int, int, int]] = []
    for x in languages:
        texts = {_field(row, _ID): _text(row) for row in _rows(card, f"{x.code}-corpus")}
        asked = {
            _field(row, _ID): _field(row, ("text",)) for row in _rows(card, f"{x.code}-queries")
        }
        qrels = [
            (_field(row, ("query-id",)), _field(row, ("corpus-id",)), int(row["score"]))
            for row in _rows(card, f"{x.code}-qrels")
        ]
        kept = [(q, p, grade) for q, p, grade in qrels if grade > 0]
        _check_known(card, x, kept, asked, texts)
        row_of_passage = {name: len(passages) + i for i, name in enumerate(texts)}
        answered = dict.fromkeys(q for q, _, _ in kept)
        row_of_query = {name: len(queries) + i for i, name in enumerate(answered)}
        passages += [Passage(pooled_id(x, name), text, x) for name, text in texts.items()]
        queries += [
            Query(pooled_id(x, name), asked[name], x, pooled_id(x, name)) for name in answered
        ]
        judgements += [(row_of_query[q], row_of_passage[p], grade) for q, p, grade in kept]
    table = np.array(sorted(judgements), dtype=np.int64).reshape(-1, 3)
    qrels_table = Qrels(table[:, 0], table[:, 1], table[:, 2])
    return Collection(card.name, tuple(passages), tuple(queries), qrels_table)


def _rows(card: TaskCard, config: str) -> Iterable[Mapping[str, Any]]:
    """Yield the rows of one part of the data set."""
    import datasets  # noqa: PLC0415 - 0.5 s that only these benchmarks pay

    local = [root for root in data_roots(card.path.parent, card.source.folder) if root.is_dir()]
    where: dict[str, Any] = (
        {"path": str(local[0])}
        if local
        else {"path": card.source.hub, "revision": card.source.revision}
    )
    try:
        splits = datasets.load_dataset(name=config, **where)
        split = card.split if card.split in splits else next(iter(splits))
        yield from splits[split]
    except Exception as error:  # the hub, its scripts and its files fail in many ways
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        msg = (
            f"{card.name}: cannot read {config} of {where['path']} ({reason}); put a copy of"
            f" {card.source.hub} in XLIR_DATA_DIR as {card.source.folder}"
        )
        raise DataError(msg) from error


def _field(row: Mapping[str, Any], names: Iterable[str]) -> str:
    return str(next(row[name] for name in names if row.get(name) is not None))


def _text(row: Mapping[str, Any]) -> str:
    return f"{row.get('title') or ''} {row['text']}".strip()


def _check_known(
    card: TaskCard,
    x: Language,
    qrels: Sequence[tuple[str, str, int]],
    queries: Mapping[str, str],
    passages: Mapping[str, str],
) -> None:
    for kind, known, names in (
        ("query", queries, (q for q, _, _ in qrels)),
        ("passage", passages, (p for _, p, _ in qrels)),
    ):
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            msg = f"{card.name}/{x.code} judges the {kind} {unknown!r}, which is not there"
            raise DataError(msg)
