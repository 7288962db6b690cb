"""What can go wrong at the gateway.

* GatewayError
  x SubjectFormatError         permanent: the text is no subject id
  x StandingUnavailableError   retryable: no answer within the deadline
    + StoreEmptyError          retryable: no worker has filled this store yet, or it was emptied
  x CardFormatError            permanent: a card that this version cannot read
  x StaleCardError             retryable: the card is out of date, and nothing is here to evaluate the ledger
    + PackMismatchError        retryable: it was decided under a pack that this reader does not know
  x AccessLogError             retryable: the read cannot be written to the access log, so it is not given
  x ChangeFormatError          permanent: a record that is no change
  x NamesFormatError           permanent: a file that holds no names of a pack
  x PropertyError              permanent: a property that a publisher may not have
  x ListeningError             permanent: the address to serve on is taken, or not this machine's
  x PublisherClosedError       permanent: published after close
  x PublishingError            retryable: the event was not taken
    + QueueFullError           retryable: the local queue stayed full
    + UndeliveredError         retryable: Kafka did not acknowledge
"""


class GatewayError(Exception):
    """Any failure of the gateway's own."""


class SubjectFormatError(GatewayError):
    """A text that is no subject id. It is not quoted: it could be somebody's identity number."""

    def __init__(self, characters: int) -> None:
        self.characters = characters
        super().__init__(
            f"not a subject id: was a text of {characters} characters; give r, l or o, '-' and 16 lower-case hex "
            "digits, of which the first belongs to that kind"
        )


class StandingUnavailableError(GatewayError):
    """Redis did not answer in time, or refused to."""


class StoreEmptyError(StandingUnavailableError):
    """The store does not say how many partitions it was filled from."""

    def __init__(self) -> None:
        super().__init__(
            "the store has no jasmine:meta: no worker has opened it, or it was emptied; start a worker, which fills "
            "it by replay, and check that this reader uses the worker's Redis and database"
        )


class CardFormatError(GatewayError):
    """A value that is no card of the version known here."""


class StaleCardError(GatewayError):
    """A card whose time has passed twice, where nobody can evaluate its ledger."""


class PackMismatchError(StaleCardError):
    """A card decided under another rule pack than the one whose names are known here.

    Attributes:
        card_pack: the hash in the card.
        known_pack: the hash of the names given.

    """

    def __init__(self, card_pack: int, known_pack: int) -> None:
        self.card_pack = card_pack
        self.known_pack = known_pack
        super().__init__(
            f"the card was decided under pack {card_pack:016x}, this reader knows pack {known_pack:016x}: give it "
            "the names of the worker's pack; if the worker has just changed its pack, ask again after its rescore"
        )


class ListeningError(GatewayError):
    """An address that cannot be served on."""


class AccessLogError(GatewayError):
    """A read that cannot be written to the access log.

    Attributes:
        waiting: how many records wait for Kafka.

    """

    def __init__(self, waiting: int, reason: str = "") -> None:
        self.waiting = waiting
        why = f"; the last it said: {reason}" if reason else ""
        super().__init__(
            f"the access log cannot be written, {waiting} records wait for Kafka{why}: check that Kafka can be reached "
            "and has the topic; a read that cannot be logged is not given"
        )


class ChangeFormatError(GatewayError):
    """A record of the changes' topic that is no change."""


class NamesFormatError(GatewayError):
    """A text that does not hold the names of a pack."""


class PropertyError(GatewayError):
    """A Kafka property that would lose, repeat or misplace events."""


class PublisherClosedError(GatewayError):
    """An event for a publisher that is closed."""

    def __init__(self) -> None:
        super().__init__("the publisher is closed: make a new one, and close it when the last event is published")


class PublishingError(GatewayError):
    """An event that did not get into the log."""


class QueueFullError(PublishingError):
    """The local queue stayed full: Kafka takes less than is published, or cannot be reached."""

    def __init__(self, waited_s: float) -> None:
        self.waited_s = waited_s
        super().__init__(
            f"the local queue was full for {waited_s} s and the event was not taken: publish it again later, and "
            "check that Kafka can be reached"
        )


class UndeliveredError(PublishingError):
    """Kafka did not acknowledge an event, or some."""
