"""The catalogue of event types: the one table from which validation, JSON Schemas and AsyncAPI are derived.

Codes of types and grades stand in ledgers: never change or reuse one. What a type reaches stands in the log under ids
that follow from it: never change that either. What a type is worth is not said here but in a rule pack.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from schemas.subjects import Kind


class Grade(IntEnum):
    """The severity step an event itself states; one vocabulary for all types."""

    STANDARD = 1
    WARNING = 2
    GENERAL = 3
    SERIOUS = 4
    SEVERE = 5
    FINE_MINOR = 6
    FINE_MEDIUM = 7
    FINE_MAJOR = 8
    FINE_HUGE = 9
    TWELVE_POINTS = 10
    LICENCE_SUSPENDED = 11
    DEMERIT = 12
    MAJOR_DEMERIT = 13
    DEMOTION = 14
    ASSOCIATE = 15
    BACHELOR = 16
    POSTGRADUATE = 17
    JUNIOR = 18
    INTERMEDIATE = 19
    SENIOR = 20
    NATIONAL = 21
    PROVINCE = 22
    CITY = 23
    PROVINCE_DEPARTMENT = 24
    COUNTY = 25
    CITY_DEPARTMENT = 26
    DISTRICT_DEPARTMENT = 27
    COMMENDATION = 28
    THIRD_CLASS_MERIT = 29
    SECOND_CLASS_MERIT = 30
    ONE_STAR = 31
    TWO_STAR = 32
    THREE_STAR = 33
    FOUR_STAR = 34
    FIVE_STAR = 35
    OUTSTANDING = 36
    SMALL = 37
    MEDIUM = 38
    LARGE = 39
    FINE_ONLY = 40
    SUSPENDED_SENTENCE = 41
    IMPRISONMENT = 42
    PERMIT_CANCELLED = 43
    ILLEGAL_EMPLOYMENT = 44
    UPHELD = 45
    REJECTED = 46
    SCORING = 47
    HEALTH = 48

    @cached_property
    def label(self) -> str:
        """The grade as it stands in an event."""
        return self.name.lower()


GRADE_CODES = 64
TYPE_CODES = 192
GRADES_BY_LABEL = {grade.label: grade for grade in Grade}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One kind of event.

    Attributes:
        code: the number in a ledger, 1 to 191.
        name: the CloudEvents type.
        chinese: the name shown to people in Chinese.
        english: the name shown to people in English.
        publisher: the typical department, as a path below its source.
        kinds: the kinds of subject it may be about.
        grades: the grades it may state; one that has a single grade need not state it.
        quantity: the unit of ``data.quantity``, such as ``months``; empty when the type has none.
        control: whether it says something about another record rather than being one.
        reaches: the type of the record that such an act of an organisation is about who represents it, for whom it
            counts at the personal rate (Wendeng 2020 art. 6); empty where it is the organisation's alone.
        reached_grades: of that record, one for each of `grades`; empty where they are the same.

    """

    code: int
    name: str
    chinese: str
    english: str
    publisher: str
    kinds: frozenset[Kind]
    grades: tuple[Grade, ...] = (Grade.STANDARD,)
    quantity: str = ""
    control: bool = False
    reaches: str = ""
    reached_grades: tuple[Grade, ...] = ()

    def reached_grade(self, grade: Grade) -> Grade:
        """Return the grade of the record about a representative, for one of this type's own."""
        return (self.reached_grades or self.grades)[self.grades.index(grade)]

    @property
    def about_the_subject(self) -> bool:
        """Whether it says who somebody is and what they allow, on which it depends that there is a score at all."""
        return self.name.startswith(("subject.", "consent."))


_R, _L, _O = Kind.RESIDENT, Kind.LEGAL_PERSON, Kind.ORGANISATION
_ANY = frozenset({_R, _L, _O})
_PERSON = frozenset({_R})
_BODY = frozenset({_L, _O})
_G = Grade


