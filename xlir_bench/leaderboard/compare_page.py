"""The comparison of two models as one HTML file."""

from collections.abc import Mapping, Sequence

from xlir_bench.cards.task import TaskCard
from xlir_bench.compare import Changed, SettingComparison
from xlir_bench.core.collection import Collection
from xlir_bench.core.score import Comparison
from xlir_bench.leaderboard.page import render
from xlir_bench.leaderboard.page_data import language_data


def compare_page(  # noqa: PLR0913 - what was compared, in three grains
    names: Sequence[str],
    card: TaskCard,
    rows: Sequence[Comparison],
    measure: str,
    settings: Sequence[SettingComparison],
    changed: Sequence[Changed],
    *,
    collection: Collection | None = None,
) -> str:
    """Return a page: macro averages, differences by language pair, queries that changed most.

    Args:
        names: of the models.
        card: the benchmark.
        rows: macro averages of all measures.
        measure: of ``settings`` and ``changed``.
        settings: differences by setting.
        changed: queries.
        collection: texts of the queries and answers; None if the page shows none.

    """
    data = {
        "first": names[0],
        "second": names[1],
        "measure": measure,
        "languages": [language_data(language) for language in card.languages],
        "settings": [
            {
                "name": str(s.setting),
                "mode": s.setting.mode.value,
                "question": s.setting.query_language.code,
                "corpus": [x.code for x in s.setting.corpus_languages],
                "value": s.difference.value,
                "low": s.difference.interval.low,
                "high": s.difference.interval.high,
                "p": s.corrected,
            }
            for s in settings
        ],
    }
    texts = {} if collection is None else {q.query_id: q.text for q in collection.queries}
    languages = {x.code: language_data(x) for x in card.languages}
    return render(
        "compare.html.j2",
        data,
        names=names,
        card=card,
        rows=rows,
        measure=measure,
        settings=settings,
        changed=[_changed_row(c, texts, languages) for c in changed],
    )


def _changed_row(
    changed: Changed, texts: Mapping[str, str], languages: Mapping[str, dict[str, str]]
) -> dict[str, object]:
    return {
        "query_id": changed.query_id,
        "setting": str(changed.setting),
        "first": changed.first,
        "second": changed.second,
        "difference": changed.difference,
        "text": texts.get(changed.query_id, ""),
        "language": languages[changed.setting.query_language.code],
    }
