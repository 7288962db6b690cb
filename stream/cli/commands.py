"""What commands there are."""

from typing import NamedTuple


class Command(NamedTuple):
    """One command.

    Attributes:
        module: where it is.
        summary: what the list of all says of it: the first lines of its own help.

    """

    module: str
    summary: str


COMMANDS = {
    "worker": Command(
        "stream.cli.worker", "Score events: read them from Kafka, keep standings in Redis, publish changes."
    ),
    "gateway": Command(
        "stream.cli.gateway",
        "Serve lookups over HTTP, for payment gateways: /v1/subjects/{subject}/standing, /openapi.json, /ready.",
    ),
    "citizen": Command(
        "stream.cli.citizen",
        "Serve the page where a citizen sees the score, why it is so, and what can be done about it.",
    ),
    "publish": Command(
        "stream.cli.publish",
        "Publish events: each is checked before it is sent, sent with idempotence, and its delivery reported.",
    ),
    "lookup": Command(
        "stream.cli.subject", "Ask for a subject's current tier and what it is entitled to: one read of Redis."
    ),
    "explain": Command(
        "stream.cli.explain",
        "Say why a subject's score is what it is: base, contributions and limits, which sum exactly to it.",
    ),
    "suggest": Command(
        "stream.cli.explain",
        "Say how a subject reaches a score: what to do or to wait for, each proved by scoring before it is shown.",
    ),
    "access": Command(
        "stream.cli.access",
        "Say who has read what about a subject, for which purpose, and which readers were told of its changes.",
    ),
    "changes": Command(
        "stream.cli.changes",
        "Print each change of a tier or of entitlements as a line of JSON, and write a receipt for it.",
    ),
    "readers": Command("stream.cli.readers", "Who may ask over HTTP: readers, their tokens and purposes."),
    "pseudonym": Command(
        "stream.cli.subject",
        "Turn an identity number into a subject id under this deployment's key; check digits are verified first.",
    ),
    "types": Command("stream.cli.types", "List the event types: what may be published, about whom, with which grades."),
    "reviews": Command("stream.cli.reviews", "What waits for a person before it counts, and the answer."),
    "pack": Command(
        "stream.cli.pack",
        "Rule packs: check one, read it, compare two, try it on scenarios, see whom a change moves, let it hold.",
    ),
    "year": Command("stream.cli.year", "Close a year: reward everybody about whom it holds no bad information."),
    "dead": Command("stream.cli.dead", "Dead letters: events that were refused, with reason, field and source offset."),
    "doctor": Command(
        "stream.cli.doctor", "Look at everything a worker needs, and say what is missing and how to get it."
    ),
    "demo": Command(
        "stream.cli.demo",
        "Show it all working: a synthetic city streams live through a worker; at the end it is checked.",
    ),
}
