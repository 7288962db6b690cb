"""Announcements folded over a deployment's own pack; a wrong one changes nothing and says what is wrong."""

from pathlib import Path

import pytest

from schemas.announcements import Role
from scoring.announced import files_of, pack_of
from scoring.pack import DEFAULT_PACK, PackError
from tests.support.packs_in_time import announcement, files_with, own, shipped_files
from tests.support.records import day, shipped

NEW_YEAR = day("2027-01-01")
FILES = files_with(("base_points: 500", "base_points: 510"))


def test_a_pack_travels_whole_in_its_files() -> None:
    assert pack_of(files_of(DEFAULT_PACK), "a") == shipped()
    assert "scenarios/limits.yaml" not in shipped_files()


def test_a_live_announcement_puts_a_pack_into_the_timeline_and_raises_the_epoch() -> None:
    holds = own().followed_by(announcement(FILES, NEW_YEAR))

    assert [(one.first, one.pack.base_points) for one in holds.timeline.spans] == [(0, 500), (NEW_YEAR, 510)]
    assert (holds.epoch, holds.shadow) == (1, None)
    assert {one.base_points for one in holds.packs.values()} == {500, 510}
    assert FILES in holds.files.values()


def test_a_shadow_pack_is_no_part_of_the_timeline_and_ends_when_it_is_said() -> None:
    holds = own().followed_by(announcement(FILES, NEW_YEAR, Role.SHADOW))
    assert holds.shadow is not None
    assert (holds.shadow.pack.base_points, holds.epoch, len(holds.timeline.spans)) == (510, 0, 1)

    assert holds.followed_by(announcement({}, NEW_YEAR, Role.SHADOW_ENDED, hash=1)).shadow is None


def test_a_pack_that_does_not_load_is_told_with_file_line_rule_and_remedy() -> None:
    files = files_with(("months: 6}", "months: 61}"), file="rules/public.yaml")

    with pytest.raises(PackError, match=r"^fuzhou-2026/rules/public\.yaml:\d+: rule library.loan.overdue: .*60"):
        own().followed_by(announcement(files, NEW_YEAR, hash=1))


def test_a_pack_that_loads_and_contradicts_itself_is_refused_with_file_line_rule_and_remedy() -> None:
    files = files_with(("substitute: {points: -50", "substitute: {points: -160"), file="rules/judicial.yaml")

    with pytest.raises(
        PackError, match=r"^fuzhou-2026/rules/judicial\.yaml:\d+: court\.dishonest\.listed: .*at most 150"
    ):
        own().followed_by(announcement(files, NEW_YEAR))


def test_a_pack_of_another_hash_than_announced_is_refused() -> None:
    with pytest.raises(PackError, match=r"announced was 0000000000000001.*announce the pack anew"):
        own().followed_by(announcement(FILES, NEW_YEAR, hash=1))


def test_a_pack_does_not_hold_before_the_day_it_says_itself() -> None:
    files = files_with((f"effective_from: {shipped().effective_from}", "effective_from: 2027-02-01"))

    with pytest.raises(PackError, match="effective_from: the pack says it applies from 2027-02-01"):
        own().followed_by(announcement(files, NEW_YEAR))
    assert own().followed_by(announcement(files, day("2027-02-01"))).epoch == 1


def test_a_folder_that_an_announcement_cannot_carry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="cannot be read"):
        files_of(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "pack.yaml").write_text("#" * 1_000_000)
    with pytest.raises(PackError, match="has 1000000 bytes, an announcement carries 900000"):
        files_of(tmp_path)


@pytest.mark.parametrize("name", ["../pack.yaml", "/etc/pack.yaml", "rules/../../a.yaml", "rules/my rules.yaml"])
def test_a_file_that_is_no_packs_is_never_written(name: str) -> None:
    with pytest.raises(PackError, match=r"is no file of a pack: there are pack\.yaml and rules/\*\.yaml"):
        pack_of({**files_of(DEFAULT_PACK), name: "a: 1"}, "a", load=lambda _: pytest.fail("it was written"))


def test_a_folder_with_a_file_that_no_worker_would_take_cannot_be_announced(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    for name in ("pack.yaml", "rules/my rules.yaml"):
        (tmp_path / name).write_text("a: 1")

    with pytest.raises(PackError, match=r"my rules\.yaml: an announcement cannot carry this name"):
        files_of(tmp_path)
