"""Lists as answers: titles for ids, a sentence for each offer."""

from __future__ import annotations

from collections.abc import Sequence

from stream.core.profile import Offer, StoredList
from stream.core.sentences import sentence
from stream.reads import answers
from stream.reads.names import Titles, named
from stream.wire.encode import rfc3339


def named_in(current: StoredList | None) -> set[str]:
    """Ids of the items that a list names."""
    offers = current.offers if current else ()
    return {i for offer in offers for i in (offer.item_id, *offer.because)}


def published(current: StoredList, titles: Titles, lang: str) -> answers.PublishedList:
    return answers.PublishedList(
        version=current.version,
        as_of=rfc3339(current.as_of),
        caused_by=list(current.caused_by),
        items=offers(current.offers, titles, lang),
    )


def offers(some: Sequence[Offer], titles: Titles, lang: str) -> list[answers.Offer]:
    """lang  of the sentences, a BCP 47 tag; English where there is no template for it"""
    return [
        answers.Offer(
            item_id=offer.item_id,
            title=titles.get(offer.item_id, ""),
            rank=rank,
            score=offer.score,
            source=offer.source,
            because=[named(item_id, titles) for item_id in offer.because],
            share=dict(offer.share),
            why=sentence(offer, titles, lang),
            propensity=offer.propensity,
        )
        for rank, offer in enumerate(some, 1)
    ]
