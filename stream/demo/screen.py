"""The demo's screen."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from io import StringIO

from rich.align import Align
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scoring.pack import Pack

# From the lowest tier to the highest; told apart without colour by their names.
_COLOURS = ("red3", "dark_orange3", "gold3", "green3", "cyan3", "medium_purple1")
_BAR_WIDTH = 34
_SCREEN_COLUMNS = 132
SCREEN_LINES = 36
_LINE_SCORES = 46
_STEPS_SHOWN = 10
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(slots=True)
class View:
    """What is shown."""

    phase: str = "starting"
    published: int = 0
    applied: int = 0
    per_second: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    dead: Mapping[str, int] = field(default_factory=dict)
    tiers: Mapping[str, int] = field(default_factory=dict)
    changes: Sequence[tuple[str, str | None, str | None]] = ()
    citizen: str = ""
    page: str = ""
    score: int | None = None
    tier: str | None = None
    perks: Sequence[str] = ()
    scores: Sequence[int] = ()
    steps: Sequence[tuple[float, str, str, int | None, float | None]] = ()


class Screen:
    """Draws a view."""

    def __init__(self, pack: Pack) -> None:
        self._names = {tier.id: f"{tier.name.zh} {tier.name.en}" for tier in pack.tiers}
        self._colours = dict(zip(self._names, _COLOURS, strict=False))

    def draw(self, view: View) -> RenderableType:
        """Return the whole screen."""
        layout = Layout()
        layout.split_column(Layout(self._head(view), size=3), Layout(name="body"))
        layout["body"].split_row(Layout(name="left", ratio=5), Layout(self._citizen(view), ratio=6))
        layout["left"].split_column(
            Layout(self._numbers(view), size=9), Layout(self._tiers(view), size=8), Layout(self._changes(view))
        )
        return layout

    def _head(self, view: View) -> RenderableType:
        title = Text.assemble(
            ("茉莉分 Jasmine", "bold green"), "  a synthetic city, streaming live", ("   " + view.phase, "dim")
        )
        return Panel(Align.center(title), border_style="green")

    def _numbers(self, view: View) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_row("events/s", f"[bold]{view.per_second:,.0f}[/]")
        grid.add_row("published", f"{view.published:,}")
        grid.add_row("applied", f"{view.applied:,}")
        grid.add_row("freshness p50", _ms(view.p50_ms))
        grid.add_row("freshness p99", _ms(view.p99_ms))
        dead = sum(view.dead.values())
        grid.add_row("dead letters", f"{dead:,} for {len(view.dead)} reasons" if dead else "0")
        return Panel(grid, title="stream", title_align="left")

    def _tiers(self, view: View) -> RenderableType:
        total = sum(view.tiers.values())
        grid = Table.grid(padding=(0, 1))
        for tier, name in reversed(self._names.items()):
            share = view.tiers.get(tier, 0) / total if total else 0.0
            bar = "█" * round(share * _BAR_WIDTH)
            grid.add_row(name, Text(bar or "▏", self._colours[tier]), f"{share:6.1%}")
        return Panel(grid, title=f"tiers of {total:,} subjects", title_align="left")

    def _changes(self, view: View) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        for subject, before, after in view.changes:
            grid.add_row(f"[dim]{subject}[/]", self._tier(before), "→", self._tier(after))
        return Panel(grid, title="last changes of tier", title_align="left")

    def _citizen(self, view: View) -> RenderableType:
        score = "no score yet" if view.score is None else str(view.score)
        head = Text.assemble((f"{score}  ", "bold"), self._tier(view.tier))
        perks = Text(", ".join(perk.replace("_", " ") for perk in view.perks) or "no perks", "dim")
        steps = Table.grid(padding=(0, 1))
        # The newest first: a small terminal has no room for the oldest.
        for at, title, chinese, after, visible_ms in reversed(view.steps[-_STEPS_SHOWN:]):
            when = datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
            seen = "…" if after is None else f"[bold]{after}[/]"
            took = "" if visible_ms is None else f"[dim]{visible_ms:.1f} ms[/]"
            steps.add_row(f"[dim]{when}[/]", Group(title, Text(chinese, "dim")), seen, took)
        page = [Text(f"her page: {view.page}", overflow="fold")] if view.page else []
        body = Group(*page, head, perks, Text(sparkline(view.scores), "green"), Text(""), steps)
        return Panel(body, title=f"one citizen, {view.citizen}", title_align="left")

    def _tier(self, tier: str | None) -> Text:
        return Text("no score", "dim") if tier is None else Text(self._names[tier], self._colours[tier])


def picture(drawn: RenderableType) -> str:
    """Return a screen as SVG."""
    console = Console(record=True, width=_SCREEN_COLUMNS, file=StringIO(), force_terminal=True)
    console.print(drawn, height=SCREEN_LINES)
    svg = console.export_svg(title="jasmine demo")
    # Rich sets each text's length by its characters, and would press Chinese ones into half their room.
    return re.sub(r'textLength="([\d.]+)"([^>]*)>([^<]+)<', _with_room, svg)


def _with_room(match: re.Match[str]) -> str:
    length, rest, text = float(match[1]), match[2], match[3]
    shown = unescape(text)
    return f'textLength="{length * cell_len(shown) / max(len(shown), 1):.1f}"{rest}>{text}<'


def sparkline(scores: Sequence[int]) -> str:
    """Draw the last scores as a line of bars, from the lowest of them to the highest."""
    shown = scores[-_LINE_SCORES:]
    if not shown:
        return ""
    lowest, highest = min(shown), max(shown)
    steps = len(_BARS) - 1
    return "".join(_BARS[(score - lowest) * steps // max(highest - lowest, 1)] for score in shown)


def _ms(value: float | None) -> str:
    return "…" if value is None else f"[bold]{value:.1f} ms[/]"
