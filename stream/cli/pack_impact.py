"""`jasmine pack impact`: whom a change of rules moves, on the synthetic city."""

import time
from datetime import datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from city.city import DEFAULT_AS_OF
from city.columns import ledgers
from city.impact import Impact, report
from schemas.days import CITY_TIMEZONE, day_of_date
from scoring.pack import load_pack
from stream.cli.output import AsJson, Exit, err, fail, out, pairs, table, write_json

# As many residents as the city has that published its scores.
CITY_SUBJECTS = 7_000_000
_RESIDENTS_PER_BODY = 20
_CULPRITS_MAX = 15


def impact(
    old: Annotated[Path, typer.Argument(help="The pack that is in force.")],
    new: Annotated[Path, typer.Argument(help="The pack that is proposed.")],
    subjects: Annotated[int, typer.Option(help="How many subjects the synthetic city has.", min=21)] = 200_000,
    seed: Annotated[int, typer.Option(help="What the city is drawn from: the same seed, the same city.")] = 1,
    folder: Annotated[Path | None, typer.Option("--out", help="Draw pictures into this folder, as PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score a synthetic city under two packs: who changes tier or perk, and which rules do it.

    Nobody in the city exists, and each difference is tried by itself: those that work together add up otherwise.

    [bold]Example[/]: jasmine pack impact my-city-2026 my-city-2027 --out pictures
    """
    found = Impact(load_pack(old), load_pack(new), day_of_date(DEFAULT_AS_OF))
    seconds = _score(found, subjects, seed)
    drawn = [] if folder is None else _draw(found, folder)
    answer = {**report(found), "seed": seed, "day": str(DEFAULT_AS_OF), "seconds": seconds, "pictures": drawn}
    if as_json:
        write_json(answer)
    else:
        _show(answer)


def _score(found: Impact, subjects: int, seed: int) -> dict[str, float]:
    """Draw and score the city a part at a time; return how long each took."""
    bodies = subjects // (_RESIDENTS_PER_BODY + 1)
    until_s = int(datetime.combine(DEFAULT_AS_OF, time_of_day(), CITY_TIMEZONE).timestamp())
    # The kernels are loaded, or compiled, before anything is timed; a pack beside itself has no rules to suspect.
    Impact(found.old, found.old, found.day).add(next(ledgers(seed, 20, 1, until_s)))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    scoring_s, begun = 0.0, time.perf_counter()
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("drawing and scoring", total=subjects)
        for part in ledgers(seed, subjects - bodies, bodies, until_s):
            before = time.perf_counter()
            found.add(part)
            scoring_s += time.perf_counter() - before
            progress.advance(task, len(part.subjects))
    total_s = time.perf_counter() - begun
    slope = CITY_SUBJECTS / found.tally.subjects
    return {
        "drawing": round(total_s - scoring_s, 2),
        "scoring": round(scoring_s, 2),
        "total": round(total_s, 2),
        "scoring_7_million": round(scoring_s * slope, 1),
        "total_7_million": round(total_s * slope, 1),
    }


def _draw(found: Impact, folder: Path) -> list[str]:
    try:
        from city.impact_picture import draw_groups, draw_tiers  # noqa: PLC0415 - a worker has no matplotlib
    except ImportError:
        fail(Exit.SETTINGS, "pictures need matplotlib: pip install matplotlib, or leave out --out")
    folder.mkdir(parents=True, exist_ok=True)
    draw_tiers(found, folder / "tiers.png")
    draw_groups(found, folder / "groups.png")
    return [str(folder / name) for name in ("tiers.png", "groups.png")]


def _show(answer: dict[str, Any]) -> None:
    share = answer["changed"] / answer["subjects"]
    out.print(
        f"[bold]{answer['changed']:,} of {answer['subjects']:,} synthetic subjects ({share:.1%})[/] "
        f"change tier or perk on {answer['day']}; nobody of them exists."
    )
    tiers = answer["tiers"]
    names = [*next(iter(tiers.values()))]
    rows = [(one, *(f"{row[name]:,}" if row[name] else "" for name in names)) for one, row in tiers.items()]
    table("Tiers: from the row to the column", ("", *names), rows)
    moved = [
        (name, one["gained"], one["lost"]) for name, one in answer["perks"].items() if one["gained"] or one["lost"]
    ]
    table("Perks", ("perk", "gain it", "lose it"), [(name, f"{g:,}", f"{lost:,}") for name, g, lost in moved])
    columns = ("lowered", "raised", "points")
    felt = [(name, one) for name, one in answer["dimensions"].items() if one["lowered"] or one["raised"]]
    table("Dimensions", ("dimension", *columns), [(name, *(f"{one[key]:,}" for key in columns)) for name, one in felt])
    table(
        "Cohorts",
        ("of", "cohort", "subjects", "change tier or perk", "higher score", "lower score"),
        [
            (
                one["of"],
                one["cohort"],
                f"{one['subjects']:,}",
                f"{one['changed']:,} ({one['changed'] / max(one['subjects'], 1):.1%})",
                f"{one['up']:,}",
                f"{one['down']:,}",
            )
            for one in answer["cohorts"]
        ],
    )
    _show_culprits(answer)


def _show_culprits(answer: dict[str, Any]) -> None:
    rows = answer["rules"]
    table(
        "What did it: each difference by itself",
        ("part", "rule", "changes tier or perk of"),
        [
            (
                one["part"],
                one["name"],
                "cannot stand alone in the old pack" if one["moves"] is None else f"{one['moves']:,}",
            )
            for one in rows[:_CULPRITS_MAX]
        ],
    )
    if len(rows) > _CULPRITS_MAX:
        out.print(f"and {len(rows) - _CULPRITS_MAX} more differences; --json has all")
    seconds = answer["seconds"]
    pairs(
        "Time",
        {
            "drawing the city": f"{seconds['drawing']} s",
            "scoring it": f"{seconds['scoring']} s, {answer['facts']:,} facts under {2 + len(rows)} packs",
            "for 7 million": f"{seconds['scoring_7_million']} s of scoring, {seconds['total_7_million']} s in all",
            **({"pictures": ", ".join(answer["pictures"])} if answer["pictures"] else {}),
        },
    )
