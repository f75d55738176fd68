"""The task card: one benchmark, its languages, modes, sources, counts and measures."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from xlir_bench.cards.toml import Table, read_toml
from xlir_bench.core.language import LANGUAGES, Language, language
from xlir_bench.core.mode import RetrievalMode, Setting, retrieval_mode, settings_of
from xlir_bench.errors import CardError, UnknownNameError
from xlir_bench.paths import cache_folder, user_data_folder

TRANSLATIONS = "translations"
"""The kind of ``Source.files`` that makes cross-lingual settings possible."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a benchmark's files are.

    Attributes:
        format: name of a reader ("lareqa").
        folder: of the files, below the card's folder, ``XLIR_DATA_DIR`` or the cache.
        url: with ``{language}``; empty if the files are only local.
        revision: commit or version of the data as published.
        sha256: by language code; the files that are read must have these.
        qrels_sha256: the same of judgements, where they are files of their own.
        files: names that each kind of file goes by, with ``{language}``: "topics", "qrels",
            "corpus", and "translations" of queries with ``{language}`` (of the corpus) and
            ``{target}`` (of the queries).
        hub: data set on the hub that has topics and judgements; empty for none.
        corpus_hub: the same of the corpora.
        bm25_index: Pyserini's prebuilt index of a corpus, with ``{language}``; empty for none.

    """

    format: str
    folder: str
    url: str
    revision: str
    sha256: dict[str, str]
    qrels_sha256: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hub: str = ""
    corpus_hub: str = ""
    bm25_index: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many texts a language must have, checked at every load."""

    queries: dict[str, int]
    passages: dict[str, int]


@dataclass(frozen=True, slots=True)
class About:
    """What a benchmark's users must know, for listings and for mteb's metadata."""

    title: str
    summary: str
    instruction: str
    license: str
    reference: str
    domains: tuple[str, ...]
    annotations: str
    creation: str
    dates: tuple[str, ...]
    bibtex: str
    same_texts: tuple[str, ...] = ()
    """mteb's names of data sets with the same texts: who has seen those has seen the benchmark."""


@dataclass(frozen=True, slots=True)
class TaskCard:
    """One benchmark as its TOML file describes it.

    Attributes:
        name: "XQuADR"; the modes are "XQuADRMono", "XQuADRCross" and "XQuADRMulti".
        path: of the card.
        languages: of queries and corpora.
        modes: those that the data supports.
        main_measure: the figure that is shown first.
        measures: ir_measures spelling, the default set.
        split: of mteb's results.
        source: the files.
        counts: what a load must find.
        about: licence, citation and the like.
        pairs: query and corpus language of the cross-lingual settings, where only some are
            possible; None for all.
        variant: what tells a benchmark in some of its languages from the whole: ".sw+te".
        without: subsets ("de-en") in which no query has an answer; they are not settings.

    """

    name: str
    path: Path
    languages: tuple[Language, ...]
    modes: tuple[RetrievalMode, ...]
    main_measure: str
    measures: tuple[str, ...]
    split: str
    source: Source
    counts: Counts
    about: About
    pairs: tuple[tuple[Language, Language], ...] | None = None
    variant: str = ""
    without: frozenset[str] = frozenset()

    @property
    def full_name(self) -> str:
        """Return the name under which results are kept: "XQuADR", or "MIRACL.sw+te"."""
        return f"{self.name}{self.variant}"

    def task_name(self, mode: RetrievalMode) -> str:
        """Return the name of the benchmark's task in one mode: "XQuADRMono"."""
        return f"{self.name}{mode.value.capitalize()}{self.variant}"

    def settings(self, mode: RetrievalMode | None = None) -> tuple[Setting, ...]:
        """Return the settings of one mode, or of all modes of the card."""
        modes = self.modes if mode is None else (mode,)
        every = (s for m in modes for s in self._settings(m))
        return tuple(s for s in every if s.subset not in self.without)

    def _settings(self, mode: RetrievalMode) -> tuple[Setting, ...]:
        if mode is RetrievalMode.cross and self.pairs is not None:
            return tuple(Setting(mode, x, (y,)) for x, y in self.pairs)
        return settings_of(mode, self.languages)

    def restricted_to(self, languages: Iterable[Language]) -> "TaskCard":
        """Return the benchmark in some of its languages, under a name of its own.

        In the pool of all languages a score depends on which languages those are.
        """
        wanted = set(languages)
        kept = tuple(x for x in self.languages if x in wanted)
        if kept == self.languages:
            return self
        pairs = None if self.pairs is None else tuple(p for p in self.pairs if p[1] in wanted)
        modes = tuple(m for m in self.modes if m is not RetrievalMode.cross or pairs != ())
        variant = f".{'+'.join(x.code for x in kept)}"
        return replace(self, languages=kept, modes=modes, pairs=pairs, variant=variant)

    @property
    def data_folders(self) -> list[Path]:
        """Return where the files may lie, in the order tried; the last is that of downloads.

        Beside the card, in ``XLIR_DATA_DIR``, in the cache.
        """
        cache = cache_folder() / "data" / self.source.folder
        return [*data_roots(self.path.parent, self.source.folder), cache]

    @property
    def data_sha256(self) -> str:
        """Return one checksum of all files: SHA-256 of the lines "language sha256"."""
        if not self.source.sha256:  # a data set of the hub: its commit names every byte
            return hashlib.sha256(
                f"{self.source.hub} {self.source.revision}\n".encode()
            ).hexdigest()
        sums = [*sorted(self.source.sha256.items()), *sorted(self.source.qrels_sha256.items())]
        lines = "".join(f"{code} {value}\n" for code, value in sums)
        return hashlib.sha256(lines.encode()).hexdigest()


