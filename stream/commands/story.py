"""A user's picture as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp

from stream.commands.shown import age, columns, moment, plain
from stream.reads.picture import (
    InterestPicture,
    ListPicture,
    MassPicture,
    Named,
    OfferPicture,
    Picture,
    RecentItem,
)

RECENT_SHOWN = 12
EVIDENCE_SHOWN = 4
CATEGORIES_SHOWN = 6
TITLE_CHARS = 48


def tell(seen: Picture) -> list[str]:
    """The whole story, section by section."""
    sections = [_head(seen)]
    if seen.forgotten_at is not None:
        sections.append([f"forgotten: events of before {moment(seen.forgotten_at)} are skipped"])
    labels = {interest.id: interest.label for interest in seen.interests}
    sections += [
        _recent(seen.recent, labels),
        _interests(seen.interests),
        _state(seen),
        [] if seen.current is None else _list(seen.current),
        _marks(seen),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines).splitlines()


def _head(seen: Picture) -> list[str]:
    newest = f"newest event {age(seen.age_s)} ago" if seen.as_of else "no event yet"
    lines = [
        f"{plain(seen.user_id)} · version {seen.version} · {newest} · "
        f"confidence {seen.confidence:.2f}"
    ]
    if seen.segment is not None:
        member = seen.segment
        lines.append(
            f"segment {member.id} ({plain(member.label) or 'gone from the model in force'}) since "
            f"{moment(member.since)}, model {member.model_version}"
        )
    if seen.unsent_changes:
        lines.append(f"{seen.unsent_changes} segment changes wait to be sent")
    return lines


def _recent(recent: list[RecentItem], labels: dict[str, str]) -> list[str]:
    if not recent:
        return []
    rows = [
        (
            f"{age(one.age_s)} ago",
            f"{one.strength:+.2f}",
            title(one.item),
            f"-> {labels[one.interest]} ({one.interest})" if one.interest in labels else "",
        )
        for one in recent[:RECENT_SHOWN]
    ]
    return [f"recent items ({len(recent)}; age, strength, interest joined)", *columns(rows)]


def _interests(interests: list[InterestPicture]) -> list[str]:
    if not interests:
        return []
    lines = ["interests"]
    for one in interests:
        lines.append(
            f"  {one.share:4.0%}  {plain(one.label)} ({one.id}) · confidence {one.confidence:.2f} "
            f"· newest {age(one.age_s)} ago · like {title(one.medoid)}"
        )
        if one.evidence:  # what joined it long ago is no longer among the recent items
            more = len(one.evidence) - EVIDENCE_SHOWN
            names = _names(row.item for row in one.evidence[:EVIDENCE_SHOWN])
            lines.append(f"        because of {names}" + (f" and {more} more" if more > 0 else ""))
    return lines


def _state(seen: Picture) -> list[str]:
    shares = list(seen.categories.items())
    shown = ", ".join(f"{plain(name)} {share:.0%}" for name, share in shares[:CATEGORIES_SHOWN])
    more = f" and {len(shares) - CATEGORIES_SHOWN} more" if len(shares) > CATEGORIES_SHOWN else ""
    rows = [
        ("session", _mass(seen.session)),
        ("aversion", _mass(seen.aversion)),
        ("categories", f"{shown}{more}, others {seen.other:.0%}" if shares else "none"),
        (
            "spread",
            f"as over {exp(seen.entropy):.1f} even shares · entropy {seen.entropy:.2f} nats",
        ),
        ("drift", _drift(seen.drift)),
        ("seen", f"{seen.seen} items"),
    ]
    return ["state", *columns(rows)]


def _drift(distance: float | None) -> str:
    if distance is None:
        return "nothing is known of a week before the newest event"
    return f"{distance:.2f} from a week before the newest event (0: the same, 1: nothing in common)"


def _mass(mass: MassPicture | None) -> str:
    if mass is None:
        return "none"
    return f"confidence {mass.confidence:.2f} · newest {age(mass.age_s)} ago"


def _list(current: ListPicture) -> list[str]:
    why = f", caused by {plain(', '.join(current.caused_by))}" if current.caused_by else ""
    head = f"list of version {current.version}, {age(current.age_s)} old{why}"
    if not current.offers:
        return [head, "  nothing to offer"]
    rows = [
        (f"{offer.rank}.", title(offer.item), f"{offer.score:.3f}", _why(offer))
        for offer in current.offers
    ]
    return [head, *columns(rows)]


def _why(offer: OfferPicture) -> str:
    parts = sorted(offer.share.items(), key=lambda row: -row[1])
    shares = ", ".join(f"{name} {share:.0%}" for name, share in parts) or offer.source
    return f"{shares} · because of {_names(offer.because)}" if offer.because else shares


def _marks(seen: Picture) -> list[str]:
    rows = [(source, f"offset {offset}") for source, offset in seen.marks.items()]
    return ["applied up to", *columns(rows)] if rows else []


def title(item: Named) -> str:
    """The title, else the id."""
    return plain(item.title or item.item_id, TITLE_CHARS) or "-"


def _names(items: Iterable[Named]) -> str:
    return "; ".join(map(title, items))
