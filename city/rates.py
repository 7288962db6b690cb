"""How often things happen in the city: each number with where it comes from.

``published`` means that the number, or both numbers of a quotient, stand in the source named. Everything else is
``assumed``: chosen so that the city looks ordinary, and evidence of nothing.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.catalogue import FULFILLED, REMOVED, REPAIRED, TYPES_BY_NAME, EventType, Grade

Evidence = Literal["published", "assumed"]

# Fuzhou press: some 500,000 people stood at 686 points or more in a city of some 7 million.
SHARE_AT_THRESHOLD = 500_000 / 7_000_000
THRESHOLD_POINTS = 686

_CENSUS = "Fuzhou Bureau of Statistics, bulletin of the seventh census (2020)"
_MOHRSS = "Ministry of Human Resources and Social Security, statistical bulletin for 2021"
_LIBRARIES = "Ministry of Culture and Tourism, statistical bulletin for 2019"
_DRIVERS = "Ministry of Public Security, 550 million drivers in September 2025"
_DRUNK = "Ministry of Public Security, 901,000 drunk drivers stopped in the first half of 2019"
_DEFAULTERS = "Supreme People's Court in China Daily 2017-11-08: 8.87 million listed since October 2013"
_ADULTS = "1,158 million people of 15 or more (seventh census, 2020)"
_CARDS = "People's Bank of China, payment system in the third quarter of 2024"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What part of a group of subjects belongs to another.

    Attributes:
        name: the group.
        of: the group it is a part of.
        share: 0 to 1.
        evidence: whether the share is published or assumed.
        source: where it stands, or what it is meant to be.

    """

    name: str
    of: str
    share: float
    evidence: Evidence = "assumed"
    source: str