def read_task_card(path: Path) -> TaskCard:
    """Return the task card in a TOML file.

    Raises:
        CardError: a field is missing, unknown or wrong.

    """
    table = read_toml(path)
    try:
        languages = tuple(language(code) for code in table.strings("languages"))
        modes = tuple(retrieval_mode(name) for name in table.strings("modes"))
    except UnknownNameError as error:
        msg = f"{path}: {error}"
        raise CardError(msg) from error
    source = _source(table.table("source"))
    card = TaskCard(
        name=table.take("name", str),
        path=path,
        languages=languages,
        modes=modes,
        main_measure=table.take("main_measure", str),
        measures=table.strings("measures"),
        split=table.take("split", str, "test"),
        source=source,
        counts=_counts(table.table("counts", {})),
        about=_about(table.table("about")),
        pairs=tuple(_pairs(path.parent, source, languages)) if source.files else None,
        without=frozenset(table.strings("without", [])),
    )
    table.finish()
    _check(card)
    return card


def _source(table: Table) -> Source:
    source = Source(
        format=table.take("format", str),
        folder=table.take("folder", str),
        url=table.take("url", str, ""),
        revision=table.take("revision", str),
        sha256=table.table("sha256").rest(str),
        qrels_sha256=table.table("qrels_sha256", {}).rest(str),
        files=_names(table.table("files", {})),
        hub=table.take("hub", str, ""),
        corpus_hub=table.take("corpus_hub", str, ""),
        bm25_index=table.take("bm25_index", str, ""),
    )
    table.finish()
    return source


_KINDS = ("topics", "qrels", "corpus", TRANSLATIONS)


def _names(table: Table) -> dict[str, tuple[str, ...]]:
    names = {kind: table.strings(kind, []) for kind in _KINDS}
    table.finish()
    return {kind: patterns for kind, patterns in names.items() if patterns}


def data_roots(card_folder: Path, folder: str) -> list[Path]:
    """Return where files of a benchmark may lie that are not downloads, in the order tried."""
    user = user_data_folder()
    return [root / folder for root in (card_folder, user) if root is not None]


def _pairs(
    card_folder: Path, source: Source, languages: tuple[Language, ...]
) -> Iterator[tuple[Language, Language]]:
    """Yield (language of the queries, language of the corpus) for which translations exist."""
    patterns = source.files.get(TRANSLATIONS, ())
    every = [pattern.format(language="*", target="*") for pattern in patterns]
    roots = data_roots(card_folder, source.folder)
    # Listed, not looked up one by one: cards are read whenever mteb is imported.
    present = {
        path.relative_to(root).as_posix() for root in roots for p in every for path in root.glob(p)
    }
    for corpus in languages:
        for other in LANGUAGES.values():
            names = {p.format(language=corpus.code, target=other.code) for p in patterns}
            if names & present:
                yield other, corpus


def _counts(table: Table) -> Counts:
    counts = Counts(table.table("queries", {}).rest(int), table.table("passages", {}).rest(int))
    table.finish()
    return counts


def _about(table: Table) -> About:
    about = About(
        title=table.take("title", str),
        summary=table.take("summary", str),
        instruction=table.take("instruction", str),
        license=table.take("license", str),
        reference=table.take("reference", str),
        domains=table.strings("domains"),
        annotations=table.take("annotations", str),
        creation=table.take("creation", str),
        dates=table.strings("dates"),
        bibtex=table.take("bibtex", str, ""),
        same_texts=table.strings("same_texts", []),
    )
    table.finish()
    return about


def _check(card: TaskCard) -> None:
    """Raise a CardError for values that are of the right type and yet wrong."""
    codes = {x.code for x in card.languages}
    source, counts = card.source, card.counts
    tables = {
        "source.sha256": set(source.sha256),
        "source.qrels_sha256": set(source.qrels_sha256),
        "counts.queries": set(counts.queries),
        "counts.passages": set(counts.passages),
    }
    is_pinned_by_hub = bool(source.hub and _COMMIT.fullmatch(source.revision))
    for place, named in tables.items():
        is_needed = place == "source.sha256" and not is_pinned_by_hub
        odd = sorted(named ^ codes) if named or is_needed else []
        if odd:
            msg = f"{card.path}: [{place}] must name exactly the languages, but not so {odd[0]!r}"
            raise CardError(msg)
    subsets = {s.subset for m in card.modes for s in settings_of(m, card.languages)}
    numbers = [*counts.queries.values(), *counts.passages.values()]
    wrong = {
        "name": not card.name.isidentifier(),
        "languages": not codes or len(codes) < len(card.languages),
        "modes": not card.modes or len(set(card.modes)) < len(card.modes),
        "measures": len(set(card.measures)) < len(card.measures),
        "main_measure": card.main_measure not in card.measures,
        "modes (a pool or pair is chosen when a task is run)": bool(
            {RetrievalMode.pool, RetrievalMode.pair} & set(card.modes)
        ),
        "source.url (it must hold {language})": bool(source.url) and "{language}" not in source.url,
        "source.sha256": not all(
            map(_SHA256.fullmatch, [*source.sha256.values(), *source.qrels_sha256.values()])
        ),
        "counts": any(type(n) is not int or n < 0 for n in numbers),
        "without (names of subsets, such as de-en)": not card.without <= subsets,
        "about.dates (two, from and to)": len(card.about.dates) != 2,
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            msg = f"{card.path}: wrong value of {what}: empty, repeated or out of range"
            raise CardError(msg)


_SHA256 = re.compile("[0-9a-f]{64}")
_COMMIT = re.compile("[0-9a-f]{40}")
