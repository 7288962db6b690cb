"""Subject ids, and the identity numbers that they hide."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import Reason, Refusal
from schemas.subjects import (
    IdentityNumberError,
    Kind,
    Pseudonymiser,
    derive_key,
    format_subject,
    kind_of,
    parse_subject,
)

RESIDENT_NUMBER = "11010519491231002X"
CREDIT_CODE = "91110000600037341L"
PSEUDONYMISER = Pseudonymiser(b"a key of 32 bytes for this test.")


@pytest.mark.parametrize("number", [RESIDENT_NUMBER, RESIDENT_NUMBER.lower(), f" {RESIDENT_NUMBER}\n"])
def test_a_valid_identity_number_gives_the_same_subject_however_it_is_written(number: str) -> None:
    assert PSEUDONYMISER.resident(number) == PSEUDONYMISER.resident(RESIDENT_NUMBER)


@pytest.mark.parametrize(
    "number",
    [
        "110105194912310021",  # the check digit is X
        "11010519491331002X",  # no thirteenth month
        "11010519490229002X",  # no leap year
        "11010519491231002",
        "11010519491231002XX",
        "\u0661" + RESIDENT_NUMBER[1:],  # an Arabic one
        "A1010519491231002X",
        "",
        "王小明",
    ],
)
def test_a_wrong_identity_number_is_refused_without_quoting_it(number: str) -> None:
    with pytest.raises(IdentityNumberError, match="GB 11643") as raised:
        PSEUDONYMISER.resident(number)

    assert not number or number not in str(raised.value)
    assert re.search(r"\d{6}", str(raised.value)) is None


@pytest.mark.parametrize("number", [CREDIT_CODE, CREDIT_CODE.lower(), "9111 0000 6000 37341L"])
def test_a_valid_credit_code_gives_the_same_subject_however_it_is_written(number: str) -> None:
    assert PSEUDONYMISER.legal_person(number) == PSEUDONYMISER.legal_person(CREDIT_CODE)


@pytest.mark.parametrize("number", ["91110000600037341M", "91110000600037341", "9111000060003734IL", "", "福州某公司"])
def test_a_wrong_credit_code_is_refused_without_quoting_it(number: str) -> None:
    for pseudonym in (PSEUDONYMISER.legal_person, PSEUDONYMISER.organisation):
        with pytest.raises(IdentityNumberError, match="GB 32100") as raised:
            pseudonym(number)

        assert not number or number not in str(raised.value)


@example("0000000\n0000000000")
@given(st.text(max_size=20) | st.text("0123456789Xx\u0661\uff12 -\n", min_size=17, max_size=20))
def test_any_text_is_a_number_or_refused_as_one(number: str) -> None:
    for pseudonym in (PSEUDONYMISER.resident, PSEUDONYMISER.legal_person):
        try:
            subject = pseudonym(number)
        except IdentityNumberError:
            continue
        assert format_subject(parse_subject(subject)) == subject


def test_every_check_digit_but_one_is_refused() -> None:
    accepted = []
    for digit in "0123456789X":
        try:
            PSEUDONYMISER.resident(RESIDENT_NUMBER[:-1] + digit)
        except IdentityNumberError:
            continue
        accepted.append(digit)

    assert accepted == ["X"]


def test_the_kind_is_the_letter_and_the_two_highest_bits() -> None:
    ids = [
        PSEUDONYMISER.resident(RESIDENT_NUMBER),
        PSEUDONYMISER.legal_person(CREDIT_CODE),
        PSEUDONYMISER.organisation(CREDIT_CODE),
    ]

    assert [one[0] for one in ids] == ["r", "l", "o"]
    assert [kind_of(parse_subject(one)) for one in ids] == [Kind.RESIDENT, Kind.LEGAL_PERSON, Kind.ORGANISATION]
    assert [parse_subject(one) >> 62 for one in ids] == [0, 1, 2]


def test_a_credit_code_gives_unlike_subjects_for_unlike_kinds() -> None:
    legal_person, organisation = PSEUDONYMISER.legal_person(CREDIT_CODE), PSEUDONYMISER.organisation(CREDIT_CODE)

    assert parse_subject(legal_person) & (1 << 62) - 1 != parse_subject(organisation) & (1 << 62) - 1


def test_another_key_gives_another_subject() -> None:
    other = Pseudonymiser(b"another key of the same length..")

    assert other.resident(RESIDENT_NUMBER) != PSEUDONYMISER.resident(RESIDENT_NUMBER)


def test_a_subject_does_not_contain_its_number() -> None:
    assert RESIDENT_NUMBER[:6] not in PSEUDONYMISER.resident(RESIDENT_NUMBER)


@given(st.integers(0, (3 << 62) - 1))
def test_an_id_leads_back_to_its_number(number: int) -> None:
    assert parse_subject(format_subject(number)) == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.BAD_VALUE),
        (RESIDENT_NUMBER, Reason.BAD_VALUE),
        ("r09c3f0a1b2d4e5f6", Reason.BAD_VALUE),
        ("r-09C3F0A1B2D4E5F6", Reason.BAD_VALUE),
        ("r-09c3f0a1b2d4e5f", Reason.BAD_VALUE),
        ("r-09c3f0a1b2d4e5f6\n", Reason.BAD_VALUE),
        ("r-09c3f0a1b2d4e5f\uff16", Reason.BAD_VALUE),
        ("R-09c3f0a1b2d4e5f6", Reason.BAD_VALUE),
        ("x-09c3f0a1b2d4e5f6", Reason.UNKNOWN_SUBJECT_KIND),
        ("r-49c3f0a1b2d4e5f6", Reason.BAD_VALUE),
        ("l-09c3f0a1b2d4e5f6", Reason.BAD_VALUE),
        ("o-c9c3f0a1b2d4e5f6", Reason.BAD_VALUE),
    ],
)
def test_what_is_no_subject_is_refused(text: str, reason: Reason) -> None:
    with pytest.raises(Refusal) as raised:
        parse_subject(text)

    assert (raised.value.reason, raised.value.field, raised.value.value) == (reason, "subject", text)


def test_keys_for_unlike_purposes_are_unlike() -> None:
    assert derive_key(b"k" * 16, "subject id") != derive_key(b"k" * 16, "record id")


def test_a_short_key_is_refused_without_quoting_it() -> None:
    with pytest.raises(ValueError, match="15 bytes; give at least 16") as raised:
        derive_key(b"secretsecretsec", "subject id")

    assert "secret" not in str(raised.value)
