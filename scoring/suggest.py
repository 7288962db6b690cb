"""How to reach a score: what to do or to wait for, found by the kernel and proved by the plain evaluator.

At most two acts are combined, and only if no single one is enough. Nothing is suggested that does not stand in
`scoring.suggestion.HABITS`, but for waiting, doing what is owed, and asking for a repair.

What waits for a person to look at it is left out throughout, and nothing else is let wait: no way may lead over what a
person has yet to decide.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from schemas import catalogue
from schemas.catalogue import TYPES_BY_NAME, EventType
from schemas.days import NEVER, date_of, day_of_date, start_of
from schemas.facts import FACT, Fact, Facts
from scoring.benefits import words_of
from scoring.evaluator import (
    Record,
    State,
    disputed_on,
    end_of,
    held_on,
    original_end_of,
    resolve,
    state_of,
)
from scoring.pack import SCORE_MAX, VALIDITY_MONTHS_MAX, Pack, Perk, RepairPath
from scoring.reasons import earliest_repair
from scoring.rescoring import concatenated, in_order, scores, sorted_facts, walk, without_records
from scoring.rules import Rules, compile_rules, without_review
from scoring.suggestion import HABITS, Act, Effort, Habit, Suggestion, Suggestions
from scoring.words import Words, joined, publisher_name

_NO_FACTS: Facts = np.zeros(0, FACT)
_NOON_S = 43_200
_SHORT_WAIT_DAYS = 92
_SOON_DAYS = 183
# As long as a record may count: what has not helped by then hardly will.
_HORIZON_DAYS = VALIDITY_MONTHS_MAX * 31
FOUND_MAX = 5
# Of pairs only the strongest acts and the best days are tried: the search must stay quick.
_PAIRED_MAX = 16
_DAYS_PAIRED_MAX = 12


@dataclass(frozen=True, eq=False)
class _Way:
    """Acts, and the facts that they would be."""

    what: tuple[str, ...]
    acts: tuple[Act, ...]
    #: In the order of their occurrence.
    facts: Facts
    day: int
    ledger: Facts

    @cached_property
    def variant(self) -> Facts:
        """The ledger with these acts done."""
        if not len(self.facts):
            return self.ledger
        facts = concatenated([self.ledger, self.facts])
        # Of most ledgers the last fact is from before today, where acts begin.
        return facts if self.ledger["occurred"][-1] < self.facts["occurred"][0] else sorted_facts(facts)

    @property
    def cost(self) -> tuple[int, int, int]:
        """By what ways are ordered: effort, then time, then how often."""
        effort = sum(Effort[one.effort.upper()] for one in self.acts)
        return effort, self.day, sum(one.times for one in self.acts)

    def and_(self, other: "_Way") -> "_Way":
        """Return both, the acts of both done in their time."""
        day = max(self.day, other.day)
        facts = sorted_facts(concatenated([self.facts, other.facts]))
        return _Way(self.what + other.what, self.acts + other.acts, facts, day, self.ledger)


def suggest(
    facts: Facts, day: int, pack: Pack, kind: str = "resident", target: int = SCORE_MAX, *, rules: Rules | None = None
) -> Suggestions:
    """Return what brings a subject's score to a target.

    Args:
        facts: (n,) of dtype FACT, in any order.
        day: today, in days since 1970-01-01 in the city.
        pack: the rules.
        kind: the subject's kind, as perks name it.
        target: the score wanted.
        rules: the same pack compiled, to be quicker.

    Raises:
        ValueError: the target is no score.

    """
    if not 0 <= target <= SCORE_MAX:
        message = f"the target must be a score from 0 to {SCORE_MAX}, was {target}"
        raise ValueError(message)
    ledger = in_order(facts)
    known: dict[tuple[Fact, ...], Record] = {}
    records = resolve(ledger, pack, known)
    if held := {one.record for one in held_on(records, day, pack)}:
        ledger = without_records(ledger, held)
        records = [one for one in records if one.record not in held]
    unreviewed = pack.model_copy(update={"review": None})
    scoring = _Scoring(unreviewed, without_review(rules or compile_rules(pack)), kind, known)
    search = _Search(ledger, records, day, target, scoring)
    found = _found(search)
    return replace(found, words=_WAITING.filled(said=found.words)) if held else found


def _found(search: "_Search") -> Suggestions:
    score, target = search.state.score, search.target
    if score is None or score >= target:
        return _answer(search, (), None)
    ways = search.enough()
    proved = [one for one in map(search.proved, ways) if one.score >= target]
    # What comes too late for a perk that is to ask for more stands last, however cheap it is.
    found = tuple(sorted(proved, key=lambda one: bool(one.moved)))
    best = None if found else search.furthest()
    return _answer(search, found, best)


@dataclass(frozen=True, eq=False)
class _Scoring:
    """What ledgers of one kind of subject come to: by the kernel, to search; by the plain evaluator, to prove."""

    pack: Pack
    rules: Rules
    kind: str
    #: Ways have most records in common, and a pack without reviews resolves them like the one with them.
    known: dict[tuple[Fact, ...], Record]

    def state(self, records: Sequence[Record], day: int) -> State:
        """Return what records come to on a day, by the plain evaluator."""
        return state_of(records, day, self.pack, self.kind)

    def proved(self, ledger: Facts, day: int) -> State:
        """Return what a ledger comes to on a day, by the plain evaluator."""
        return self.state(resolve(ledger, self.pack, self.known), day)

    def scores(self, ways: Sequence[_Way]) -> list[int | None]:
        """Return the score of each way on its day, by the kernel."""
        days = [way.day for way in ways]
        return scores([way.variant for way in ways], days, self.pack, self.kind, self.rules)

    def walk(self, ledger: Facts, first: int, last: int) -> Iterator[tuple[int, int | None]]:
        """Yield the days on which a ledger's score changes, and to what, by the kernel."""
        return walk(ledger, (first, last), self.kind, self.rules)


