"""The OpenAPI document of the lookup service, written beside this module by ``python -m gateway.openapi``."""

import json
from pathlib import Path
from typing import Any, NoReturn

from gateway.answer import Answer
from gateway.http import create_app

DOCUMENT = Path(__file__).parent / "openapi.json"


class _Nowhere:
    """Stands where a lookup would: describing the service asks nothing."""

    async def lookup(self, subject: str) -> Answer:
        raise NotImplementedError(subject)

    async def ready(self) -> NoReturn:
        raise NotImplementedError

    async def close(self) -> None: ...


def document() -> dict[str, Any]:
    """Return the document."""
    return create_app(_Nowhere(), access_log=False).openapi()


def text() -> str:
    """Return the document as it is checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(text(), "utf-8")
