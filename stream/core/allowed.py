"""What may be offered to whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream.core.attributes import Attributes, Scalar
from stream.core.catalogue import Catalogue
from stream.core.hashes import hash32
from stream.core.profile import Profile

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reader of lists asks for besides; empty asks for nothing.

    categories      the item has at least one of them
    without         the item has none of them
    domain          the item's domain is this one
    lang            the item is in this language or in none, whatever the user reads else
    exclude         the item is none of these, by their ids
    where           each of these attributes is one of its values, or a list that has one of them
    available_only  leave out what is not to be had now; what is deleted never comes back
    """

    categories: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    domain: str | None = None
    lang: str | None = None
    exclude: frozenset[str] = frozenset()
    where: Mapping[str, Collection[Scalar]] = field(default_factory=dict)
    available_only: bool = True


EVERYTHING = Filters()


def asked_for(filters: Filters, catalogue: Catalogue) -> Mask:
    """(n,) items that pass the filters and are not deleted."""
    mask = catalogue.on_offer.copy() if filters.available_only else _not_deleted(catalogue)
    if filters.domain is not None:
        mask &= catalogue.domains == hash32(filters.domain)
    if filters.lang is not None:
        mask &= _readable({filters.lang}, catalogue)
    if filters.exclude:
        mask[[catalogue.rows[i] for i in filters.exclude if i in catalogue.rows]] = False
    if filters.categories:
        mask &= catalogue.categories.any_of(filters.categories)
    if filters.without:
        mask &= ~catalogue.categories.any_of(filters.without)
    for name, values in filters.where.items():
        mask &= attributes_of(catalogue).any_of(name, values)
    return mask


def allowed(profile: Profile, catalogue: Catalogue, filters: Filters = EVERYTHING) -> Mask:
    """(n,) out, not expired, in a language the user reads or asks for, and not seen yet."""
    now = profile.as_of
    mask: Mask = (catalogue.published_at <= now) & (catalogue.expires_at > now)
    langs = langs_of(profile, catalogue, filters)
    if langs:
        mask &= _readable(langs, catalogue)
    mask[catalogue.rows_of_hashes(profile.seen)] = False
    return mask


def langs_of(
    profile: Profile, catalogue: Catalogue, filters: Filters = EVERYTHING
) -> frozenset[str]:
    """The language that is asked for, else those of the user's last items."""
    if filters.lang is not None:
        return frozenset({filters.lang})
    found = (catalogue.get(recent.item_id) for recent in profile.recent)
    return frozenset(entry.lang for entry in found if entry is not None and entry.lang)


def attributes_of(catalogue: Catalogue) -> Attributes:
    """What the items of a snapshot say of themselves; what is asked for is indexed once."""
    held = catalogue.__dict__.get(_HELD)
    if held is None:
        said = [entry.attributes for entry in catalogue.entries]
        held = catalogue.__dict__[_HELD] = Attributes(said)
    assert isinstance(held, Attributes)
    return held


#: Where a snapshot keeps them, like its other derived arrays.
_HELD = "_attributes"


def _readable(langs: Collection[str], catalogue: Catalogue) -> Mask:
    """(n,) in one of these languages, or in none."""
    return np.isin(catalogue.languages, np.array([*langs, None], object))


def _not_deleted(catalogue: Catalogue) -> Mask:
    return np.array([not entry.deleted for entry in catalogue.entries], np.bool_)
