"""Pseudonymous subject ids.

A subject id is a kind letter and the keyed hash of an identity number, such as ``r-09c3f0a1b2d4e5f6``. Nobody
without the key can go from the id to the number or from the number to the id. The hash's two highest bits repeat
the kind, so that the 64-bit number alone tells it.
"""

import hashlib
import hmac
import re
from enum import IntEnum

from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from schemas.errors import Reason, Refusal

_LETTERS = "rlo"


class Kind(IntEnum):
    """What a subject is; the value stands in the two highest bits of its number."""

    RESIDENT = 0
    LEGAL_PERSON = 1
    ORGANISATION = 2

    @property
    def letter(self) -> str:
        """The first letter of a subject id of this kind."""
        return _LETTERS[self]


KIND_SHIFT = 62
_HASH_MASK = (1 << KIND_SHIFT) - 1
_KINDS = {kind.letter: kind for kind in Kind}
_SUBJECT = re.compile(r"([a-z])-([0-9a-f]{16})\Z")
KEY_BYTES_MIN = 16
_IDENTITY_NUMBER_CHARACTERS = 18


class IdentityNumberError(ValueError):
    """An identity number whose form or check digit is wrong. The message never quotes the number."""


def kind_of(number: int) -> Kind:
    """Return the kind of a subject's number."""
    return Kind(number >> KIND_SHIFT)


def format_subject(number: int) -> str:
    """Return the id of a subject's number."""
    return f"{_LETTERS[number >> KIND_SHIFT]}-{number:016x}"


def parse_subject(text: str) -> int:
    """Return the number of a subject id.

    Raises:
        Refusal: the form, the kind or its repetition in the number is wrong.

    """
    match = _SUBJECT.match(text)
    if match is None:
        raise Refusal(Reason.BAD_VALUE, "subject", text, "give a kind letter, '-' and 16 lower-case hex digits")
    kind = _KINDS.get(match[1])
    if kind is None:
        raise Refusal(Reason.UNKNOWN_SUBJECT_KIND, "subject", text, "a kind is one of " + ", ".join(_KINDS))
    number = int(match[2], 16)
    if number >> KIND_SHIFT != kind:
        raise Refusal(Reason.BAD_VALUE, "subject", text, "its first hex digit belongs to another kind")
    return number


def is_resident(text: str) -> bool:
    """Whether a text is the subject id of a resident."""
    try:
        return kind_of(parse_subject(text)) is Kind.RESIDENT
    except Refusal:
        return False


def derive_key(key: bytes, purpose: str) -> bytes:
    """Return a 32-byte key for one purpose (the expand step of HKDF, RFC 5869, for one block)."""
    if len(key) < KEY_BYTES_MIN:
        message = f"the pseudonym key has {len(key)} bytes; give at least {KEY_BYTES_MIN} random ones"
        raise ValueError(message)
    return hmac.digest(key, purpose.encode() + b"\x01", hashlib.sha256)


class Pseudonymiser:
    """Turns identity numbers into subject ids, and checks them first."""

    def __init__(self, key: bytes) -> None:
        self._key = derive_key(key, "jasmine subject id")

    def resident(self, identity_number: str) -> str:
        """Return the id of a person by a GB 11643 identity number.

        Raises:
            IdentityNumberError: its length, birth date or check digit is wrong.

        """
        number = ric.compact(identity_number)
        if not _is_resident_number(number):
            message = "not a valid GB 11643 identity number: check its 18 characters, its birth date and last digit"
            raise IdentityNumberError(message)
        return self._pseudonym(Kind.RESIDENT, number)

    def legal_person(self, credit_code: str) -> str:
        """Return the id of a legal person by a GB 32100 unified social credit code."""
        return self._pseudonym(Kind.LEGAL_PERSON, _checked_credit_code(credit_code))

    def organisation(self, credit_code: str) -> str:
        """Return the id of another organisation by a GB 32100 unified social credit code."""
        return self._pseudonym(Kind.ORGANISATION, _checked_credit_code(credit_code))

    def _pseudonym(self, kind: Kind, number: str) -> str:
        digest = hmac.digest(self._key, f"{kind.letter}:{number}".encode(), hashlib.sha256)
        return format_subject(int.from_bytes(digest[:8], "big") & _HASH_MASK | kind << KIND_SHIFT)


def _is_resident_number(number: str) -> bool:
    """Whether form, birth date and check digit hold. The area is not looked up: lists of areas go out of date."""
    if len(number) != _IDENTITY_NUMBER_CHARACTERS or not (number[:-1].isascii() and number[:-1].isdigit()):
        return False
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return bool(number[-1] == ric.calc_check_digit(number))


def _checked_credit_code(credit_code: str) -> str:
    try:
        return uscc.validate(credit_code)
    except ValueError:  # its own errors are such, and so is what it lets through of a line break within the number
        message = "not a valid GB 32100 unified social credit code: check its 18 characters and its last one"
        raise IdentityNumberError(message) from None
