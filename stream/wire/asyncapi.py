"""The AsyncAPI 3.0 document, made from the message structs.

python -m stream.wire.asyncapi           write docs/asyncapi.yaml
python -m stream.wire.asyncapi --check   exit 1 if it is stale
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from stream.errors import Reject
from stream.wire import cloudevents, deadletter, examples
from stream.wire.encode import encode
from stream.wire.messages import (
    EventMessage,
    ItemMessage,
    Receipt,
    Recommendation,
    SegmentChange,
    SignalBatch,
)
from stream.wire.reasons import REJECTIONS, Reason

PATH = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"

Node = dict[str, Any]


@dataclass(frozen=True)
class Topic:
    """A topic as the document shows it.

    operations  what the service does with it
    key         what the record's key is; None: there is none
    ce_type     of the CloudEvents headers; None: producers need send no headers
    example     JSON; None: the payload is opaque bytes
    """

    name: str
    message: str
    title: str
    operations: tuple[Literal["receive", "send"], ...]
    description: str
    key: str | None
    cleanup: tuple[Literal["compact", "delete"], ...]
    payload: type[msgspec.Struct] | None
    ce_type: str | None
    example: object


def topics() -> list[Topic]:
    """Every topic, in the order of the data's way through the service."""
    return [
        Topic(
            "items",
            "Item",
            "An item",
            ("receive",),
            "Items by id. A null value deletes the item.",
            "`item_id`",
            ("compact",),
            ItemMessage,
            None,
            examples.ITEM,
        ),
        Topic(
            "events",
            "Event",
            "An event",
            ("receive",),
            "What users did. A repeat of an `event_id` has no effect.",
            "`user_id`, which keeps a user's events in order",
            ("delete",),
            EventMessage,
            None,
            examples.EVENT,
        ),
        Topic(
            "signals",
            "Signals",
            "What events say about items",
            ("send", "receive"),
            "Internal: from workers to workers. The partition is a hash of the item.",
            None,
            ("delete",),
            SignalBatch,
            cloudevents.SIGNALS,
            _plain(examples.SIGNALS),
        ),
        Topic(
            "recommendations",
            "Recommendation",
            "A fresh list for a user",
            ("send",),
            "Keep the highest `version` of a user: a late message of a stalled worker is older. "
            "A null value: the user was forgotten.",
            "`user_id`",
            ("compact",),
            Recommendation,
            cloudevents.RECOMMENDATION,
            _plain(examples.RECOMMENDATION),
        ),
        Topic(
            "segments",
            "SegmentChange",
            "A user changed segments",
            ("send",),
            "Repeats carry the same `change_id`. A null value: the user was forgotten.",
            "`user_id`",
            ("delete",),
            SegmentChange,
            cloudevents.SEGMENT_CHANGE,
            _plain(examples.SEGMENT_CHANGE),
        ),
        Topic(
            "receipts",
            "Receipt",
            "A user was forgotten",
            ("send",),
            "What was removed, and when. Names nobody.",
            "`receipt_id`",
            ("compact",),
            Receipt,
            cloudevents.RECEIPT,
            _plain(examples.RECEIPT),
        ),
        Topic(
            "dead-letters",
            "DeadLetter",
            "A refused record",
            ("send",),
            "The bytes of a record that was refused, untouched; the headers say why.",
            "`topic/partition/offset` of the record",
            ("compact", "delete"),
            None,
            cloudevents.DEAD_LETTER,
            None,
        ),
    ]


def document() -> Node:
    """The whole document."""
    shown = topics()
    structs = [topic.payload for topic in shown if topic.payload is not None]
    _, schemas = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "interestream",
            "version": "1.0.0",
            "description": "A live picture of what every user is interested in: items and events "
            "in, fresh recommendations and segment changes out.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in shown},
        "operations": {
            f"{action}-{topic.name}": _operation(topic, action)
            for topic in shown
            for action in topic.operations
        },
        "components": {
            "messages": {topic.message: _message(topic) for topic in shown},
            "schemas": schemas,
            "parameters": {
                "namespace": {
                    "description": "INTERESTREAM_NAMESPACE",
                    "default": "interestream",
                }
            },
        },
    }


