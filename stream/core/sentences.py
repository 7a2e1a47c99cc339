"""One sentence for people on why an item is offered, in their language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stream.core.explore import EXPANSION, EXPLORATION
from stream.core.profile import Offer

DEFAULT_LANG = "en"
#: What an offer of these comes from is not the user's own history, whatever stands in `because`.
NOT_FOR_HISTORY = frozenset({"hotness", "crowd", "freshness", EXPLORATION, EXPANSION})


@dataclass(frozen=True, slots=True)
class Template:
    """A language's sentences.

    because   around the titles, at `{}`
    quoted    around one title, at `{}`
    comma, last  between titles, and before the last one
    by_source    where no item of the history is the reason, by the offer's source
    otherwise    for any other source
    """

    because: str
    quoted: str
    comma: str
    last: str
    by_source: Mapping[str, str]
    otherwise: str


TEMPLATES: Mapping[str, Template] = {
    "en": Template(
        because="Because you liked {}",
        quoted="{}",
        comma=", ",
        last=" and ",
        by_source={
            "interest": "Close to your interests",
            "session": "Close to what you are looking at now",
            "neighbours": "People who liked what you like went on to this",
            "sequence": "What often follows what you chose last",
            "hotness": "Popular right now",
            "crowd": "Popular right now with people of similar taste",
            "freshness": "Just out",
            EXPLORATION: "Few people know this yet: tell us whether you like it",
            EXPANSION: "A step beyond what you usually choose",
        },
        otherwise="Picked for you",
    ),
    "zh": Template(
        because="因为你喜欢{}",
        quoted="《{}》",
        comma="、",
        last="和",
        by_source={
            "interest": "符合你的兴趣",
            "session": "与你正在浏览的内容相近",
            "neighbours": "和你喜好相近的人也喜欢",
            "sequence": "看过你最近所选的人，接下来常选",
            "hotness": "近期热门",
            "crowd": "与你品味相近的人群中正热门",
            "freshness": "最新上架",
            EXPLORATION: "知道它的人还不多，看看你是否喜欢",
            EXPANSION: "换个口味，看看你常选之外的内容",
        },
        otherwise="为你挑选",
    ),
}


def sentence(offer: Offer, titles: Mapping[str, str], lang: str) -> str:
    """Why this is offered, without a full stop.

    titles  by item id; reasons whose title is missing or empty are left out
    lang    a BCP 47 tag; the sentence is English where there is no template for it
    """
    template = TEMPLATES.get(lang.replace("_", "-").split("-")[0].lower(), TEMPLATES[DEFAULT_LANG])
    known = [title for item_id in offer.because if (title := titles.get(item_id))]
    if known and offer.source not in NOT_FOR_HISTORY:
        return template.because.format(_joined(known, template))
    return template.by_source.get(offer.source, template.otherwise)


def _joined(titles: Sequence[str], template: Template) -> str:
    quoted = [template.quoted.format(title) for title in titles]
    *before, last = quoted
    return template.comma.join(before) + template.last + last if before else last
