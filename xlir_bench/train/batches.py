"""Hybrid batches: monolingual with probability alpha, cross-lingual otherwise.

Source: Elmahdy, Lin, Ahmad 2024, section 3, https://arxiv.org/abs/2408.10536.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler

from xlir_bench.errors import DataError
from xlir_bench.train.pairs import Pairs

Integers = NDArray[np.int64]

_TRIES = 20
"""Orders in which a full step is looked for before it is given up."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One batch of one process.

    Attributes:
        language: of a monolingual batch as a position in ``Pairs.codes``, -1 for a cross-lingual.
        queries: (batch_size,) int64 positions in ``Pairs.rows``.
        passages: (batch_size,) int64 positions; equal to ``queries`` in a monolingual batch.

    """

    language: int
    queries: Integers
    passages: Integers


class HybridBatchSampler(DefaultBatchSampler):
    """Draws batches for sentence-transformers' trainer over a ``PairDataset``.

    With probability ``alpha`` a batch is in one language, drawn uniformly; else every row has its
    query in one language and its passage in another, both drawn uniformly among those of an id.
    Within a language, and among ids with several languages, every pair comes once before one comes
    again, so sources are drawn by their size (and those that a recipe repeats as often as it
    says); what shares a text with all that is left of such a pass waits for the next. Above 1,
    ``per_document`` keeps so many pairs of one document together: they are each other's hard
    negatives, for their subject does not tell them apart. No two rows of a step, on any process,
    share the id, the query or the passage. All processes have the same kind and language of batch
    at a step.

    The sequence depends on pairs, alpha, batch size, pairs of a document, number of processes, seed
    and epoch alone.

    Args:
        dataset: the ``PairDataset`` of the pairs.
        batch_size: of one process.
        pairs: to draw from.
        alpha: share of monolingual batches; 1 is X-X-mono, 0 is X-Y.
        per_document: how many pairs of one document are drawn together; 1 for no such order.
        seed: of the draws.
        n_processes: batches of one step stand next to each other, one for each process.
        n_batches: of one epoch and all processes; None for one pass through all pairs.
        kwargs: what the trainer passes to every sampler, not used.

    Raises:
        DataError: too few pairs for a batch.

    """

    def __init__(  # noqa: PLR0913 - the trainer gives two, the recipe the others
        self,
        dataset: Any,  # noqa: ANN401 - a PairDataset; torch calls it a data set
        batch_size: int,
        *,
        pairs: Pairs,
        alpha: float,
        per_document: int = 1,
        seed: int = 0,
        n_processes: int = 1,
        n_batches: int | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        super().__init__(dataset, batch_size=batch_size, drop_last=True, seed=seed)
        self.dataset = dataset
        self.pairs, self.alpha, self.n_processes = pairs, alpha, n_processes
        self.per_document = per_document
        self.epoch = 0
        self._step_size = batch_size * n_processes
        whole = max(1, int(pairs.repeats.sum(dtype=np.int64)) // self._step_size)
        self._n_steps = whole if n_batches is None else -(-n_batches // n_processes)
        self.languages = _languages(pairs, self._step_size) if alpha > 0 else {}
        self._groups = _Groups.of(pairs) if alpha < 1 else None
        if alpha > 0 and not self.languages:
            msg = f"no language has {self._step_size} different pairs for a monolingual batch"
            raise DataError(msg)
        if self._groups is not None and len(self._groups.starts) <= self._step_size:
            msg = (
                f"only {len(self._groups.starts) - 1} ids have several languages; a cross-lingual"
                f" batch needs {self._step_size}"
            )
            raise DataError(msg)

    def __len__(self) -> int:
        """Return the number of batches of an epoch, of all processes."""
        return self._n_steps * self.n_processes

    def set_epoch(self, epoch: int) -> None:
        """Choose the sequence of an epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the keys of every batch: those of a step, one for each process, together."""
        rows = self.pairs.rows
        for drawn in self.draw():
            queries, passages = rows[drawn.queries].tolist(), rows[drawn.passages].tolist()
            yield [self.dataset.key(q, p) for q, p in zip(queries, passages, strict=True)]

    def draw(self) -> Iterator[Drawn]:
        """Yield every batch of the epoch with its language."""
        rng = np.random.default_rng([self.seed, self.epoch])
        decks = {code: self._deck(rows, rows, rng) for code, rows in self.languages.items()}
        names = list(decks)
        groups = None
        if self._groups is not None:
            cards = self._groups.cards
            groups = self._deck(cards, self._groups.members[self._groups.starts[cards]], rng)
        for _ in range(self._n_steps):
            language = -1
            if groups is None or rng.random() < self.alpha:
                language = names[int(rng.integers(len(names)))]
                queries, passages = self._distinct(decks[language], None, rng)
            else:
                queries, passages = self._distinct(groups, self._groups, rng)
            for first in range(0, self._step_size, self.batch_size):
                part = slice(first, first + self.batch_size)
                yield Drawn(language, queries[part], passages[part])

    def _deck(self, cards: Integers, rows: Integers, rng: np.random.Generator) -> "_Deck":
        """Return a deck of cards, of which each stands for the document of a row."""
        documents = self.pairs.documents[rows] if self.per_document > 1 else None
        return _Deck(cards, documents, self.per_document, rng)

    def _distinct(
        self, deck: "_Deck", groups: "_Groups | None", rng: np.random.Generator
    ) -> tuple[Integers, Integers]:
        """Take cards from a deck until a step is full of rows that share nothing.

        A card that does not fit comes back later in the same pass through the deck; what fits
        nowhere in it waits for the next pass.
        """
        for _ in range(_TRIES):
            step = _Step(self._step_size)
            for _ in range(2):  # the rest of this pass, then a whole new one
                refused = []
                while deck.left and not step.is_full:
                    card = deck.take()
                    query, passage = (card, card) if groups is None else groups.pair(card, rng)
                    if not step.add(self.pairs, query, passage):
                        refused.append(card)
                if step.is_full:
                    deck.give_back(refused)
                    return np.array(step.queries), np.array(step.passages)
                deck.shuffle()
        msg = f"no {self._step_size} pairs can be found that share no id, query or passage"
        raise DataError(msg)


class _Step:
    """Rows of one step, of which no two share id, query or passage."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen: tuple[set[int], set[int], set[int]] = (set(), set(), set())
        self.queries: list[int] = []
        self.passages: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.queries) == self._size

    def add(self, pairs: Pairs, query: int, passage: int) -> bool:
        """Take a row, unless it shares something with one that is there."""
        names = (
            int(pairs.groups[query]),
            int(pairs.query_hashes[query]),
            int(pairs.passage_hashes[passage]),
        )
        if any(name in seen for name, seen in zip(names, self._seen, strict=True)):
            return False
        for name, seen in zip(names, self._seen, strict=True):
            seen.add(name)
        self.queries.append(query)
        self.passages.append(passage)
        return True


