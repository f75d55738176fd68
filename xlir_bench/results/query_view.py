"""One query's ranking on screen, for reading errors."""

from collections.abc import Iterable

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from xlir_bench.core.collection import Collection
from xlir_bench.core.hits import NO_PASSAGE, Hits
from xlir_bench.core.ranking import NOT_COUNTED, RankTable
from xlir_bench.errors import UnknownNameError, UsageError

RIGHT = "✓"


def query_view(
    collection: Collection, table: RankTable, hits: Hits, query_id: str, top: int
) -> list[Table]:
    """Return two tables: the answers in each language, and the first passages of the pool.

    Args:
        collection: the texts.
        table: exact ranks of the answers.
        hits: first passages of the pool of all languages.
        query_id: of a query of the collection.
        top: passages to show.

    Raises:
        UnknownNameError: there is no such query.

    """
    query = collection.queries[_query_row(collection, query_id)]
    title = f"{query.query_id}: {query.text}"
    return [
        _answers(collection, table, query_id, title),
        _first_passages(collection, table, hits, query_id, top),
    ]


def _query_row(collection: Collection, query_id: str) -> int:
    rows = {q.query_id: row for row, q in enumerate(collection.queries)}
    if query_id in rows:
        return rows[query_id]
    parallel = [q.query_id for q in collection.queries if q.topic_id == query_id]
    if parallel:
        msg = f"{query_id!r} is asked in several languages: {', '.join(parallel)}"
        raise UsageError(msg)
    hint = "without --query the worst ones are listed"
    raise UnknownNameError(query_id, rows, kind="query", hint=hint)


def _answers(collection: Collection, table: RankTable, query_id: str, title: str) -> Table:
    """Return the exact rank of each answer, and which languages' passages stand before it."""
    text_of = {p.passage_id: p.text for p in collection.passages}
    own = {q.query_id: q.language for q in collection.queries}[query_id]
    out = _table(title, ["answer in", "rank", "similarity", "before it: own", "other"])
    if query_id not in table.query_ids:
        out.caption = "no passage of the pool answers this query"
        return out
    rows = np.flatnonzero(table.query_rows == table.query_ids.index(query_id))
    counts = table.beaten_by[rows]
    last = np.iinfo(np.int64).max
    ranks = np.where((counts == NOT_COUNTED).any(axis=1), last, 1 + counts.sum(axis=1))
    for row, rank in sorted(zip(rows, ranks, strict=True), key=lambda pair: int(pair[1])):
        before = table.beaten_by[row]
        is_known = before[0] != NOT_COUNTED
        mine = int(before[table.languages.index(own)]) if own in table.languages else 0
        language = table.languages[table.passage_languages[row]]
        out.add_row(
            language.code,
            f"{rank:,}" if is_known else "not in the run",
            f"{table.similarities[row]:.4f}" if is_known else "",
            f"{mine:,}" if is_known else "",
            f"{int(before.sum()) - mine:,}" if is_known else "",
            Text(text_of[table.passage_ids[table.passage_rows[row]]]),
            style="bold" if language == own else "",
        )
    return out


def _first_passages(
    collection: Collection, table: RankTable, hits: Hits, query_id: str, top: int
) -> Table:
    text_of = {p.passage_id: p.text for p in collection.passages}
    out = _table(f"the first {top} passages", ["rank", "language", "right", "similarity"])
    if query_id not in hits.query_ids:
        out.caption = "the run holds nothing for this query"
        return out
    row = hits.query_ids.index(query_id)
    answers = set()
    if query_id in table.query_ids:
        chosen = table.query_rows == table.query_ids.index(query_id)
        answers = {table.passage_ids[p] for p in table.passage_rows[chosen]}
    passages = [p for p in hits.passages[row, :top].tolist() if p != NO_PASSAGE]
    for rank, passage in enumerate(passages, 1):
        name = hits.passage_ids[passage]
        is_right = name in answers
        out.add_row(
            str(rank),
            hits.languages[hits.passage_languages[passage]].code,
            RIGHT if is_right else "",
            f"{hits.similarities[row, rank - 1]:.4f}",
            Text(text_of[name]),
            style="bold" if is_right else "",
        )
    return out


def worst_queries(collection: Collection, values: Iterable[tuple[float, str]], n: int) -> Table:
    """Return the ``n`` queries with the worst values of (average precision, query id) pairs."""
    text_of = {q.query_id: q.text for q in collection.queries}
    found = sorted(values)
    out = _table(f"the queries with the worst AP, {n} of {len(found):,}", ["query", "AP"])
    for value, query_id in found[:n]:
        out.add_row(query_id, f"{value:.4f}", Text(text_of[query_id]))
    return out


def _table(title: str, columns: list[str]) -> Table:
    """Return a table whose last column is the text."""
    table = Table(
        title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, expand=False
    )
    for name in columns:
        is_number = name not in {"answer in", "language", "right", "query"}
        table.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    table.add_column("text", overflow="fold")
    return table