class _Search:
    """One search: a ledger, its records, a day and a target."""

    def __init__(self, ledger: Facts, records: Sequence[Record], day: int, target: int, scoring: _Scoring) -> None:
        self.state = scoring.state(records, day)
        self.day = day
        self.target = target
        self._ledger = ledger
        self._records = records
        self._scoring = scoring
        self._pack = scoring.pack
        self._score_of: dict[_Way, int] = {}
        # What doing nothing comes to: days on which the score changes, and to what.
        self._days: list[tuple[int, int]] = []
        self._ending: dict[int, list[Record]] = defaultdict(list)
        for one in records:
            for at in {original_end_of(one), end_of(one)} if one.rule.severity != "none" else ():
                self._ending[at].append(one)
        # Of each habit the facts of doing it most often; of doing it less often they are the first.
        self._habitual: dict[str, Facts] = {}
        self._tried: list[tuple[int, _Way]] = []

    def enough(self) -> list[_Way]:
        """Return the cheapest ways that reach the target, pairs only if no single act does so before long."""
        singles = [*self._duties(), *self._repairs(), *self._habits()]
        walked = self._walk(self._ledger, self.day)
        days = self._days = [(at, score) for at, score in walked if at > self.day and score is not None]
        ways = [way for way in self._scored(singles) if self._reaches(way)]
        if waits := [at for at, score in days if score >= self.target][:1]:
            ways.append(self._waiting(waits[0]))
        if days:
            at, score = max(days, key=lambda one: (one[1], -one[0]))
            self._tried.append((score, self._waiting(at)))
        if not any(way.day - self.day <= _SOON_DAYS for way in ways):
            # The cheapest few only: each is tried again with less.
            ways += [self._smaller(way) for way in _cheapest(self._pairs(days))]
        return _cheapest(ways)

    def proved(self, way: _Way) -> Suggestion:
        """Return a way with what the plain evaluator says of it."""
        state = self._scoring.proved(way.variant, way.day)
        assert state.score is not None  # noqa: S101 - nothing that is suggested takes a score away
        assert state.tier is not None  # noqa: S101
        tier = self._pack.tiers[state.tier]
        new = [perk for perk in self._pack.perks if perk.id in state.entitlements and not self._keeps(perk, way.day)]
        moved = self._moved(state, way.day)
        level = min(self.target, state.score)
        ends = next((at for at, score in self._walk(way.variant, way.day) if score is None or score < level), None)
        return Suggestion(
            acts=way.acts,
            day=date_of(way.day),
            score=state.score,
            tier=tier.id,
            tier_name=words_of(tier.name),
            perks=tuple(perk.id for perk in new),
            holds_until=None if ends is None else date_of(ends),
            moved=tuple(perk.id for perk in moved),
            words=_sentence(way, state.score, [words_of(perk.name) for perk in new] or [words_of(tier.name)]).and_then(
                *(_MOVED.filled(perk=words_of(one.name), points=self._pack.threshold(one, way.day)) for one in moved)
            ),
        )

    def _keeps(self, perk: Perk, day: int) -> bool:
        """Whether somebody has a perk today and, doing nothing, still on a day."""
        asked = self._pack.threshold(perk, day)
        score = next((score for at, score in reversed(self._days) if at <= day), self.state.score)
        return perk.id in self.state.entitlements and asked is not None and (score or 0) >= asked

    def _moved(self, then: State, day: int) -> list[Perk]:
        """Return the perks that the score would earn today and that ask for more by then."""
        return [
            perk
            for perk in self._pack.perks
            if self._scoring.kind in perk.kinds
            and (today := self._pack.threshold(perk, self.day)) is not None
            and (by_then := self._pack.threshold(perk, day)) is not None
            and today <= (then.score or 0) < by_then
        ]

    def furthest(self) -> Suggestion | None:
        """Return the way that leads furthest of all tried, if it leads anywhere."""
        score, way = min(self._tried, key=lambda one: (-one[0], one[1].cost), default=(0, None))
        return None if way is None or score <= (self.state.score or 0) else self.proved(way)

    def _reaches(self, way: _Way) -> bool:
        return self._score_of[way] >= self.target

    def _scored(self, ways: Iterable[_Way]) -> list[_Way]:
        """Score ways on their days, all in one call; ones without a score are left out."""
        tried = list(ways)
        scored = []
        for way, score in zip(tried, self._scoring.scores(tried), strict=True):
            if score is not None:
                self._score_of[way] = score
                self._tried.append((score, way))
                scored.append(way)
        return scored

    def _walk(self, ledger: Facts, first: int) -> Iterator[tuple[int, int | None]]:
        return self._scoring.walk(ledger, first, min(self.day + _HORIZON_DAYS, NEVER - 1))

    def _pairs(self, days: Sequence[tuple[int, int]]) -> list[_Way]:
        """Return the pairs of the strongest acts, and of acts and days, that reach the target."""
        strongest: dict[tuple[str, ...], _Way] = {}
        for way in sorted(self._score_of, key=lambda one: (self._score_of[one], -one.day)):
            strongest[way.what] = way
        acts = sorted(strongest.values(), key=lambda one: -self._score_of[one])[:_PAIRED_MAX]
        best_days = sorted(days, key=lambda one: (-one[1], one[0]))[:_DAYS_PAIRED_MAX]
        pairs = [one.and_(other) for one, other in combinations(acts, 2) if _are_apart(one, other)]
        waits = [self._waiting(at) for at, _ in best_days]
        pairs += [way.and_(wait) for way in acts for wait in waits if wait.day > way.day]
        return [way for way in self._scored(pairs) if self._reaches(way)]

    def _smaller(self, way: _Way) -> _Way:
        """Return the same pair with ordinary acts done less often, as long as that is enough."""
        for place, act in enumerate(way.acts):
            if act.kind == "habit":
                less = self._scored(self._with_times(way, place, times) for times in range(1, act.times))
                way = next(filter(self._reaches, less), way)
        return way

    def _with_times(self, way: _Way, place: int, times: int) -> _Way:
        """Return a pair with one of its acts done so often."""
        act = way.acts[place]
        event_type = TYPES_BY_NAME[act.type]
        others = way.facts[way.facts["type"] != event_type.code]
        single = self._habit(HABITS[act.type], event_type, times)
        acts = (*way.acts[:place], *single.acts, *way.acts[place + 1 :])
        day = max(day_of_date(act.day) for act in acts)
        return _Way(way.what, acts, sorted_facts(concatenated([others, single.facts])), day, self._ledger)

    def _waiting(self, at: int) -> _Way:
        effort = Effort.SHORT_WAIT if at - self.day <= _SHORT_WAIT_DAYS else Effort.LONG_WAIT
        ending = self._ending.get(at, [])
        words = _WAIT_FOR if ending else _WAIT
        names = joined([_name(one.rule.event_type) for one in ending[:1]])
        act = _act("wait", effort, at, ending, words.filled(day=date_of(at), name=names))
        return _Way((f"wait {at}",), (act,), _NO_FACTS, at, self._ledger)

    def _lowering(self) -> list[Record]:
        """Return the records that cost points, or set a ceiling, now."""
        points = {one.record.record: one.points for one in self.state.contributions}
        return [
            one
            for one in self._records
            if not disputed_on(one, self.day)
            and one.start <= self.day < min(one.end, one.repaired)
            and (points.get(one.record, 0) < 0 or one.rule.grades[one.grade.label].ceiling)
        ]

    def _duties(self) -> Iterator[_Way]:
        """Yield doing what is owed: for each record, for all of a kind, and for all."""
        owed = [one for one in self._lowering() if one.rule.repair is RepairPath.ON_FULFILMENT]
        by_type: dict[EventType, list[Record]] = defaultdict(list)
        for one in owed:
            by_type[one.rule.event_type].append(one)
        for event_type, records in by_type.items():
            together = [records] if len(records) > 1 else []
            for of_these in (*([one] for one in records), *together):
                yield self._fulfilled(of_these, _FULFIL.filled(name=_name(event_type), date=_dates(of_these)))
        if len(by_type) > 1:
            yield self._fulfilled(owed, _SETTLE.filled(names=joined([_name(event_type) for event_type in by_type])))

    def _fulfilled(self, records: Sequence[Record], words: Words) -> _Way:
        act = _act("fulfil", Effort.FULFIL, self.day, records, words)
        facts = concatenated([self._control(catalogue.FULFILLED, one, self.day) for one in records])
        what = tuple(f"fulfil {one.record}" for one in records)
        return _Way(what, (act,), sorted_facts(facts), self.day, self._ledger)

    def _repairs(self) -> Iterator[_Way]:
        """Yield asking an authority for a repair, on the first day on which it can be asked for."""
        for one in self._lowering():
            if one.rule.repair is not RepairPath.BY_AUTHORITY:
                continue
            at = max(self.day, earliest_repair(one, self.day))
            if at >= min(one.end, self.day + _HORIZON_DAYS):
                continue
            by = publisher_name(one.rule.event_type.publisher)
            said = _GRANTED if self._last_asked(one) else _APPLY
            words = said.filled(day=date_of(at), by=by, name=_name(one.rule.event_type), date=_dates([one]))
            act = _act("apply", Effort.APPLY, at, [one], words)
            facts = self._control(catalogue.REPAIRED, one, at)
            yield _Way((f"apply {one.record}",), (act,), facts, at, self._ledger)

    def _last_asked(self, about: Record) -> bool:
        """Whether a repair was asked for that nobody has answered."""
        said = self._ledger["type"][self._ledger["link"] == about.record]
        asked = said[np.isin(said, [catalogue.REPAIR_APPLIED.code, catalogue.REPAIR_REFUSED.code])]
        return len(asked) > 0 and bool(asked[-1] == catalogue.REPAIR_APPLIED.code)

    def _habits(self) -> Iterator[_Way]:
        had = set(self._ledger["type"].tolist())
        for name, habit in HABITS.items():
            event_type = TYPES_BY_NAME[name]
            if not self._is_for(event_type) or not self._has(had, habit):
                continue
            for times in range(1, habit.times_max + 1):
                yield self._habit(habit, event_type, times)

    def _is_for(self, event_type: EventType) -> bool:
        return self._scoring.kind in {one.name.lower() for one in event_type.kinds}

    @staticmethod
    def _has(had: set[int], habit: Habit) -> bool:
        return not habit.only_if or any(TYPES_BY_NAME[name].code in had for name in habit.only_if)

    def _habit(self, habit: Habit, event_type: EventType, times: int) -> _Way:
        if event_type.name not in self._habitual:
            self._habitual[event_type.name] = concatenated(
                [
                    _fact(event_type, self.day + habit.days * (number + 1), number, quantity=habit.quantity)
                    for number in range(habit.times_max)
                ]
            )
        facts = self._habitual[event_type.name][:times]
        day = self.day + habit.days * times
        act = _act("habit", habit.effort, day, [], habit.words.filled(times=times), (event_type.name, times))
        return _Way((event_type.name,), (act,), facts, day, self._ledger)

    @staticmethod
    def _control(event_type: EventType, about: Record, day: int) -> Facts:
        return _fact(event_type, day, about.record, link=about.record)


