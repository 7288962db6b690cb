"""What is said to people, in both languages: names of grades, departments and reasons.

Names of event types stand in the catalogue, those of dimensions, tiers and perks in the pack.
"""

import re
from dataclasses import dataclass

from schemas.catalogue import Grade


@dataclass(frozen=True, slots=True)
class Words:
    """The same in Chinese and in English."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """Return the words in a language: zh or en."""
        return self.zh if language == "zh" else self.en

    def filled(self, **values: object) -> "Words":
        """Return the words with names put in for the braces."""
        return Words(
            self.zh.format_map({name: _said(value, "zh") for name, value in values.items()}),
            self.en.format_map({name: _said(value, "en") for name, value in values.items()}),
        )

    def and_then(self, *others: "Words") -> "Words":
        """Return several sentences one after the other."""
        return Words("".join([self.zh, *(one.zh for one in others)]), " ".join([self.en, *(one.en for one in others)]))


def _said(value: object, language: str) -> str:
    return value.of(language) if isinstance(value, Words) else str(value)


def joined(parts: list[Words]) -> Words:
    """Return a list as one phrase."""
    return Words("、".join(part.zh for part in parts), ", ".join(part.en for part in parts))


def points_words(count: int) -> Words:
    """Return a number of points as a phrase."""
    return Words(f"{count}分", "1 point" if count == 1 else f"{count} points")


_GRADES = {
    "standard": ("一般情形", "standard"),
    "warning": ("警告", "warning"),
    "general": ("一般", "general"),
    "serious": ("较重", "serious"),
    "severe": ("严重", "severe"),
    "fine_minor": ("小额罚款", "small fine"),
    "fine_medium": ("中额罚款", "medium fine"),
    "fine_major": ("较大数额罚款", "large fine"),
    "fine_huge": ("巨额罚款", "huge fine"),
    "twelve_points": ("一次记12分", "twelve penalty points at once"),
    "licence_suspended": ("暂扣或吊销许可证件", "licence suspended or revoked"),
    "demerit": ("记过", "demerit"),
    "major_demerit": ("记大过", "major demerit"),
    "demotion": ("降级", "demotion"),
    "associate": ("大专", "associate degree"),
    "bachelor": ("本科", "bachelor's degree"),
    "postgraduate": ("研究生", "postgraduate degree"),
    "junior": ("初级", "junior"),
    "intermediate": ("中级", "intermediate"),
    "senior": ("高级", "senior"),
    "national": ("国家级", "national"),
    "province": ("省级", "province"),
    "city": ("市级", "city"),
    "province_department": ("省级部门", "province's department"),
    "county": ("县级", "county"),
    "city_department": ("市级部门", "city's department"),
    "district_department": ("区级部门", "district's department"),
    "commendation": ("嘉奖", "commendation"),
    "third_class_merit": ("三等功", "third class merit"),
    "second_class_merit": ("二等功", "second class merit"),
    "one_star": ("一星", "one star"),
    "two_star": ("二星", "two stars"),
    "three_star": ("三星", "three stars"),
    "four_star": ("四星", "four stars"),
    "five_star": ("五星", "five stars"),
    "outstanding": ("突出", "outstanding"),
    "small": ("小额", "small"),
    "medium": ("中额", "medium"),
    "large": ("大额", "large"),
    "fine_only": ("单处罚金", "fine only"),
    "suspended_sentence": ("缓刑", "suspended sentence"),
    "imprisonment": ("监禁", "imprisonment"),
    "permit_cancelled": ("许可被撤销", "permit cancelled"),
    "illegal_employment": ("非法用工", "illegal employment"),
    "upheld": ("异议成立", "upheld"),
    "rejected": ("异议不成立", "rejected"),
    "scoring": ("评分", "scoring"),
    "health": ("健康信息", "health information"),
}


def grade_name(grade: Grade) -> Words:
    """Return a grade's name."""
    return Words(*_GRADES[grade.label])


_PUBLISHERS = {
    "approval-bureau": ("审批局", "approval bureau"),
    "bank": ("银行", "bank"),
    "blood-centre": ("血液中心", "blood centre"),
    "citizen": ("本人", "yourself"),
    "civil-affairs": ("民政局", "civil affairs bureau"),
    "civilisation-office": ("文明办", "civilisation office"),
    "commendation": ("表彰单位", "awarding body"),
    "court": ("法院", "court"),
    "credit-centre": ("市信用中心", "city credit centre"),
    "education": ("教育局", "education bureau"),
    "finance-bureau": ("财政局", "finance bureau"),
    "financial-regulator": ("金融监管部门", "financial regulator"),
    "health": ("卫健委或医院", "health commission or hospital"),
    "housing-fund": ("公积金中心", "housing fund centre"),
    "human-resources": ("人社局", "human resources bureau"),
    "industry-regulator": ("行业主管部门", "regulator of the trade"),
    "law-enforcement": ("执法机关", "authority that imposed it"),
    "library": ("图书馆", "library"),
    "market-regulator": ("市场监管局", "market regulator"),
    "organisation-department": ("组织部", "organisation department"),
    "parking": ("停车运营方", "parking operator"),
    "public-security": ("公安局", "public security bureau"),
    "qr-platform": ("福码平台", "QR code platform"),
    "red-cross": ("红十字会", "Red Cross"),
    "rental": ("租借运营方", "rental operator"),
    "review-desk": ("人工复核岗", "review desk"),
    "supervision": ("监察委", "supervision commission"),
    "tax": ("税务局", "tax bureau"),
    "traffic": ("交警", "traffic police"),
    "transit": ("公交地铁运营方", "transit operator"),
    "utilities": ("水电气企业", "utility"),
    "volunteering": ("志愿服务平台", "volunteers' platform"),
}


def publisher_name(publisher: str) -> Words:
    """Return the name of a department that publishes a type of event."""
    return Words(*_PUBLISHERS[publisher])


# Who hears an appeal, as packs name them in English; a pack that names another is quoted as it is.
_BODIES = {
    "appointing body": "任免机关",
    "arbitration commission": "仲裁委",
    "authority in charge": "主管部门",
    "authority that determined it": "作出认定的机关",
    "authority that imposed it": "作出处罚的机关",
    "authority that imposed the penalty": "作出处罚的机关",
    "awarding body": "表彰单位",
    "blood centre": "血液中心",
    "bureau that paid it": "发放部门",
    "charity": "慈善组织",
    "citizen": "本人",
    "city credit centre": "市信用中心",
    "civil affairs bureau": "民政局",
    "code platform": "福码平台",
    "court that listed": "列入名单的法院",
    "court that restricted": "作出限制的法院",
    "education": "教育局",
    "healthcare security bureau": "医保局",
    "hospital": "医院",
    "examination authority": "考试机构",
    "health commission": "卫健委",
    "human resources": "人社局",
    "listing body": "列入名单的部门",
    "science bureau": "科技局",
    "volunteering platform": "志愿服务平台",
    **{english: chinese for chinese, english in _PUBLISHERS.values()},
}
_BETWEEN = {"; then ": "，再向", " or ": "或", ", by retrial only": "（仅可通过再审）", ", ": "，"}
_BETWEEN_PARTS = re.compile("(" + "|".join(map(re.escape, _BETWEEN)) + ")")


def appeal_words(appeal: str) -> Words:
    """Return a pack's words about an appeal in both languages, as far as the bodies it names are known."""
    parts = _BETWEEN_PARTS.split(appeal)
    chinese = [_BETWEEN.get(part) or _BODIES.get(part, part) for part in parts]
    return Words("".join(chinese), appeal)
