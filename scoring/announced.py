"""What was announced: the fold of announcements, in the order of their log, over the deployment's own pack."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from schemas.announcements import FILE_NAMES, FILES_BYTES_MAX, Announcement, Role, is_file_name
from schemas.days import date_of, day_of_date
from schemas.errors import quoted
from scoring.pack import Pack, PackError, load_pack
from scoring.packtools.lint import load_sound_pack
from scoring.rules import compile_rules
from scoring.timeline import Span, Timeline

Files = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """The packs of a deployment, as far as its log of announcements has been read.

    Attributes:
        timeline: which pack holds when.
        epoch: how many announcements have changed, or could have changed, the timeline.
        shadow: the pack that runs beside the live one, or None.
        packs: every pack that ever held or was to hold, by its hash.
        files: their files, by their hashes.

    """

    timeline: Timeline
    epoch: int = 0
    shadow: Span | None = None
    packs: Mapping[int, Pack]
    files: Mapping[int, Files]

    @classmethod
    def of(cls, pack: Pack, files: Files | None = None) -> Self:
        """Return what holds where nothing was announced: the deployment's own pack."""
        number = pack.hash
        return cls(timeline=Timeline.of(pack), packs={number: pack}, files={number: files or {}})

    def followed_by(self, said: Announcement) -> "Announced":
        """Return what holds after one more announcement.

        Raises:
            PackError: the pack is refused, as `announced_pack` says, or something in it makes the checks fail.

        """
        if said.role is Role.SHADOW_ENDED:
            return replace(self, shadow=None)
        span = _announced_span(said)
        known = replace(self, packs={**self.packs, said.hash: span.pack}, files={**self.files, said.hash: said.files})
        if said.role is Role.SHADOW:
            return replace(known, shadow=span)
        return replace(known, timeline=self.timeline.followed_by(span), epoch=self.epoch + 1)


def _announced_span(said: Announcement) -> Span:
    """Return the pack of an announcement with its days; raises what `followed_by` does."""
    try:
        pack = announced_pack(said)
        return Span(said.first, pack, compile_rules(pack))
    except (PackError, OSError, MemoryError):
        # What the machine lacks says nothing about the pack: refusing it here would part this worker from the others.
        raise
    except Exception as error:
        # Every worker reads every announcement at every start: a check that fails on one must end none of them.
        message = (
            f"{said.pack}/pack.yaml:1: the checks failed on it ({type(error).__name__}: {error}); announce another, "
            "and report this with the pack"
        )
        raise PackError(message) from error


def announced_pack(said: Announcement) -> Pack:
    """Return the pack of an announcement.

    Raises:
        PackError: it does not load, its check finds errors, it is another than is said, or it is not to hold yet.

    """
    pack = pack_of(said.files, said.pack, load_sound_pack)
    if pack.hash != said.hash:
        message = (
            f"{said.pack}/pack.yaml:1: the files have hash {pack.hash:016x}, announced was {said.hash:016x}: they were "
            "changed on the way, or this release reads packs otherwise; announce the pack anew with this release"
        )
        raise PackError(message)
    check_first_day(pack, said.first)
    return pack


def check_first_day(pack: Pack, first: int) -> None:
    """Refuse to let a pack hold earlier than it says.

    Raises:
        PackError: the day is before the pack's own `effective_from`.

    """
    if first < day_of_date(pack.effective_from):
        message = (
            f"{pack.id}/pack.yaml: effective_from: the pack says it applies from {pack.effective_from}, and is to hold "
            f"from {date_of(first)}: choose {pack.effective_from} or a later day, or change effective_from in the pack"
        )
        raise PackError(message)


def files_of(folder: Path) -> dict[str, str]:
    """Return the texts of a pack's files by their names within its folder.

    Raises:
        PackError: they are more than an announcement can carry, or cannot be read.

    """
    paths = [folder / "pack.yaml", *sorted((folder / "rules").glob("*.yaml"))]
    try:
        files = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        message = f"{folder}: cannot be read: {error}; a pack is a folder with pack.yaml and rules/*.yaml"
        raise PackError(message) from error
    if strange := next((name for name in files if not is_file_name(name)), None):
        message = f"{folder}/{strange}: an announcement cannot carry this name: {FILE_NAMES}"
        raise PackError(message)
    size = sum(len(text.encode()) for text in files.values())
    if size > FILES_BYTES_MAX:
        message = f"{folder}: has {size} bytes, an announcement carries {FILES_BYTES_MAX}: take out what is no rule"
        raise PackError(message)
    return files


def pack_of(files: Files, name: str, load: Callable[[Path], Pack] = load_pack) -> Pack:
    """Return the pack in files.

    Args:
        files: texts by their names, such as ``rules/public.yaml``.
        name: the pack's id, which stands in errors where a folder's path would.
        load: reads the folder with these files.

    Raises:
        PackError: with every problem found, as `load` tells it, or a name is none of a pack's files.

    """
    if strange := next((path for path in files if not is_file_name(path)), None):
        message = f"{name}: '{quoted(strange)}' is no file of a pack: {FILE_NAMES}"
        raise PackError(message)
    with tempfile.TemporaryDirectory(prefix="jasmine-pack-") as made:
        folder = Path(made)
        (folder / "rules").mkdir()
        for path, text in files.items():
            (folder / path).write_text(text, "utf-8")
        try:
            return load(folder)
        except PackError as error:
            raise PackError(str(error).replace(made, name)) from None
