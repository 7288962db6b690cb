"""One citizen's story for the demo, in which each step moves the score. She does not exist."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from city.identity import AREAS_MAX, resident_number
from city.render import Published, source_of
from schemas.catalogue import CONFIRMED, FULFILLED, REGISTERED, REPAIRED, TYPES_BY_NAME, EventType, Grade
from schemas.codec import encode
from schemas.days import CITY_TIMEZONE
from schemas.events import CreditEvent, Data
from schemas.subjects import Pseudonymiser

NAME = "Lin Xiaoyue"
CHINESE_NAME = "林晓月"

_BORN = date(1986, 5, 12)
# Bodies count areas down from the one before, residents up from the first: this one is hers.
_AREA = AREAS_MAX - 1
_CLEAN_YEARS = 5
_STEP_S = 7.0
_BACKGROUND_STEP_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event of the story.

    Attributes:
        delay_s: how long to wait before it.
        title: what happens, in English.
        chinese: the same in Chinese.
        moves: -1 when the score falls, 1 when it rises, 0 when there is none or it need not move.
        published: the record.

    """

    delay_s: float
    title: str
    chinese: str
    moves: int
    published: Published


def identity_number() -> str:
    """Return the citizen's identity number, of an area that does not exist."""
    return resident_number(_AREA, _BORN, 0)


def citizen(key: bytes) -> str:
    """Return the citizen's subject id under a deployment's pseudonym key."""
    return Pseudonymiser(key).resident(identity_number())


def story(start: datetime, key: bytes) -> list[Step]:
    """Return the steps of a story that begins at an instant: what is known of her, then what happens."""
    writer = _Writer(start, citizen(key))
    return [*_background(writer), *_events(writer)]


class _Writer:
    """Writes the story's events, each with the next id."""

    def __init__(self, start: datetime, subject: str) -> None:
        self.start = start
        self._subject = subject
        self._written: list[CreditEvent] = []

    def write(self, event_type: EventType, at: datetime, data: Data) -> tuple[CreditEvent, Published]:
        """Return an event and its record."""
        event = CreditEvent(
            id=f"story-{int(self.start.timestamp()):x}-{len(self._written)}",
            source=source_of(event_type),
            type=event_type,
            subject=self._subject,
            time=at,
            data=data,
        )
        self._written.append(event)
        key, value, headers = encode(event)
        return event, Published(key, value, tuple(headers), "scored")

    def now(self) -> datetime:
        """Return a time on the story's day, later than all before."""
        return self.start + timedelta(seconds=len(self._written))


def _background(writer: _Writer) -> Iterator[Step]:
    """Yield what makes her an ordinary resident at 688 points, a little above the 686 of the transit discount."""
    years_ago = writer.start - timedelta(days=1_800)
    named = TYPES_BY_NAME
    known = [
        (REGISTERED, "is registered", "完成登记", years_ago, Data()),
        (
            named["capability.tenure.accrued"],
            "has worked for 19 years",
            "工作十九年",
            writer.start - timedelta(days=200),
            Data(quantity=228),
        ),
        (
            named["capability.contribution.continuous"],
            "has paid her contributions for six years",
            "连续缴存六年",
            writer.start - timedelta(days=100),
            Data(quantity=72),
        ),
        (
            named["capability.education.certified"],
            "has a bachelor's degree",
            "本科学历",
            years_ago,
            Data(grade=Grade.BACHELOR),
        ),
        (
            named["capability.qualification.granted"],
            "has a senior qualification",
            "高级职称",
            writer.start - timedelta(days=1_000),
            Data(grade=Grade.SENIOR),
        ),
    ]
    for event_type, title, chinese, at, data in known:
        yield _step(_BACKGROUND_STEP_S, title, chinese, 0, writer.write(event_type, at, data)[1])
    newest = writer.start.astimezone(CITY_TIMEZONE).year
    for year in range(newest - _CLEAN_YEARS + 1, newest + 1):
        at = datetime(year, 1, 1, 9, tzinfo=CITY_TIMEZONE)
        title, chinese = f"closes {year - 1} without bad information", f"{year - 1}年度无不良信息"
        yield _step(_BACKGROUND_STEP_S, title, chinese, 1, writer.write(named["year.closed"], at, Data())[1])


def _events(writer: _Writer) -> Iterator[Step]:
    loan, published = writer.write(TYPES_BY_NAME["library.loan.overdue"], writer.now(), Data())
    yield _step(_STEP_S, "is late with a library book", "图书逾期未还", -1, published)
    returned = _about(writer, FULFILLED, loan)
    yield _step(_STEP_S, "brings the book back: nothing of it remains", "归还图书，记录不再计分", 1, returned)
    penalty = Data(grade=Grade.FINE_MINOR, determined_at=writer.now())
    fine, published = writer.write(TYPES_BY_NAME["traffic.penalty.imposed"], writer.now(), penalty)
    yield _step(_STEP_S, "is fined in traffic", "交通违法被罚款", -1, published)
    paid = _about(writer, FULFILLED, fine)
    yield _step(_STEP_S, "pays the fine; only the authority can repair it", "缴清罚款，等待主管机关修复", 0, paid)
    repaired = _about(writer, REPAIRED, fine)
    yield _step(_STEP_S, "is granted the repair", "交管部门准予信用修复", 1, repaired)
    listing, published = writer.write(TYPES_BY_NAME["court.dishonest.listed"], writer.now(), Data())
    title = "is listed by a court: two tiers at once, so a person has to look at it first"
    yield _step(_STEP_S, title, "被法院列为失信被执行人，将降两级，须先经人工复核", 0, published)
    confirmed = _about(writer, CONFIRMED, listing)
    title = "has the listing confirmed by the review desk: at most the tier Poor while it lasts"
    yield _step(_STEP_S, title, "人工复核确认该记录，等级最高为较差", -1, confirmed)
    performed = _about(writer, FULFILLED, listing)
    title = "performs the judgment: a smaller deduction takes the listing's place for two years"
    yield _step(_STEP_S, title, "履行判决，两年内改为较小扣分", 1, performed)


def _about(writer: _Writer, control: EventType, event: CreditEvent) -> Published:
    return writer.write(control, writer.now(), Data(record_source=event.source, record_id=event.id))[1]


def _step(delay_s: float, title: str, chinese: str, moves: int, published: Published) -> Step:
    return Step(
        delay_s=delay_s,
        title=f"{NAME} {title}",
        chinese=f"{CHINESE_NAME}：{chinese}",
        moves=moves,
        published=published,
    )
