"""Why an input had no effect: one stable code for each reason.

Dead letters and metrics carry these codes; consumers filter on them, so a code is never reused
for something else. `docs/messages.md` lists them all, and a test holds the two together.
"""

from __future__ import annotations

from enum import StrEnum


class Fate(StrEnum):
    """What becomes of the record."""

    REJECTED = "rejected"
    """goes to the dead letters, confirmed, then acknowledged"""

    SKIPPED = "skipped"
    """is counted and acknowledged"""


class Reason(StrEnum):
    """A code with its fate and its explanation.

    fate         what becomes of the record
    explanation  one line for a person
    """

    fate: Fate
    explanation: str

    def __new__(cls, code: str, fate: Fate, explanation: str) -> Reason:
        """A member is its code; fate and explanation ride along."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.fate = fate
        member.explanation = explanation
        return member

    # --- rejections: the record goes to the dead letters
    MISSING_VALUE = (
        "missing_value",
        Fate.REJECTED,
        "the record has no value, and its topic needs one",
    )
    MISSING_KEY = (
        "missing_key",
        Fate.REJECTED,
        "an item's record has no key, which compaction needs",
    )
    KEY_MISMATCH = "key_mismatch", Fate.REJECTED, "an item's key differs from its `item_id`"
    TOO_LARGE = (
        "too_large",
        Fate.REJECTED,
        "the value, or an item's attributes, are larger than the limit",
    )
    INVALID_UTF8 = "invalid_utf8", Fate.REJECTED, "bytes or escapes that are no Unicode text"
    MALFORMED_JSON = "malformed_json", Fate.REJECTED, "not JSON, cut short, or nested too deeply"
    WRONG_TYPE = "wrong_type", Fate.REJECTED, "a field has another type than the schema says"
    MISSING_FIELD = "missing_field", Fate.REJECTED, "a field that this message needs is not there"
    NOT_FINITE = "not_finite", Fate.REJECTED, "NaN, Infinity, or a number too large for a double"
    OUT_OF_RANGE = "out_of_range", Fate.REJECTED, "a number outside of what its field allows"
    EMPTY_ID = (
        "empty_id",
        Fate.REJECTED,
        "an id, category, vector or attribute name is empty, only blanks, or begins with a NUL",
    )
    ID_TOO_LONG = (
        "id_too_long",
        Fate.REJECTED,
        "an id, category, vector or attribute name is over the limit",
    )
    TEXT_TOO_LONG = "text_too_long", Fate.REJECTED, "a title, text or language is over the limit"
    TOO_MANY = (
        "too_many",
        Fate.REJECTED,
        "more categories, offers, vectors or attributes than the limit",
    )
    VECTOR_DIMENSION = "vector_dimension", Fate.REJECTED, "an item's vector has the wrong dimension"
    INVALID_TIME = "invalid_time", Fate.REJECTED, "neither RFC 3339 nor epoch seconds"
    NO_TIME_ZONE = "no_time_zone", Fate.REJECTED, "a time without an offset such as `Z` or `+02:00`"
    TIME_IN_MILLISECONDS = (
        "time_in_milliseconds",
        Fate.REJECTED,
        "a number above 1e11 where epoch seconds belong",
    )
    IN_FUTURE = "in_future", Fate.REJECTED, "`at` is further ahead of the clock than allowed"
    BUG = (
        "bug",
        Fate.REJECTED,
        "the service itself failed on this record; a stack trace comes along",
    )

    # --- skips: the record is counted and acknowledged
    UNKNOWN_TYPE = "unknown_type", Fate.SKIPPED, "`type` is not in the table of event types"
    TOO_OLD = "too_old", Fate.SKIPPED, "`at` is older than what still counts"
    IGNORED_USER = "ignored_user", Fate.SKIPPED, "`user_id` stands for nobody in particular"
    FORGOTTEN = "forgotten", Fate.SKIPPED, "`at` is from before the user was forgotten"


class Note(StrEnum):
    """What is counted beside an event's fate: it is applied all the same."""

    UNKNOWN_ITEM = "unknown_item"
    """the item is not in the catalogue: the content part is skipped"""

    KEY_MISMATCH = "key_mismatch"
    """the record's key is not the event's `user_id`: the order within the user is not kept"""

    UNHEARD = "unheard"
    """beyond the user's hourly budget: it counts for the user's own list and for nobody else's"""


REJECTIONS = tuple(reason for reason in Reason if reason.fate is Fate.REJECTED)
