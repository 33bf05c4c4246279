"""The index that serves: a snapshot's passages, found by BM25 over their terms."""

from datetime import datetime
from pathlib import Path
from typing import Final

from proviso.errors import NotReady, Tampered
from proviso.retrieval.approvals import read_approvals
from proviso.retrieval.commitment import commit
from proviso.retrieval.index import FILTERED_BY_ACCESS, FOUND, NO_MATCH, Found, Lineage, Query
from proviso.retrieval.ranking import Ranking
from proviso.retrieval.records import Records
from proviso.text import Analyser

RANKING: Final = "index"


class TextIndex:
    """An opened snapshot, shared by all requests of a process; a search takes a fraction of a millisecond."""

    def __init__(self, folder: Path, digest: str) -> None:
        """Open the snapshot in its folder; raises `Tampered` where its passages have not this digest."""
        with Records(folder) as records:
            found = commit(records)
        if found.digest != digest:
            raise Tampered(
                f"the snapshot `{digest}` has the digest `{found.digest}`", fix="run `proviso index`"
            )
        # Mapped anew: the pages that the check has touched do not stay in memory.
        self._records = Records(folder)
        self._folder = folder
        self.digest = digest
        self.longest = found.longest
        self._places = found.places
        self.sources = frozenset(document.source for document in self._records.documents)
        self._ranking = Ranking(folder / RANKING, size=len(self._records), sources=self.sources)
        self._analyser = Analyser()

    async def search(self, query: Query, *, sources: frozenset[str], limit: int) -> Found:
        """The best `limit` passages among `sources`; see `Index`."""
        if limit < 1:
            raise ValueError("`limit` must be at least 1")
        alike = query.synonyms.alternatives(query.text) if query.synonyms else ()
        terms = self._distinct(query.text)
        context = (
            [term for term in self._distinct(query.context) if term not in terms] if query.context else []
        )
        hits = self._ranking.hits(terms, alike=alike, context=context, sources=sources, limit=limit)
        if not hits:
            anywhere = self._ranking.hits(terms, alike=alike, context=context, sources=self.sources, limit=1)
            return Found((), FILTERED_BY_ACCESS if anywhere else NO_MATCH)
        passages = tuple([self._records.passage(hit, number) for number, hit in enumerate(hits, 1)])
        # INVARIANT: nothing outside `sources` leaves, even if the index's files were exchanged.
        if not all(passage.source in sources for passage in passages):
            raise Tampered("the search index does not belong to its snapshot", fix="run `proviso index`")
        return Found(passages, FOUND)

    def _distinct(self, text: str) -> list[int]:
        return list(dict.fromkeys(self._analyser.terms(text)))

    def lineage(self, passage: str) -> Lineage | None:
        """Where a passage comes from and who approved it, or None where the snapshot has no such passage.

        The approvals are those of the last build; raises `Tampered` where their file is damaged.
        """
        place = self._places.get(passage)
        if place is None:
            return None
        record = self._records.record(place)
        document = self._records.documents[record.document]
        approvals = read_approvals(self._folder)
        approval = approvals.sources[document.source]
        return Lineage(
            passage=passage,
            start=record.start,
            end=record.end,
            source=document.source,
            document=document.document,
            title=document.title,
            version=document.version,
            classification=approval.classification,
            approved_by=approval.approved_by,
            approved_on=approval.approved_on,
            fetched_at=approvals.fetched_at,
            parser=document.parser,
            chunker=approvals.chunker,
            snapshot=self.digest,
        )

    def versions(self) -> dict[tuple[str, str], str]:
        """The version of every indexed document, by source and document."""
        return {(row.source, row.document): row.version for row in self._records.documents}

    def built_at(self) -> float:
        """When the documents were last read, in seconds since the epoch."""
        return datetime.fromisoformat(read_approvals(self._folder).fetched_at).timestamp()

    def screened_text(self, source: str, document: str) -> str | None:
        """The text of a document as the snapshot keeps it: extracted, then screened."""
        for row in self._records.documents:
            if (row.source, row.document) == (source, document):
                return self._records.bytes(row.begin, row.stop).decode()
        return None

    def close(self) -> None:
        """Let go of the files."""
        self._records.close()


def open_index(into: Path, digest: str) -> TextIndex:
    """The snapshot `digest` below `into`, ready to search.

    Raises `NotReady` where it was never built and `Tampered` where its passages no longer have that digest.
    """
    folder = into / digest
    if not digest.isalnum() or not folder.is_dir():
        raise NotReady(f"there is no snapshot `{digest}`", fix="run `proviso index`")
    return TextIndex(folder, digest)