def _fact(event_type: EventType, day: int, number: int, *, link: int = 0, quantity: int = 0) -> Facts:
    fact: Facts = np.zeros(1, FACT)
    # Ids are keyed hashes: that one of them is the hash of nothing but these numbers will not happen.
    fact["record"] = _id_of(event_type.code, number)
    fact["link"] = link
    fact["occurred"] = start_of(day) + _NOON_S
    fact["type"] = event_type.code
    fact["grade"] = event_type.grades[0]
    fact["quantity"] = quantity
    return fact


def _id_of(code: int, number: int) -> int:
    """Return an id for a record that is not there yet."""
    return ((code << 32) ^ number) * 0x9E3779B97F4A7C15 % (1 << 64)


def _are_apart(one: _Way, other: _Way) -> bool:
    """Whether two ways are not about the same record or habit."""
    return not {name.removeprefix("apply ").removeprefix("fulfil ") for name in one.what} & {
        name.removeprefix("apply ").removeprefix("fulfil ") for name in other.what
    }


def _cheapest(ways: Iterable[_Way]) -> list[_Way]:
    """Return the cheapest, without what contains a cheaper one: doing more of it, or something beside it."""
    kept: list[_Way] = []
    for way in sorted(ways, key=lambda one: one.cost):
        if not any(set(one.what) <= set(way.what) for one in kept):
            kept.append(way)
    return kept[:FOUND_MAX]