class _Deck:
    """Cards in random order; one pass gives each once. Shuffled when the first one is needed.

    Args:
        cards: that it holds.
        documents: of each card; None for an order without regard to them.
        together: cards of one document that follow each other, as far as there are so many left.
        rng: of the order.

    """

    def __init__(
        self, cards: Integers, documents: Integers | None, together: int, rng: np.random.Generator
    ) -> None:
        self._cards, self._documents, self._rng = cards, documents, rng
        self._together = together
        self._order: Integers = cards[:0]
        self._next = 0
        self._returned: deque[int] = deque()

    @property
    def left(self) -> int:
        """Return how many cards this pass still has."""
        return len(self._order) - self._next + len(self._returned)

    def shuffle(self) -> None:
        """Begin a new pass with all cards."""
        places = self._rng.permutation(len(self._cards))
        if self._documents is not None:
            places = _in_hands(places, self._documents[places], self._together, self._rng)
        self._order, self._next = self._cards[places], 0
        self._returned.clear()

    def take(self) -> int:
        """Return the next card; those that were given back come last."""
        if self._next == len(self._order):
            return self._returned.popleft()
        self._next += 1
        return int(self._order[self._next - 1])

    def give_back(self, cards: list[int]) -> None:
        """Put cards where they come last in this pass."""
        self._returned.extend(cards)


def _in_hands(
    places: Integers, documents: Integers, size: int, rng: np.random.Generator
) -> Integers:
    """Return places in an order in which those of a document come in hands of a size.

    Hands are in random order, and places in a hand in the order that was given.
    """
    by_document = np.argsort(documents, kind="stable")
    owners = documents[by_document]
    starts = np.flatnonzero(np.diff(owners, prepend=owners[:1] - 1))
    position = np.arange(len(places)) - np.repeat(starts, np.diff(np.append(starts, len(places))))
    hands = np.cumsum(position % size == 0) - 1
    shuffled = rng.permutation(hands[-1] + 1)[hands]
    order: Integers = places[by_document][np.argsort(shuffled, kind="stable")]
    return order


@dataclass(frozen=True, slots=True)
class _Groups:
    """Ids with pairs in several languages; group i owns ``members[starts[i]:starts[i + 1]]``."""

    starts: Integers
    members: Integers
    languages: Integers
    cards: Integers
    """Numbers of the groups, each as often as its pairs are repeated."""

    @classmethod
    def of(cls, pairs: Pairs) -> "_Groups":
        order = np.lexsort((pairs.languages, pairs.groups))
        groups, languages = pairs.groups[order], pairs.languages[order]
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        last = np.append(starts[1:], len(groups)) - 1
        several = languages[starts] != languages[last]
        chosen = np.repeat(several, np.diff(np.append(starts, len(groups))))
        sizes = np.diff(np.append(starts, len(groups)))[several]
        cards = np.repeat(np.arange(len(sizes)), pairs.repeats[order[starts[several]]])
        return cls(np.concatenate([[0], np.cumsum(sizes)]), order[chosen], languages[chosen], cards)

    def pair(self, group: int, rng: np.random.Generator) -> tuple[int, int]:
        """Return a query and a passage of a group in two languages, drawn uniformly."""
        first, last = self.starts[group], self.starts[group + 1]
        languages = self.languages[first:last]
        known = np.unique(languages)
        i = int(rng.integers(len(known)))
        j = (i + 1 + int(rng.integers(len(known) - 1))) % len(known)
        query, passage = (
            int(self.members[first + rng.choice(np.flatnonzero(languages == known[x]))])
            for x in (i, j)
        )
        return query, passage


def _languages(pairs: Pairs, needed: int) -> dict[int, Integers]:
    """Return the positions of the pairs of each language that can fill a step."""
    found = {}
    for language in range(len(pairs.codes)):
        chosen = np.flatnonzero(pairs.languages == language)
        columns = (pairs.groups, pairs.query_hashes, pairs.passage_hashes)
        if min(len(np.unique(column[chosen])) for column in columns) >= needed:
            found[language] = np.repeat(chosen, pairs.repeats[chosen])
    return found
