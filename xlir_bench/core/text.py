"""The two kinds of text: what a user searches with, and what is found."""

from dataclasses import dataclass

from xlir_bench.core.language import Language


@dataclass(frozen=True, slots=True)
class Query:
    """A text a user searches with.

    Attributes:
        query_id: unique in the whole collection, "de:56beb4".
        text: as it goes to the encoder, before any prompt.
        language: of the text.
        topic_id: shared by the translations of one query, "56beb4".

    """

    query_id: str
    text: str
    language: Language
    topic_id: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that can be found, of any length.

    Attributes:
        passage_id: unique in the whole collection, "de:012.03.1".
        text: as it goes to the encoder, before any prompt.
        language: of the text.

    """

    passage_id: str
    text: str
    language: Language