def _act(
    kind: str, effort: Effort, day: int, records: Sequence[Record], words: Words, of: tuple[str, int] | None = None
) -> Act:
    name, times = of or (records[0].rule.type if records and kind != "wait" else "", max(len(records), 1))
    return Act(
        kind=kind,
        effort=effort.name.lower(),
        type=name,
        times=times,
        day=date_of(day),
        records=tuple(f"{one.record:016x}" for one in records),
        words=words,
    )


def _name(event_type: EventType) -> Words:
    return Words(event_type.chinese, event_type.english)


def _dates(records: Sequence[Record]) -> str:
    return ", ".join(date_of(one.start).isoformat() for one in records)


_WAIT = Words("等到{day}", "wait until {day}")
_WAIT_FOR = Words("等到{day}，届时“{name}”到期", "wait until {day}, when “{name}” ends")
_FULFIL = Words("履行“{name}”（{date}）所欠义务", "make good “{name}” ({date})")
_APPLY = Words("自{day}起向{by}申请修复“{name}”（{date}）", "from {day} on ask the {by} to repair “{name}” ({date})")
_SETTLE = Words("结清全部所欠（{names}）", "make good all that is owed ({names})")
_GRANTED = Words(
    "{by}于{day}起批准已申请的修复：“{name}”（{date}）",
    "the {by} grants, from {day} on, the repair that was asked for: “{name}” ({date})",
)
_AND = Words("{one}；并且{other}", "{one}; and {other}")
_LEADS = Words("{acts}：{day}达到{score}分（{benefit}）。", "{acts}: {score} on {day} ({benefit}).")
_MOVED = Words("届时“{perk}”需要{points}分。", "By then “{perk}” asks for {points}.")
_UNREGISTERED = Words("尚无分数：没有分数不等于低分。", "There is no score; no score is not a low score.")
_REACHED = Words("已达到{target}分，目前{score}分。", "{target} is reached: you have {score}.")
_FOUND = Words("目前{score}分，有{count}种办法达到{target}分。", "You have {score}; ways to {target}: {count}.")
_NONE = Words(
    "目前{score}分，两项办法之内无法达到{target}分。", "You have {score}; no one or two acts lead to {target}."
)
_WAITING = Words(
    "{said}另有记录等待人工复核，一经确认，以上会有变化。",
    "{said} A record waits for review by a person; if it is confirmed, this changes.",
)
_BEST = Words("{none}最多可达{best}分。", "{none} The best within reach is {best}.")


def _sentence(way: _Way, score: int, benefit: list[Words]) -> Words:
    acts = way.acts[0].words
    for other in way.acts[1:]:
        acts = _AND.filled(one=acts, other=other.words)
    said = _LEADS.filled(acts=acts, day=date_of(way.day), score=score, benefit=joined(benefit))
    return Words(said.zh, said.en[0].upper() + said.en[1:])


def _answer(search: _Search, found: tuple[Suggestion, ...], best: Suggestion | None) -> Suggestions:
    score, target = search.state.score, search.target
    numbers = {"score": score, "target": target, "count": len(found)}
    if score is None:
        words = _UNREGISTERED
    elif score >= target:
        words = _REACHED.filled(**numbers)
    elif found:
        words = _FOUND.filled(**numbers)
    else:
        words = _NONE.filled(**numbers)
        words = words if best is None else _BEST.filled(none=words, best=best.score)
    return Suggestions(
        day=date_of(search.day),
        score=score,
        target=target,
        reached=score is not None and score >= target,
        found=found,
        best=best,
        words=words,
    )
