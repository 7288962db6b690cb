"""The OpenAPI document of the lookup service, written beside this module by ``python -m gateway.openapi``."""

import json
from pathlib import Path
from typing import Any

from gateway.http import create_app
from gateway.lookup import AsyncLookup
from gateway.names import PackNames

DOCUMENT = Path(__file__).parent / "openapi.json"


def document() -> dict[str, Any]:
    """Return the document; describing the service asks no store, so none has to be there."""
    lookup = AsyncLookup.from_url("redis://", PackNames(0, (), ()))
    return create_app(lookup, access_log=False).openapi()


def text() -> str:
    """Return the document as it is checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(text(), "utf-8")
