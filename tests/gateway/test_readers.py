"""The file of who may ask: what it says, and what is wrong with it."""

from pathlib import Path

import pytest
import yaml

from gateway.readers import NotAllowedError, Readers, TokenError, digest_of, entry_for, new_token
from scoring.lines import FileError

TOKEN, NEXT = "jasmine_one", "jasmine_other"
DIGEST = digest_of(TOKEN)
GOOD = f"""\
transit-operator:
  purposes: [transit, desk]
  tokens:
    - {DIGEST}
    - {digest_of(NEXT)}
"""


def readers_of(text: str, folder: Path) -> Readers:
    path = folder / "readers.yaml"
    path.write_text(text)
    return Readers.from_file(path)


def test_a_reader_may_have_two_tokens_while_one_is_replaced(tmp_path: Path) -> None:
    readers = readers_of(GOOD, tmp_path)

    for token in (TOKEN, NEXT):
        readers.check(token, "transit-operator", "desk", "medical")
    with pytest.raises(TokenError):
        readers.check(DIGEST, "transit-operator", "desk", "medical")
    with pytest.raises(NotAllowedError):
        readers.check(TOKEN, "transit-operator", "medical", "medical")


def test_only_a_desk_may_ask_about_scenarios_that_are_not_its_own(tmp_path: Path) -> None:
    readers = readers_of(GOOD, tmp_path)

    readers.check(TOKEN, "transit-operator", "transit", "transit")
    with pytest.raises(NotAllowedError, match="may not ask about medical"):
        readers.check(TOKEN, "transit-operator", "transit", "medical")


def test_what_the_command_prints_is_what_the_file_takes(tmp_path: Path) -> None:
    token = new_token()
    readers = readers_of(yaml.safe_dump(entry_for("library", ["culture"], token)), tmp_path)

    readers.check(token, "library", "culture", "culture")
    assert token != new_token()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file"),
        ("- transit-operator\n", 1, "the file"),
        ("T:\n  purposes: [transit]\n  tokens: []\n", 1, "T"),
        (GOOD.replace(DIGEST, TOKEN), 4, "transit-operator.tokens.0"),
        (GOOD.replace("purposes: [transit, desk]", "purposes: []"), 2, "transit-operator.purposes"),
        (GOOD.replace("tokens:", "token:"), 1, "transit-operator.tokens"),
        (GOOD.replace("transit, desk", "explain"), 1, "no purpose is called explain"),
        (GOOD.replace("transit-operator", "citizen"), 1, "a name of the city's own parts"),
        (f"{GOOD}library:\n  purposes: [culture]\n  tokens: [{DIGEST}]\n", 6, "has a token of transit-operator's"),
        (GOOD + GOOD, 6, "stands there twice"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_line_and_remedy(text: str, line: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        readers_of(text, tmp_path)

    assert f"readers.yaml:{line}: " in str(caught.value)
    assert said in str(caught.value)
    assert "; " in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        Readers.from_file(tmp_path / "nowhere.yaml")
