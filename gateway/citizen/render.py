"""Pages as HTML: one template a page, one a section, so that a section can be written anew alone."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.accesses import Accesses
from gateway.citizen.consents import Consents
from gateway.citizen.drawings import PLOT_HEIGHT, PLOT_WIDTH
from gateway.citizen.texts import Language, instant, signed, text, told, written
from gateway.citizen.view import Page

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
# What is written anew when an event lands, in the order of the page.
SECTIONS = ("score", "why", "whatif", "perks", "history", "records", "consent", "access")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How somebody wants to see pages.

    Attributes:
        language: zh or en.
        theme: light, dark, or empty for what the system prefers.

    """

    language: Language
    theme: str


class Renderer:
    """Writes pages and sections. Every value is escaped."""

    def __init__(self, *, synthetic: bool) -> None:
        self._environment = _environment()
        self._always = {"synthetic": synthetic, "version": _version()}

    def page(self, name: str, look: Look, **values: Any) -> str:
        """Return a whole page."""
        return self._write(f"{name}.html", look, values)

    def sections(self, look: Look, page: Page, consents: Consents, accesses: Accesses) -> dict[str, str]:
        """Return the sections of a page, by name."""
        values = {"page": page, "consents": consents, "accesses": accesses}
        return {name: self._write(f"sections/{name}.html", look, values) for name in SECTIONS}

    def _write(self, template: str, look: Look, values: Mapping[str, Any]) -> str:
        language = look.language
        return self._environment.get_template(template).render(
            t=partial(text, language),
            written=partial(written, language),
            instant=partial(instant, language),
            told=partial(told, language),
            language=language,
            look=look,
            **self._always,
            **values,
        )


@cache
def _environment() -> Environment:
    """Return the templates, each of which is compiled once in a process."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(signed=signed, section_names=SECTIONS, plot_width=PLOT_WIDTH, plot_height=PLOT_HEIGHT)
    return environment


def _version() -> str:
    """Return a mark of the static files, so that browsers keep them until they change."""
    together = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    return hashlib.sha256(together).hexdigest()[:12]