def _record(
    code: int,
    name: str,
    chinese: str,
    english: str,
    publisher: str,
    kinds: frozenset[Kind] = _PERSON,
    grades: tuple[Grade, ...] = (Grade.STANDARD,),
    quantity: str = "",
    *,
    reaches: str | None = None,
    reached_grades: tuple[Grade, ...] = (),
) -> EventType:
    """Return a type of record; one that residents may have, too, reaches them as it is, unless it says otherwise."""
    return EventType(
        code=code,
        name=name,
        chinese=chinese,
        english=english,
        publisher=publisher,
        kinds=kinds,
        grades=grades,
        quantity=quantity,
        reaches=(name if kinds == _ANY else "") if reaches is None else reaches,
        reached_grades=reached_grades,
    )


def _control(
    code: int,
    name: str,
    chinese: str,
    english: str,
    grades: tuple[Grade, ...] = (Grade.STANDARD,),
    publisher: str = "credit-centre",
) -> EventType:
    return EventType(
        code=code,
        name=name,
        chinese=chinese,
        english=english,
        publisher=publisher,
        kinds=_ANY,
        grades=grades,
        control=True,
        reaches=name,
    )


REGISTERED = _record(1, "subject.registered", "主体登记", "Subject registered", "public-security", _ANY, reaches="")
CORRECTED = _control(2, "record.corrected", "记录更正", "Record corrected", tuple(Grade))
REVOKED = _control(3, "record.revoked", "记录撤销", "Record revoked")
DISPUTED = _control(4, "record.disputed", "提出异议", "Record disputed")
RESOLVED = _control(5, "record.dispute.resolved", "异议处理", "Dispute resolved", (_G.UPHELD, _G.REJECTED))
REPAIRED = _control(6, "repair.granted", "信用修复", "Repair granted")
FULFILLED = _control(7, "obligation.fulfilled", "义务履行", "Obligation fulfilled")
REMOVED = _control(8, "list.removed", "移出名单", "Removed from a list")

REPAIR_APPLIED = _control(13, "repair.applied", "申请信用修复", "Repair applied for")
REPAIR_REFUSED = _control(14, "repair.refused", "信用修复不予通过", "Repair refused")
# A person has looked at a record that lowers somebody by whole tiers: it counts from that day on.
CONFIRMED = _control(15, "record.confirmed", "人工复核确认", "Record confirmed by review", publisher="review-desk")
# What somebody allows, and takes back: to be scored at all, and to have health information used.
_PURPOSES = (_G.SCORING, _G.HEALTH)
CONSENTED = _record(10, "consent.granted", "授权同意", "Consent granted", "citizen", _ANY, _PURPOSES, reaches="")
WITHDRAWN = _record(11, "consent.withdrawn", "撤回同意", "Consent withdrawn", "citizen", _ANY, _PURPOSES, reaches="")
DECEASED = _record(12, "subject.deceased", "死亡登记", "Subject deceased", "public-security")

_FINES = (_G.FINE_MINOR, _G.FINE_MEDIUM, _G.FINE_MAJOR, _G.FINE_HUGE)
_STEPS = (_G.GENERAL, _G.SERIOUS, _G.SEVERE)
_GENERAL_SERIOUS = (_G.GENERAL, _G.SERIOUS)

