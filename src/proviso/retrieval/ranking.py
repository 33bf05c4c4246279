"""Ranking by BM25: the only module that knows tantivy."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import tantivy

from proviso.errors import Tampered
from proviso.retrieval.index import CONTEXT_WEIGHT, SYNONYM_WEIGHT
from proviso.text import Alternative

_TERMS: Final = "terms"
_SOURCE: Final = "source"
_ORDINAL: Final = "ordinal"
_HEAP_BYTES: Final = 50_000_000
_MOST_TERMS: Final = 64  # what a question of any length may cost is bounded
_SHOULD: Final = tantivy.Occur.Should
_MUST: Final = tantivy.Occur.Must
_MUST_NOT: Final = tantivy.Occur.MustNot

_Clause = tuple[tantivy.Occur, tantivy.Query]


def _schema() -> tantivy.Schema:
    # Terms come analysed, as hexadecimal IDs between blanks: the index and the checks share one analyser.
    return (
        tantivy.SchemaBuilder()
        .add_text_field(_TERMS, tokenizer_name="whitespace", index_option="freq")
        .add_text_field(_SOURCE, tokenizer_name="raw", index_option="basic")
        .add_unsigned_field(_ORDINAL, fast=True)
        .build()
    )


def _word(term: int) -> str:
    return f"{term:x}"


def write_ranking(folder: Path, rows: Iterable[tuple[str, Sequence[int]]]) -> None:
    """Index rows of (source, terms) in an empty folder; a row's ordinal is its place, from 0."""
    index = tantivy.Index(_schema(), path=str(folder))
    writer = index.writer(_HEAP_BYTES, 1)
    for ordinal, (source, terms) in enumerate(rows):
        document = tantivy.Document()
        document.add_text(_TERMS, " ".join(map(_word, terms)))
        document.add_text(_SOURCE, source)
        document.add_unsigned(_ORDINAL, ordinal)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


class Ranking:
    """An opened index: terms in, ordinals out, best first.

    BM25 (Robertson and Zaragoza 2009; k1 = 1.2, b = 0.75, tantivy's constants) over one field of terms.
    """

    def __init__(self, folder: Path, *, size: int, sources: frozenset[str]) -> None:
        """Open the index of `size` rows of `sources` in `folder`; raises `Tampered` where it is not that."""
        try:
            index = tantivy.Index.open(str(folder))
            index.config_reader("manual")
        except (ValueError, OSError) as error:
            raise Tampered("the search index cannot be opened", fix="run `proviso index`") from error
        self._schema = index.schema
        self._searcher = index.searcher()
        self._sources = sources
        if self._searcher.num_docs != size:
            raise Tampered("the search index has not the passages of its snapshot", fix="run `proviso index`")

    def hits(
        self,
        terms: Sequence[int],
        *,
        alike: Sequence[Alternative],
        context: Sequence[int],
        sources: frozenset[str],
        limit: int,
    ) -> list[int]:
        """The best `limit` rows of `sources` that hold a term; those of `context` count less.

        Where a row has other terms that mean the same (`alike`), the better wording counts, not both.
        Terms must be distinct; of a great many only the rarest are looked for, and only as they are.
        """
        readable = self._sources & sources
        if not readable or not (terms or context):
            return []
        clauses = self._alternatives(alike) if alike and len(terms) <= _MOST_TERMS else []
        if clauses:
            reworded = frozenset().union(*[one.own for one in alike])
            terms = [term for term in terms if term not in reworded]
        query = self._matches(clauses, self._rarest(terms), self._rarest(context))
        if len(readable) < len(self._sources):
            query = tantivy.Query.boolean_query([(_MUST, query), self._readable(readable)])
        hits = self._searcher.search(query, limit, count=False).hits
        if not hits:
            return []
        values = self._searcher.fast_field_values(_ORDINAL, [address for _, address in hits])
        return [int(value) for value in values if value is not None]

    def _rarest(self, terms: Sequence[int]) -> Sequence[int]:
        if len(terms) <= _MOST_TERMS:
            return terms
        counts = {term: self._searcher.doc_freq(_TERMS, _word(term)) for term in terms}
        return sorted((term for term in terms if counts[term]), key=counts.__getitem__)[:_MOST_TERMS]

    def _matches(self, clauses: list[_Clause], terms: Sequence[int], context: Sequence[int]) -> tantivy.Query:
        clauses += [(_SHOULD, self._term(_TERMS, _word(term))) for term in terms]
        # A weighted clause keeps the engine from skipping blocks: only questions with a context pay for it.
        clauses += [
            (_SHOULD, tantivy.Query.boost_query(self._term(_TERMS, _word(term)), CONTEXT_WEIGHT))
            for term in context
        ]
        return tantivy.Query.boolean_query(clauses)

    def _alternatives(self, alike: Sequence[Alternative]) -> list[_Clause]:
        """One clause for each part of the question: its best wording in the row counts."""
        return [
            (
                _SHOULD,
                tantivy.Query.disjunction_max_query(
                    [self._all(part.own, _SHOULD)]
                    + [
                        tantivy.Query.boost_query(self._all(other, _MUST), SYNONYM_WEIGHT)
                        for other in part.others
                    ]
                ),
            )
            for part in alike
        ]

    def _all(self, terms: frozenset[int], occur: tantivy.Occur) -> tantivy.Query:
        clauses = [(occur, self._term(_TERMS, _word(term))) for term in sorted(terms)]
        return clauses[0][1] if len(clauses) == 1 else tantivy.Query.boolean_query(clauses)

    def _readable(self, readable: frozenset[str]) -> tuple[tantivy.Occur, tantivy.Query]:
        """The filter by the shorter list: sources that may be read, or those of the index that may not."""
        denied = self._sources - readable
        names = denied if len(denied) < len(readable) else readable
        query = tantivy.Query.boolean_query([(_SHOULD, self._term(_SOURCE, name)) for name in names])
        if names is denied:
            return _MUST_NOT, query
        return _MUST, tantivy.Query.const_score_query(query, 0.0)

    def _term(self, field: str, value: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, "freq")