def render() -> str:
    """The document as YAML."""
    head = "# Made by `python -m stream.wire.asyncapi` from stream/wire/messages.py: do not edit.\n"
    return head + yaml.dump(
        document(), Dumper=_NoAliases, sort_keys=False, allow_unicode=True, width=96
    )


class _NoAliases(yaml.SafeDumper):
    """Writes what is used twice twice: many readers of AsyncAPI do not know YAML's anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _channel(topic: Topic) -> Node:
    return {
        "address": f"{{namespace}}.{topic.name}",
        "description": topic.description,
        "parameters": {"namespace": {"$ref": "#/components/parameters/namespace"}},
        "messages": {topic.message: {"$ref": f"#/components/messages/{topic.message}"}},
        "bindings": {
            "kafka": {
                "topicConfiguration": {"cleanup.policy": list(topic.cleanup)},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(topic: Topic, action: str) -> Node:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.message}"}],
    }


def _message(topic: Topic) -> Node:
    message: Node = {
        "name": topic.message,
        "title": topic.title,
        "contentType": cloudevents.BYTES if topic.payload is None else cloudevents.JSON,
    }
    if topic.ce_type is not None:
        message["headers"] = _headers(topic)
    if topic.payload is None:
        message["payload"] = {"description": "the bytes as they came; empty for a null"}
        message["examples"] = [{"name": "malformed", "headers": _dead_letter_example()}]
    else:
        message["payload"] = {"$ref": f"#/components/schemas/{topic.payload.__name__}"}
        message["examples"] = [{"name": "typical", "payload": topic.example}]
    if topic.key is not None:
        message["bindings"] = {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": "0.5.0",
            }
        }
    return message


def _headers(topic: Topic) -> Node:
    """CloudEvents in Kafka's binary mode, and a dead letter's own."""
    fields: Node = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": _string("the same for a repeat of the message"),
        "ce_source": _string("the deployment, such as /interestream/interestream"),
        "ce_type": {"type": "string", "const": topic.ce_type},
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": _string("of the value"),
    }
    required = list(fields)
    if topic.payload in (Recommendation, SegmentChange):
        fields["ce_subject"] = _string("the user's id")
        required.append("ce_subject")
    if topic.payload is Receipt:
        fields["ce_subject"] = _string("hash of the user's id")
        required.append("ce_subject")
    if topic.payload is None:
        fields |= _dead_letter_fields()
        required += [deadletter.REASON, deadletter.MESSAGE]
    return {"type": "object", "required": required, "properties": fields}


def _dead_letter_fields() -> Node:
    return {
        deadletter.REASON: {
            "type": "string",
            "description": "why it was refused; more codes may come",
            "examples": [str(reason) for reason in REJECTIONS],
        },
        deadletter.MESSAGE: _string("value, limit and remedy, for a person"),
        deadletter.KEY: _string("the record's own key, its bytes; not there: it had none"),
        deadletter.USER: _string("hash of the user's id, where the user is known"),
        deadletter.SIZE: _string("bytes of the whole value; there only if the value was cut"),
        deadletter.NULL: _string("`true` if the record's value was null"),
        deadletter.TRACE: _string("end of the stack trace, with reason `bug` only"),
    }


def _dead_letter_example() -> Node:
    why = Reject(Reason.MALFORMED_JSON, "input data was truncated, 1 bytes, in b'{'")
    record = deadletter.Refused("interestream.events", 3, 40_499, b"user-17", b"{", 1738310400.25)
    letter = deadletter.dead_letter(
        record,
        why,
        user_id="user-17",
        max_value_bytes=1,
        source=cloudevents.source_of("interestream"),
    )
    return {name: value.decode() for name, value in letter.headers}


def _string(description: str) -> Node:
    return {"type": "string", "description": description}


def _plain(message: Recommendation | SegmentChange | Receipt | SignalBatch) -> object:
    return msgspec.json.decode(encode(message))


def main(arguments: list[str]) -> int:
    """Writes the document, or with `--check` says whether it is what would be written."""
    parser = argparse.ArgumentParser(prog="python -m stream.wire.asyncapi")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    if not parser.parse_args(arguments).check:
        PATH.write_text(render(), encoding="utf-8")
        return 0
    if PATH.exists() and PATH.read_text(encoding="utf-8") == render():
        return 0
    print(f"{PATH.name} is stale: run python -m stream.wire.asyncapi", file=sys.stderr)  # noqa: T201  # a command's answer
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
