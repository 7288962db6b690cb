"""`jasmine pack`: what a policy maker does with rule packs. Until one is announced, nothing has to run for it."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from scoring.pack import DEFAULT_PACK, Pack, PackError, load_pack
from scoring.packtools import describe
from scoring.packtools.diff import Change, diff
from scoring.packtools.findings import Level
from scoring.packtools.lint import Report, as_json, lint
from scoring.packtools.scenario import load_scenarios
from scoring.packtools.trial import Tried, try_pack
from stream.cli.output import AsJson, Exit, fail, out, pairs, table, write_json
from stream.cli.pack_impact import impact
from stream.cli.pack_time import activate, rollback, shadow, timeline

app = typer.Typer(
    help="Rule packs: check one, read it, compare two, try it on scenarios, see whom a change moves, let it hold."
)
for command in (impact, activate, shadow, rollback, timeline):
    app.command()(command)

SCENARIOS_FOLDER = "scenarios"
Folder = Annotated[Path, typer.Argument(help="A pack: a folder with pack.yaml and rules/*.yaml.")]
# What `show` has a table or a line of its own for; a part that a pack gets later shows up by itself.
_HEAD_SHOWN = frozenset(
    {"id", "version", "effective_from", "base_points", "dimensions", "tiers", "groups", "perks", "on", "in_force"}
)
_LEVEL_COLOUR = {Level.ERROR: "red", Level.WARNING: "yellow"}
_SIGN = {"added": "[green]+[/]", "removed": "[red]-[/]", "changed": "[yellow]~[/]"}


@app.command("lint")
def lint_(
    folders: Annotated[list[Path] | None, typer.Argument(help="Packs; without any, the one that is shipped.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings, too.")] = False,
    as_json_: AsJson = False,
) -> None:
    """Check packs: what does not load, contradictions, gaps, and tiers and perks that nobody can reach.

    Exits with 1 for errors. A warning that is meant is justified in the pack's lint.yaml.

    [bold]Example[/]: jasmine pack lint my-city-2027 --strict
    """
    reports = {folder: lint(folder) for folder in folders or [DEFAULT_PACK]}
    if as_json_:
        write_json({str(folder): as_json(report) for folder, report in reports.items()})
    else:
        for folder, report in reports.items():
            _show_report(folder, report)
    errors, warnings = (sum(one.count(level) for one in reports.values()) for level in Level)
    if errors or (strict and warnings):
        raise typer.Exit(Exit.FAILED)


def _show_report(folder: Path, report: Report) -> None:
    for one in report.findings:
        place = f"{one.path}:{one.line}: [{_LEVEL_COLOUR[one.level]}]{one.level}[/] [bold]{escape(one.about)}[/]"
        out.print(f"{place}: {escape(one.what)}\n    {escape(one.remedy)} [dim]({one.code})[/]", soft_wrap=True)
    counts = f"{_many(report.count(Level.ERROR), 'error')}, {_many(report.count(Level.WARNING), 'warning')}"
    accepted = f", {_many(len(report.accepted), 'warning')} justified in lint.yaml" if report.accepted else ""
    out.print(f"{folder}: {counts}{accepted}", soft_wrap=True)


def _many(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


@app.command()
def show(
    folder: Folder = DEFAULT_PACK,
    rule: Annotated[str | None, typer.Option(help="Only the rule of an event type, with all it says.")] = None,
    at: Annotated[
        datetime | None,
        typer.Option(help="The perks' thresholds of a date, not of the first day.", formats=["%Y-%m-%d"]),
    ] = None,
    as_json_: AsJson = False,
) -> None:
    """Show a pack as tables: rules with points, validity, caps, repair and basis; tiers and perks.

    [bold]Example[/]: jasmine pack show --rule court.dishonest.listed
    """
    pack = load_pack(folder)
    if rule is not None:
        try:
            fields = describe.rule_fields(pack, describe.rule_of(pack, rule))
        except PackError as error:
            fail(Exit.NOT_FOUND, str(error))
        if as_json_:
            write_json(fields)
        else:
            pairs(rule, {name: describe.in_words(value) for name, value in fields.items()})
        return
    on = at.date() if at else pack.effective_from
    if as_json_:
        rules = [describe.rule_fields(pack, one) for one in pack.rules]
        write_json({**describe.head_of(pack, on), "rules": rules})
        return
    _show_rules(pack)
    _show_head(pack, on)


def _show_rules(pack: Pack) -> None:
    columns = {"points": "points", "validity": "validity", "caps": "caps", "repair": "repair", "also": "also"}
    for label, limits in pack.dimensions.items():
        rows = [describe.rule_row(pack, one) for one in pack.rules if one.dimension == label]
        table(
            f"{limits.name.zh} {limits.name.en}: {limits.lowest} to {limits.highest:+d}",
            ("rule", *columns, "basis"),
            [
                (
                    Text.assemble(f"{row['zh']} {row['en']}\n", (row["type"], "dim")),
                    *(row[name] for name in columns),
                    row["basis"],
                )
                for row in rows
            ],
        )


def _show_head(pack: Pack, on: date) -> None:
    head = describe.head_of(pack, on)
    table("Tiers", ("from", "tier", "id"), [(t.lowest, f"{t.name.zh} {t.name.en}", t.id) for t in pack.tiers])
    table(
        f"Perks on {on}",
        ("from", "perk", "id", "scenario", "for", "basis"),
        [
            (
                "not yet" if perk["threshold"] is None else perk["threshold"],
                f"{perk['name']['zh']} {perk['name']['en']}",
                perk["id"],
                perk["scenario"],
                ", ".join(perk["kinds"]),
                describe.both(one.basis),
            )
            for perk, one in zip(head["perks"], pack.perks, strict=True)
        ],
    )
    groups = {f"group {group.id}": f"at most {group.cap} points together" for group in pack.groups}
    pairs(
        f"{pack.id} version {pack.version}",
        {
            "in force": f"from {pack.effective_from}" + ("" if head["in_force"] else f", so not yet on {on}"),
            "base": pack.base_points,
            **groups,
            **{name: describe.in_words(head[name]) for name in head if name not in _HEAD_SHOWN},
            "rules": len(pack.rules),
            "hash": f"{pack.hash:016x}",
        },
    )


@app.command("diff")
def diff_(
    old: Annotated[Path, typer.Argument(help="A pack.")],
    new: Annotated[Path, typer.Argument(help="Another.")],
    as_json_: AsJson = False,
) -> None:
    """Compare two packs: every rule, tier, perk, group, dimension and the base, field by field.

    Exits with 0 if they are the same and with 1 if they differ, as diff does.

    [bold]Example[/]: jasmine pack diff my-city-2026 my-city-2027
    """
    changes = diff(load_pack(old), load_pack(new))
    if as_json_:
        names = ("part", "name", "kind", "field", "old", "new")
        write_json([{name: getattr(one, name) for name in names} for one in changes])
    else:
        _show_changes(changes)
    if changes:
        raise typer.Exit(Exit.FAILED)


def _show_changes(changes: list[Change]) -> None:
    part = ""
    for one in changes:
        if one.part != part:
            part = one.part
            out.print(f"[bold]{part}[/]")
        name = f"{one.name} {one.field}".strip()
        said = describe.in_words(one.new if one.kind == "added" else one.old)
        change = f"{said} -> {describe.in_words(one.new)}" if one.kind == "changed" else said
        out.print(f"  {_SIGN[one.kind]} {escape(name)}: {escape(change)}", soft_wrap=True)
    out.print("the packs say the same" if not changes else _many(len(changes), "difference"))


@app.command("test")
def try_(
    folder: Folder = DEFAULT_PACK,
    scenarios: Annotated[
        Path | None, typer.Option(help="A file or a folder of scenarios; without it, those in the pack's folder.")
    ] = None,
    as_json_: AsJson = False,
) -> None:
    """Try a pack on scenarios: what is given and what is expected, by both evaluators.

    Exits with 1 if an expectation does not hold.

    [bold]Example[/]: jasmine pack test my-city-2027 --scenarios wishes.yaml
    """
    path = scenarios or folder / SCENARIOS_FOLDER
    if not path.exists():
        fail(Exit.USAGE, f"{path} is not there; write scenarios there, or say where they are with --scenarios")
    tried = try_pack(load_pack(folder), load_scenarios(path))
    if as_json_:
        write_json(_tried(tried))
    else:
        for miss in tried.misses:
            out.print(f"[red]✘[/] {escape(str(miss))}", soft_wrap=True)
        held = f"[red]✘[/] {len(tried.misses)} did not hold" if tried.misses else "[green]✔[/] all held"
        out.print(f"{_many(tried.scenarios, 'scenario')}, {_many(tried.expectations, 'expectation')}: {held}")
    if tried.misses:
        raise typer.Exit(Exit.FAILED)


def _tried(tried: Tried) -> dict[str, Any]:
    names = ("path", "line", "scenario", "on", "what", "expected", "got")
    return {
        "scenarios": tried.scenarios,
        "expectations": tried.expectations,
        "misses": [
            {name: str(value) if name in {"path", "on"} else value for name in names for value in [getattr(miss, name)]}
            for miss in tried.misses
        ],
    }
