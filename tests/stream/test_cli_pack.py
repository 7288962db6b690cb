"""`jasmine pack`: exit codes, tables and JSON."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from scoring.pack import DEFAULT_PACK
from stream.cli.main import main
from stream.cli.output import Exit


class Pack:
    """`jasmine pack` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> tuple[int, str]:
        """Return the exit code and what was said."""
        self._monkeypatch.setattr(sys, "argv", ["jasmine", "pack", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out + captured.err

    def json(self, *arguments: object) -> tuple[int, Any]:
        code, said = self(*arguments, "--json")
        return code, json.loads(said.splitlines()[0])


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pack:
    return Pack(monkeypatch, capsys)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A pack with another base, and a tier fewer points away."""
    folder = Path(shutil.copytree(DEFAULT_PACK, tmp_path / "other"))
    head = folder / "pack.yaml"
    text = head.read_text("utf-8").replace("base_points: 500", "base_points: 510")
    head.write_text(text.replace("groups:\n", "groups:\n  - {id: readers, cap: 5}\n"), "utf-8")
    return folder


def test_a_clean_pack_exits_with_0(pack: Pack) -> None:
    code, answer = pack.json("lint", DEFAULT_PACK, "--strict")

    assert (code, answer[str(DEFAULT_PACK)]["findings"]) == (Exit.DONE, [])


def test_a_warning_fails_only_when_strict(pack: Pack, other: Path) -> None:
    code, said = pack("lint", other)

    assert code == Exit.DONE
    assert "readers: no rule belongs to it" in said.replace("[bold]", "")
    assert pack("lint", other, "--strict")[0] == Exit.FAILED


def test_a_pack_that_does_not_load_is_a_finding_of_lint_and_ends_the_others(pack: Pack, tmp_path: Path) -> None:
    code, answer = pack.json("lint", tmp_path)

    assert (code, answer[str(tmp_path)]["errors"]) == (Exit.FAILED, 1)
    assert pack("show", tmp_path)[0] == Exit.SETTINGS


def test_a_rule_is_shown_with_its_names(pack: Pack) -> None:
    code, said = pack("show", "--rule", "library.loan.overdue")

    assert code == Exit.DONE
    assert "图书逾期未还" in said


def test_a_rule_that_there_is_not_is_not_found(pack: Pack) -> None:
    assert pack("show", "--rule", "court.dishonest.forgotten")[0] == Exit.NOT_FOUND


def test_a_long_text_in_chinese_is_shown_whole(pack: Pack) -> None:
    _, said = pack("show", "--rule", "court.dishonest.listed")

    assert "《最高人民法院关于公布失信被执行人名单信息的若干规定》（2013年）第一条" in "".join(said.split())


def test_a_pack_is_shown_with_the_thresholds_of_a_date(pack: Pack) -> None:
    _, before = pack.json("show", "--at", "2026-12-31")
    _, after = pack.json("show", "--at", "2027-01-01")

    assert (before["perks"][0]["threshold"], after["perks"][0]["threshold"]) == (686, 697)


def test_every_rule_is_in_the_tables(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.cli.output.out._width", 300)
    code, said = pack("show")

    assert code == Exit.DONE
    assert "court.dishonest.listed" in said
    assert "Outstanding" in said
    assert "福州媒体2019-02-02报道" in said
    assert "'zh'" not in said


def test_diff_exits_as_diff_does(pack: Pack, other: Path) -> None:
    assert pack("diff", DEFAULT_PACK, DEFAULT_PACK)[0] == Exit.DONE
    code, said = pack("diff", DEFAULT_PACK, other)

    assert code == Exit.FAILED
    assert "base_points: 500 -> 510" in said


def test_scenarios_that_do_not_hold_exit_with_1(pack: Pack, other: Path) -> None:
    assert pack("test")[0] == Exit.DONE
    code, said = pack("test", other)

    assert code == Exit.FAILED
    assert "expected 500, got 510" in said


def test_a_missing_file_of_scenarios_is_told(pack: Pack, tmp_path: Path) -> None:
    code, said = pack("test", "--scenarios", tmp_path / "none.yaml")

    assert code == Exit.USAGE
    assert "write scenarios there" in " ".join(said.split())


def test_an_impact_is_shown_and_drawn(pack: Pack, other: Path, tmp_path: Path) -> None:
    code, answer = pack.json("impact", DEFAULT_PACK, other, "--subjects", 210, "--out", tmp_path / "pictures")

    assert (code, answer["subjects"]) == (Exit.DONE, 210)
    assert answer["seconds"]["scoring_7_million"] > 0
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"tiers.png", "groups.png"}
    assert "of 210 synthetic subjects" in pack("impact", DEFAULT_PACK, other, "--subjects", 210)[1]