EVENT_TYPES: tuple[EventType, ...] = (
    REGISTERED,
    CORRECTED,
    REVOKED,
    DISPUTED,
    RESOLVED,
    REPAIRED,
    FULFILLED,
    REMOVED,
    REPAIR_APPLIED,
    REPAIR_REFUSED,
    CONFIRMED,
    CONSENTED,
    WITHDRAWN,
    DECEASED,
    _record(
        9, "year.closed", "年度无不良信息", "Year closed without bad information", "credit-centre", _ANY, reaches=""
    ),
    # Personal ability
    _record(20, "capability.tenure.accrued", "工作年限", "Working years", "human-resources", quantity="months"),
    _record(
        21,
        "capability.contribution.continuous",
        "社保公积金连续缴存",
        "Continuous social insurance and housing fund",
        "human-resources",
        quantity="months",
    ),
    _record(
        22,
        "capability.education.certified",
        "学历认证",
        "Education certified",
        "education",
        grades=(_G.ASSOCIATE, _G.BACHELOR, _G.POSTGRADUATE),
    ),
    _record(
        23,
        "capability.qualification.granted",
        "职业资格取得",
        "Professional qualification granted",
        "human-resources",
        grades=(_G.JUNIOR, _G.INTERMEDIATE, _G.SENIOR),
    ),
    _record(24, "capability.qualification.fraud", "资格取得失信", "Qualification by fraud", "human-resources"),
    _record(25, "capability.exam.misconduct", "考试作弊", "Exam misconduct", "education"),
    _record(26, "capability.academic.misconduct", "学术造假", "Academic misconduct", "education"),
    # Career
    _record(
        40,
        "occupation.honour.awarded",
        "表彰奖励",
        "Honour awarded",
        "commendation",
        grades=(
            _G.NATIONAL,
            _G.PROVINCE,
            _G.CITY,
            _G.PROVINCE_DEPARTMENT,
            _G.COUNTY,
            _G.CITY_DEPARTMENT,
            _G.DISTRICT_DEPARTMENT,
        ),
    ),
    _record(
        41,
        "occupation.civilservant.merited",
        "公务员嘉奖记功",
        "Civil servant commended",
        "organisation-department",
        grades=(_G.COMMENDATION, _G.THIRD_CLASS_MERIT, _G.SECOND_CLASS_MERIT),
    ),
    _record(
        42,
        "occupation.civilservant.sanctioned",
        "政务处分",
        "Civil servant sanctioned",
        "supervision",
        grades=(_G.WARNING, _G.DEMERIT, _G.MAJOR_DEMERIT, _G.DEMOTION),
    ),
    _record(43, "occupation.medical.assessed", "医师考核不合格", "Physician's assessment failed", "health"),
    _record(
        44,
        "occupation.practice.accident",
        "违规执业致责任事故",
        "Accident by malpractice",
        "industry-regulator",
    ),
    _record(
        45,
        "occupation.practice.breach",
        "违反职业道德",
        "Breach of professional rules",
        "industry-regulator",
        grades=_GENERAL_SERIOUS,
    ),
    _record(
        46, "occupation.civilservant.archived", "公务员诚信档案", "Civil servant's file", "organisation-department"
    ),
    _record(47, "occupation.labour.filed", "劳动用工备案", "Employment filed", "human-resources", _ANY, reaches=""),
    # Public credit
    _record(60, "library.loan.returned", "图书按时归还", "Library loan returned on time", "library"),
    _record(61, "library.loan.overdue", "图书逾期未还", "Library loan overdue", "library"),
    _record(62, "library.item.lost", "图书损毁遗失", "Library item lost or damaged", "library"),
    _record(63, "rental.item.returned", "信用租借按时归还", "Rental returned on time", "rental"),
    _record(64, "rental.item.overdue", "租借逾期", "Rental overdue", "rental"),
    _record(65, "rental.item.damaged", "租借物损坏", "Rental damaged", "rental"),
    _record(
        66,
        "volunteer.star.rated",
        "星级志愿者",
        "Star volunteer",
        "civilisation-office",
        grades=(_G.ONE_STAR, _G.TWO_STAR, _G.THREE_STAR, _G.FOUR_STAR, _G.FIVE_STAR),
    ),
    _record(
        67,
        "volunteer.model.named",
        "最美志愿者",
        "Model volunteer",
        "civilisation-office",
        grades=(_G.COUNTY, _G.CITY, _G.PROVINCE, _G.NATIONAL),
    ),
    _record(68, "volunteer.hours.accrued", "志愿时长", "Volunteer hours", "volunteering", quantity="hours"),
    _record(
        69,
        "bravery.recognised",
        "见义勇为",
        "Bravery recognised",
        "public-security",
        grades=(_G.STANDARD, _G.OUTSTANDING),
    ),
    _record(
        70,
        "property.found.returned",
        "拾金不昧",
        "Found property returned",
        "public-security",
        grades=(_G.SMALL, _G.MEDIUM, _G.LARGE),
    ),
    _record(71, "utility.bill.overdue", "拖欠公共服务费", "Utility bill overdue", "utilities", _ANY),
    _record(72, "utility.arrears.adjudged", "欠费经司法认定", "Utility arrears adjudged", "court", _ANY),
    _record(73, "utility.theft.determined", "盗用公共资源", "Utility theft", "utilities", _ANY),
    _record(74, "transit.fare.evaded", "逃票", "Fare evaded", "transit"),
    _record(75, "parking.fee.unpaid", "停车欠费", "Parking fee unpaid", "parking"),
    _record(76, "medical.deferred.overdue", "先诊后付逾期", "Deferred medical bill overdue", "health"),
    _record(
        77,
        "charity.donation.made",
        "慈善捐赠",
        "Gift to a charity",
        "civil-affairs",
        _ANY,
        (_G.SMALL, _G.MEDIUM, _G.LARGE),
    ),
    # One event for a month in which every payment by the code was settled: one for each payment would fill ledgers.
    _record(78, "qr.payment.settled", "福码按时支付", "QR payments settled for a month", "qr-platform"),
    _record(79, "medical.deferred.settled", "先诊后付结清", "Deferred medical bill settled", "health"),
    _record(
        80,
        "volunteer.special.commended",
        "专项志愿先进",
        "Commended in a volunteers' campaign",
        "civilisation-office",
        grades=(_G.COUNTY, _G.CITY, _G.PROVINCE, _G.NATIONAL),
    ),
    _record(81, "blood.donation.made", "无偿献血", "Blood donated", "blood-centre"),
    _record(82, "marrow.donation.made", "造血干细胞捐献", "Marrow donated", "red-cross"),
    # Financial credit
    _record(90, "finance.loan.repaid", "按期还款", "Loan instalment repaid on time", "bank", _ANY),
    _record(91, "finance.loan.overdue", "贷款逾期", "Loan overdue", "bank", _ANY),
    _record(92, "finance.card.overdue", "信用卡逾期", "Credit card overdue", "bank"),
    _record(93, "finance.contract.defaulted", "合同违约被判", "Contract default adjudged", "court", _ANY),
    _record(94, "finance.debt.adjudged", "债务到期被判", "Due debt adjudged", "court", _ANY),
    _record(95, "finance.guarantee.breached", "担保违约", "Guarantee breached", "bank", _ANY),
    _record(96, "finance.fundraising.illegal", "非法集资", "Illegal fundraising", "financial-regulator", _ANY),
    _record(97, "finance.providentfund.misused", "骗提公积金", "Housing fund misused", "housing-fund"),
    # Administrative credit
    _record(110, "traffic.violation.handled", "交通违法及时处理", "Traffic violation handled in time", "traffic"),
    _record(111, "traffic.violation.overdue", "交通违法逾期未处理", "Traffic violation overdue", "traffic"),
    _record(
        112,
        "traffic.penalty.imposed",
        "交通处罚",
        "Traffic penalty",
        "traffic",
        grades=(_G.WARNING, *_FINES, _G.TWELVE_POINTS, _G.LICENCE_SUSPENDED),
    ),
    _record(113, "traffic.drunk.determined", "酒驾", "Drunk driving", "traffic"),
    _record(
        114,
        "admin.penalty.imposed",
        "行政处罚",
        "Administrative penalty",
        "law-enforcement",
        grades=(_G.WARNING, _G.FINE_MINOR, _G.FINE_MAJOR, _G.FINE_HUGE, _G.LICENCE_SUSPENDED),
    ),
    _record(
        115,
        "admin.penalty.unperformed",
        "处罚未履行",
        "Administrative penalty not performed",
        "law-enforcement",
        _ANY,
        _STEPS,
    ),
    _record(
        116,
        "admin.promise.broken",
        "告知承诺虚假",
        "Promise to an authority broken",
        "approval-bureau",
        _ANY,
        (_G.STANDARD, _G.PERMIT_CANCELLED),
    ),
    _record(117, "admin.permit.fraud", "骗取许可", "Permit by fraud", "approval-bureau", _ANY),
    _record(118, "admin.subsidy.fraud", "骗取补贴", "Subsidy by fraud", "finance-bureau", _ANY),
    _record(119, "tax.arrears.recorded", "欠税", "Tax arrears", "tax", _ANY),
    _record(120, "tax.evasion.determined", "偷税", "Tax evasion", "tax", _ANY, _STEPS),
    _record(
        121,
        "socialinsurance.arrears.recorded",
        "拖欠社保费",
        "Social insurance arrears",
        "human-resources",
        _ANY,
    ),
    # A record of who represents an organisation, about what that did: not about a resident's own act.
    _record(
        122,
        "admin.represented.violation",
        "所代表单位违法失信",
        "Violation by an organisation represented",
        "law-enforcement",
        grades=_STEPS,
    ),
    # Judicial credit
    _record(140, "court.enforcement.ordered", "判决强制执行", "Enforcement of a judgment", "court", _ANY),
    _record(141, "court.dishonest.listed", "失信被执行人", "Judgment defaulter listed", "court"),
    _record(142, "court.consumption.restricted", "限制高消费", "Consumption restricted", "court"),
    _record(143, "court.property.undeclared", "不申报财产", "Property not declared", "court", _ANY),
    _record(144, "court.enforcement.evaded", "规避执行", "Enforcement evaded", "court", _ANY),
    _record(145, "court.litigation.false", "虚假诉讼", "False litigation", "court", _ANY),
    _record(
        146,
        "court.crime.convicted",
        "刑事判决",
        "Criminal conviction",
        "court",
        grades=(_G.FINE_ONLY, _G.SUSPENDED_SENTENCE, _G.IMPRISONMENT),
    ),
    _record(
        147,
        "court.represented.listed",
        "所代表单位被列为失信被执行人",
        "Represented organisation listed as judgment defaulter",
        "court",
    ),
    # Organisations. What is a state of their own files, or a list of what was determined and reached people before,
    # reaches nobody.
    _record(
        160,
        "org.wage.arrears.listed",
        "拖欠农民工工资",
        "Migrant workers' wages in arrears",
        "human-resources",
        _BODY,
        _STEPS,
        reaches="admin.represented.violation",
    ),
    _record(
        161,
        "org.food.incident",
        "食品安全事故",
        "Food safety incident",
        "market-regulator",
        _BODY,
        _STEPS,
        reaches="admin.represented.violation",
        reached_grades=(_G.SERIOUS, _G.SEVERE, _G.SEVERE),
    ),
    _record(162, "org.trace.gap", "追溯链缺失", "Gap in a product trace", "market-regulator", _BODY),
    _record(
        163,
        "org.counterfeit.determined",
        "制售假冒",
        "Counterfeiting",
        "market-regulator",
        _BODY,
        reaches="admin.represented.violation",
        reached_grades=(_G.SERIOUS,),
    ),
    _record(
        164,
        "org.labour.violation",
        "用工违法",
        "Labour law violation",
        "human-resources",
        _BODY,
        (_G.GENERAL, _G.ILLEGAL_EMPLOYMENT),
        reaches="admin.represented.violation",
        reached_grades=(_G.SERIOUS, _G.SEVERE),
    ),
    _record(
        165,
        "org.penalty.imposed",
        "企业行政处罚",
        "Administrative penalty",
        "law-enforcement",
        _BODY,
        _FINES,
        reaches="admin.penalty.imposed",
        reached_grades=(_G.FINE_MINOR, _G.FINE_MAJOR, _G.FINE_MAJOR, _G.FINE_HUGE),
    ),
    _record(166, "org.abnormal.listed", "经营异常名录", "Abnormal operation listed", "market-regulator", _BODY),
    _record(167, "org.serious.listed", "严重违法失信名单", "Serious violation listed", "market-regulator", _BODY),
    _record(
        168,
        "org.dishonest.listed",
        "单位失信被执行人",
        "Judgment defaulter listed",
        "court",
        _BODY,
        reaches="court.represented.listed",
    ),
    _record(
        169,
        "org.redlist.listed",
        "红名单",
        "Red list",
        "industry-regulator",
        _BODY,
        (_G.COUNTY, _G.CITY, _G.PROVINCE, _G.NATIONAL),
    ),
)

TYPES_BY_NAME = {event_type.name: event_type for event_type in EVENT_TYPES}
TYPES_BY_CODE = {event_type.code: event_type for event_type in EVENT_TYPES}