SHARES = (
    Share(
        name="aged 60 or more",
        of="resident",
        share=1_389_989 / (1_389_989 + 5_485_297 * 42 / 45),
        evidence="published",
        source=f"{_CENSUS}: 1,389,989 of 60 or more, 5,485,297 of 15 to 59, taken as even over those ages",
    ),
    Share(
        name="graduate",
        of="resident",
        share=1_541_274 / (8_291_268 - 1_415_982),
        evidence="published",
        source=f"{_CENSUS}: 1,541,274 with higher education, 6,875,286 of 15 or more",
    ),
    Share(name="bachelor", of="graduate", share=0.48, source="ordinary mix of two- and four-year degrees"),
    Share(name="postgraduate", of="graduate", share=0.05, source="few"),
    Share(
        name="insured",
        of="resident",
        share=1_028.71 / 1_158.4,
        evidence="published",
        source=f"{_MOHRSS}: 1,028.71 million in basic pension insurance; {_ADULTS}",
    ),
    Share(name="never interrupted for 5 years", of="insured", share=0.98, source="most"),
    Share(name="employed", of="resident", share=0.97, source="at some time in their lives"),
    Share(
        name="qualified",
        of="employed",
        share=0.33,
        source=f"titles, certificates and skill levels; of certificates alone there are 39.35 million ({_MOHRSS})",
    ),
    Share(
        name="driver",
        of="resident",
        share=550 / 1_158.4,
        evidence="published",
        source=f"{_DRIVERS}; {_ADULTS}",
    ),
    Share(
        name="reader",
        of="resident",
        share=86.27 / 1_158.4,
        evidence="published",
        source=f"{_LIBRARIES}: 86.27 million library cards; {_ADULTS}",
    ),
    Share(
        name="cardholder",
        of="resident",
        share=0.52,
        evidence="published",
        source=f"{_CARDS}: 0.52 credit cards a person, taken as one each",
    ),
    Share(name="borrower", of="resident", share=0.64, source="a loan with monthly instalments"),
    Share(name="renter", of="resident", share=0.45, source="power banks, umbrellas, scooters by credit"),
    Share(name="volunteer", of="resident", share=0.08, source="volunteers with a star"),
    Share(name="civil servant", of="employed", share=0.01, source="about 7 million in the country"),
    Share(name="professional", of="employed", share=0.02, source="licensed by a regulator"),
    Share(name="legal person", of="body", share=0.85, source="companies among all bodies"),
    Share(name="borrowing body", of="body", share=0.25, source="a loan with monthly instalments"),
)
SHARE = {one.name: one.share for one in SHARES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often a type of event occurs.

    Attributes:
        type: the event type.
        group: the subjects it happens to.
        per_year: events a year for each of them.
        grades: the grades with their weights; empty for the type's only one.
        quantity_max: the most of the type's quantity that one event has; 0 where it is counted otherwise.
        bad: whether it is bad information; such acts gather on few people.
        mars_year: whether a year with it does not close as one without bad information.
        settled_by: the controls that end the matter, in order.
        settled: the share of matters that end so.
        settled_days: after how many days, on average.
        determined: whether an authority determines it some weeks after the act.
        evidence: whether `per_year` is published or assumed.
        source: where it stands.

    """

    type: EventType
    group: str
    per_year: float
    grades: tuple[tuple[Grade, float], ...] = ()
    quantity_max: int = 0
    bad: bool = False
    mars_year: bool = False
    settled_by: tuple[EventType, ...] = ()
    settled: float = 0.0
    settled_days: float = 0.0
    determined: bool = False
    evidence: Evidence = "assumed"
    source: str = ""


_Grades = dict[Grade, float]


def _good(name: str, group: str, per_year: float, grades: _Grades | None = None) -> Rate:
    return Rate(type=TYPES_BY_NAME[name], group=group, per_year=per_year, grades=tuple((grades or {}).items()))


def _owed(name: str, group: str, per_year: float, settled: float = 0.9, days: float = 30.0) -> Rate:
    """Return the rate of a duty done late: a small thing, which ends once it is done."""
    return Rate(
        type=TYPES_BY_NAME[name],
        group=group,
        per_year=per_year,
        bad=True,
        settled_by=(FULFILLED,),
        settled=settled,
        settled_days=days,
    )


def _penalty(name: str, group: str, per_year: float, grades: _Grades | None = None) -> Rate:
    """Return the rate of what an authority determines, and may repair."""
    return Rate(
        type=TYPES_BY_NAME[name],
        group=group,
        per_year=per_year,
        grades=tuple((grades or {}).items()),
        bad=True,
        mars_year=True,
        settled_by=(REPAIRED,),
        settled=0.3,
        settled_days=200.0,
        determined=True,
    )


def _judged(name: str, group: str, per_year: float, grades: _Grades | None = None) -> Rate:
    """Return the rate of a debt or duty that is determined, and ends when it is done."""
    return Rate(
        type=TYPES_BY_NAME[name],
        group=group,
        per_year=per_year,
        grades=tuple((grades or {}).items()),
        bad=True,
        mars_year=True,
        settled_by=(FULFILLED,),
        settled=0.6,
        settled_days=120.0,
        determined=True,
    )


def _listed(name: str, group: str, per_year: float, settled: float = 0.5, days: float = 250.0) -> Rate:
    """Return the rate of a place on a list, which ends by removal."""
    return Rate(
        type=TYPES_BY_NAME[name],
        group=group,
        per_year=per_year,
        bad=True,
        mars_year=True,
        settled_by=(REMOVED,),
        settled=settled,
        settled_days=days,
    )


_G = Grade
_STEPS = {_G.GENERAL: 80.0, _G.SERIOUS: 17.0, _G.SEVERE: 3.0}
_FINES = {_G.FINE_MINOR: 70.0, _G.FINE_MEDIUM: 22.0, _G.FINE_MAJOR: 7.0, _G.FINE_HUGE: 1.0}
_TRAFFIC = {
    _G.WARNING: 30.0,
    _G.FINE_MINOR: 55.0,
    _G.FINE_MEDIUM: 9.0,
    _G.FINE_MAJOR: 1.0,
    _G.FINE_HUGE: 0.1,
    _G.TWELVE_POINTS: 1.9,
    _G.LICENCE_SUSPENDED: 3.0,
}
_HONOURS = {
    _G.NATIONAL: 0.2,
    _G.PROVINCE: 1.0,
    _G.CITY: 4.0,
    _G.PROVINCE_DEPARTMENT: 3.0,
    _G.COUNTY: 12.0,
    _G.CITY_DEPARTMENT: 20.0,
    _G.DISTRICT_DEPARTMENT: 60.0,
}
_SANCTIONS = {_G.WARNING: 60.0, _G.DEMERIT: 25.0, _G.MAJOR_DEMERIT: 10.0, _G.DEMOTION: 5.0}
_PENALTIES = {
    _G.WARNING: 40.0,
    _G.FINE_MINOR: 45.0,
    _G.FINE_MAJOR: 12.0,
    _G.FINE_HUGE: 1.0,
    _G.LICENCE_SUSPENDED: 2.0,
}
_LEVELS = {_G.COUNTY: 70.0, _G.CITY: 24.0, _G.PROVINCE: 5.0, _G.NATIONAL: 1.0}
_SENTENCES = {_G.FINE_ONLY: 5.0, _G.SUSPENDED_SENTENCE: 30.0, _G.IMPRISONMENT: 65.0}
_PROMISES = {_G.STANDARD: 90.0, _G.PERMIT_CANCELLED: 10.0}
# Loans a year for each library card; some are late.
_LOANS = 613.73 / 86.27
_LATE_LOANS = 0.03

RATES = (
    # Whether, and as what, somebody is scored
    _good("consent.granted", "resident", 0.002, {_G.HEALTH: 1.0}),
    _good("consent.withdrawn", "resident", 0.0005, {_G.SCORING: 1.0, _G.HEALTH: 1.0}),
    _good("subject.deceased", "resident", 0.0005),
    # Personal ability
    _penalty("capability.qualification.fraud", "qualified", 0.0004),
    _penalty("capability.exam.misconduct", "resident", 0.00005),
    _penalty("capability.academic.misconduct", "qualified", 0.0001),
    # Career
    _good("occupation.honour.awarded", "employed", 0.004, _HONOURS),
    _good(
        "occupation.civilservant.merited",
        "civil servant",
        0.15,
        {_G.COMMENDATION: 90.0, _G.THIRD_CLASS_MERIT: 9.0, _G.SECOND_CLASS_MERIT: 1.0},
    ),
    _penalty("occupation.civilservant.sanctioned", "civil servant", 0.005, _SANCTIONS),
    _good("occupation.civilservant.archived", "civil servant", 0.1),
    _good("occupation.labour.filed", "employed", 0.05),
    _judged("occupation.medical.assessed", "professional", 0.001),
    _penalty("occupation.practice.accident", "professional", 0.0002),
    _penalty("occupation.practice.breach", "professional", 0.002, {_G.GENERAL: 9.0, _G.SERIOUS: 1.0}),
    # Public credit
    Rate(
        type=TYPES_BY_NAME["library.loan.returned"],
        group="reader",
        per_year=_LOANS * (1 - _LATE_LOANS),
        evidence="published",
        source=f"{_LIBRARIES}: 613.73 million loans, 86.27 million cards; that 3 % are late is assumed",
    ),
    Rate(
        type=TYPES_BY_NAME["library.loan.overdue"],
        group="reader",
        per_year=_LOANS * _LATE_LOANS,
        bad=True,
        settled_by=(FULFILLED,),
        settled=0.95,
        settled_days=12.0,
        source="3 % of the loans",
    ),
    _owed("library.item.lost", "reader", 0.01),
    _good("rental.item.returned", "renter", 1.6),
    _owed("rental.item.overdue", "renter", 0.08, 0.95, 5.0),
    _owed("rental.item.damaged", "renter", 0.01),
    _good("volunteer.model.named", "volunteer", 0.003, _LEVELS),
    _good("bravery.recognised", "resident", 0.00002, {_G.STANDARD: 80.0, _G.OUTSTANDING: 20.0}),
    _good("property.found.returned", "resident", 0.0005, {_G.SMALL: 70.0, _G.MEDIUM: 22.0, _G.LARGE: 8.0}),
    _owed("utility.bill.overdue", "resident", 0.008, 0.95, 25.0),
    _judged("utility.arrears.adjudged", "resident", 0.0001),
    _penalty("utility.theft.determined", "resident", 0.00003),
    _owed("transit.fare.evaded", "resident", 0.002),
    _owed("parking.fee.unpaid", "driver", 0.03),
    _owed("medical.deferred.overdue", "resident", 0.002),
    _good("medical.deferred.settled", "resident", 0.02),
    _good("qr.payment.settled", "resident", 0.05),
    Rate(type=TYPES_BY_NAME["volunteer.hours.accrued"], group="volunteer", per_year=0.5, quantity_max=40),
    _good("volunteer.special.commended", "volunteer", 0.002, _LEVELS),
    _good("charity.donation.made", "resident", 0.005, {_G.SMALL: 80.0, _G.MEDIUM: 17.0, _G.LARGE: 3.0}),
    # Without the consent of their subjects these count nothing.
    _good("blood.donation.made", "resident", 0.01),
    _good("marrow.donation.made", "resident", 0.00001),
    # Financial credit
    _owed("finance.loan.overdue", "borrower", 0.03, 0.85, 20.0),
    _owed("finance.card.overdue", "cardholder", 0.02, 0.85, 20.0),
    _judged("finance.contract.defaulted", "resident", 0.0005),
    _judged("finance.debt.adjudged", "resident", 0.001),
    _judged("finance.guarantee.breached", "resident", 0.0002),
    _penalty("finance.fundraising.illegal", "resident", 0.00001),
    _penalty("finance.providentfund.misused", "employed", 0.00005),
    # Administrative credit
    _good("traffic.violation.handled", "driver", 1.0),
    _owed("traffic.violation.overdue", "driver", 0.05, 0.9, 40.0),
    _penalty("traffic.penalty.imposed", "driver", 0.03, _TRAFFIC),
    Rate(
        type=TYPES_BY_NAME["traffic.drunk.determined"],
        group="driver",
        per_year=2 * 901_000 / 550_000_000,
        bad=True,
        mars_year=True,
        settled_by=(REPAIRED,),
        settled=0.2,
        settled_days=400.0,
        determined=True,
        evidence="published",
        source=f"{_DRUNK}, the second half taken as alike; {_DRIVERS}",
    ),
    _penalty("admin.penalty.imposed", "resident", 0.002, _PENALTIES),
    _judged("admin.penalty.unperformed", "resident", 0.0002, _STEPS),
    _penalty("admin.promise.broken", "resident", 0.00005, _PROMISES),
    _penalty("admin.permit.fraud", "resident", 0.00001),
    _penalty("admin.subsidy.fraud", "resident", 0.00003),
    _owed("tax.arrears.recorded", "employed", 0.0005),
    _penalty("tax.evasion.determined", "employed", 0.00003, _STEPS),
    _owed("socialinsurance.arrears.recorded", "employed", 0.0005),
    # Judicial credit
    _judged("court.enforcement.ordered", "resident", 0.004),
    Rate(
        type=TYPES_BY_NAME["court.dishonest.listed"],
        group="resident",
        per_year=8.87 / 4.1 / 1_158.4,
        bad=True,
        mars_year=True,
        settled_by=(FULFILLED, REMOVED, REPAIRED),
        settled=0.35,
        settled_days=300.0,
        evidence="published",
        source=f"{_DEFAULTERS}; {_ADULTS}",
    ),
    _listed("court.consumption.restricted", "resident", 0.002),
    _penalty("court.property.undeclared", "resident", 0.0003),
    _penalty("court.enforcement.evaded", "resident", 0.0001),
    _penalty("court.litigation.false", "resident", 0.00002),
    Rate(
        type=TYPES_BY_NAME["court.crime.convicted"],
        group="resident",
        per_year=0.001,
        grades=tuple(_SENTENCES.items()),
        bad=True,
        mars_year=True,
        determined=True,
    ),
    # Legal persons and other organisations
    _owed("utility.bill.overdue", "body", 0.01, 0.95, 25.0),
    _owed("finance.loan.overdue", "borrowing body", 0.05, 0.85, 20.0),
    _judged("finance.contract.defaulted", "body", 0.004),
    _owed("tax.arrears.recorded", "body", 0.01),
    _judged("court.enforcement.ordered", "body", 0.01),
    _penalty("org.wage.arrears.listed", "body", 0.002, _STEPS),
    _penalty("org.food.incident", "body", 0.001, _STEPS),
    _owed("org.trace.gap", "body", 0.01),
    _penalty("org.counterfeit.determined", "body", 0.001),
    _penalty("org.labour.violation", "body", 0.004, {_G.GENERAL: 95.0, _G.ILLEGAL_EMPLOYMENT: 5.0}),
    _penalty("org.penalty.imposed", "body", 0.03, _FINES),
    _listed("org.abnormal.listed", "body", 0.04, 0.6, 150.0),
    _listed("org.serious.listed", "body", 0.001),
    Rate(
        type=TYPES_BY_NAME["org.dishonest.listed"],
        group="body",
        per_year=0.004,
        bad=True,
        mars_year=True,
        settled_by=(FULFILLED, REMOVED, REPAIRED),
        settled=0.35,
        settled_days=300.0,
    ),
    _good("org.redlist.listed", "body", 0.03, _LEVELS),
)

# Each by itself lowers most people by two tiers at once, so a person looks at it before it counts.
REVIEWED = frozenset(
    TYPES_BY_NAME[name].code
    for name in (
        "traffic.drunk.determined",
        "court.dishonest.listed",
        "court.consumption.restricted",
        "court.crime.convicted",
        "org.food.incident",
        "org.abnormal.listed",
        "org.serious.listed",
        "org.dishonest.listed",
    )
)

# These are deducted again and again, and do so once nobody pays.
REVIEWED_UNPAID = frozenset(TYPES_BY_NAME[name].code for name in ("finance.loan.overdue", "finance.card.overdue"))

_THINNED = "12 instalments a year, thinned so that they do not hide everything else"

# What the live stream draws beside RATES; history draws the same things one by one, each on its day.
STEADY_RATES = (
    _good("subject.registered", "resident", 0.012),
    _good("capability.tenure.accrued", "employed", 1.0),
    _good("capability.contribution.continuous", "insured", 1.0),
    _good("volunteer.star.rated", "volunteer", 1.0, {_G.ONE_STAR: 50.0, _G.TWO_STAR: 25.0, _G.THREE_STAR: 15.0}),
    Rate(type=TYPES_BY_NAME["finance.loan.repaid"], group="borrower", per_year=3.0, source=_THINNED),
    Rate(type=TYPES_BY_NAME["finance.loan.repaid"], group="borrowing body", per_year=3.0, source=_THINNED),
)
