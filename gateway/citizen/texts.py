"""What the page says, in Chinese and in English. What rules and records say comes with them, in both languages."""

import re
from datetime import date, datetime
from typing import Any, Literal

from schemas.days import CITY_TIMEZONE
from scoring.words import Words

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

# As the scorer writes days: its words are read by programs, too.
_DAY = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_TEXTS: dict[str, tuple[str, str]] = {
    "title": ("茉莉分", "Jasmine"),
    "subtitle": ("我的信用分", "My credit score"),
    "skip": ("跳到正文", "Skip to the content"),
    "sign-in": ("实名登录", "Sign in"),
    "sign-out": ("退出", "Sign out"),
    "parting": ("您已退出本页", "You are signed out here"),
    "parting-more": (
        "正在前往统一身份认证，在那里一并退出。",
        "You are being taken to the identity service, to sign out there as well.",
    ),
    "parting-go": ("前往统一身份认证", "Go to the identity service"),
    "theme": ("深浅色", "Light or dark"),
    "other-language": ("English", "中文"),
    "welcome": ("一个看得明白的分数。", "A score you can understand."),
    "welcome-more": (
        "每一分从哪里来、到哪天为止、怎样修复、向谁申诉，都在这里。",
        (
            "Where each point comes from, until when it counts, how it is repaired and who hears an appeal: "
            "all of it is here."
        ),
    ),
    "welcome-identity": (
        "由本市统一身份认证登录。身份证号在登录时即换成不可还原的编号，本页既不保存也不记录。",
        (
            "You sign in with the city's identity service. Your identity number is turned into an irreversible code at "
            "once; this page neither keeps nor logs it."
        ),
    ),
    "promise-essential": (
        "医疗、教育、社保等基本服务不看分数。",
        "Essential services, such as care, schooling and benefits, never depend on it.",
    ),
    "promise-free": ("查询、异议、修复全部免费。", "Looking, disputing and repairing are free."),
    "promise-end": (
        "每条扣分记录都有期限；名单类记录在移出名单后终止。",
        "Every record that lowers it ends; a listing does once it is lifted.",
    ),
    "score": ("当前分数", "Your score"),
    "of-1000": ("满分 1000", "of 1000"),
    "as-of": ("{day}", "{day}"),
    "until": ("如无新记录，{day}前不变", "Without news it stays until {day}"),
    "until-never": ("如无新记录，保持不变", "Without news it stays as it is"),
    "live": ("实时", "Live"),
    "live-lost": ("连接中断，正在重连", "Connection lost; reconnecting"),
    "live-ended": ("登录已到期，请重新登录。", "Your session has ended; please sign in again."),
    "moved": ("分数现为 {score}，{tier}。", "The score is now {score}, {tier}."),
    "under-review-note": (
        "有一条记录等待人工复核，在此之前不计分。",
        "A record waits for review by a person and does not count until then.",
    ),
    "disputed-note": ("有一条记录正在异议处理中，暂不计分。", "A record is disputed and left out until it is decided."),
    "ceiling-note": (
        "有记录在有效期内限制了最高等级。",
        "A record limits the highest tier while it lasts.",
    ),
    "dimensions": ("六个维度", "Six dimensions"),
    "dimensions-note": (
        "花瓣越长，分值越高；虚线为无记录时的位置。",
        "Longer petals, more points. Dashed: without records.",
    ),
    "why": ("为什么是这个分数", "Why this score"),
    "principal": ("主要原因", "What matters most"),
    "no-principal": ("没有影响分数的记录。", "No record moves your score."),
    "sum": ("完整算式", "The whole sum"),
    "sum-note": (
        "基础分、每条记录与上下限相加，恰为您的分数。",
        "Base, records and limits add up to exactly your score.",
    ),
    "base": ("基础分", "Base"),
    "equals": ("当前分数", "Your score"),
    "history": ("两年走势", "Two years"),
    "history-label": ("分数走势图，今天为 {score} 分", "The score over time; today it is {score}"),
    "history-none": ("无分数", "no score"),
    "history-table": ("变化明细", "Each change"),
    "day": ("日期", "Day"),
    "points": ("分值", "Points"),
    "what": ("事项", "What"),
    "whatif": ("怎样提高", "What would raise it"),
    "whatif-target": ("目标分数", "Score to reach"),
    "whatif-show": ("查看办法", "Show how"),
    "holds-until": ("可保持到{day}之前", "It would hold until {day}"),
    "perks": ("权益", "Perks"),
    "perks-note": (
        "权益是额外的便利；未达到的人享受同样的普通服务。",
        "Perks are extras. Without them the same service is yours on ordinary terms.",
    ),
    "perks-reached": ("已享有", "Yours now"),
    "perks-ahead": ("尚未享有", "Not yours yet"),
    "perk-from": ("{points} 分起", "from {points}"),
    "perk-missing": ("还差 {points} 分", "{points} to go"),
    "perks-none": ("暂无。", "None yet."),
    "records": ("我的记录", "My records"),
    "records-lowering": ("降低分数的记录", "Records that lower it"),
    "records-raising": ("提高分数的记录（{count}）", "Records that raise it ({count})"),
    "records-resting": ("不计分的记录（{count}）", "Records that count nothing now ({count})"),
    "records-none": ("没有记录。", "No records."),
    "occurred": ("发生日", "Occurred"),
    "ends": ("终止日", "Ends"),
    "ends-never": ("长期", "Stands"),
    "repair": ("如何修复", "How it is repaired"),
    "repair-from": ("{day}起可申请修复", "A repair can be applied for from {day}"),
    "repaired-on": ("{day}已修复", "Repaired on {day}"),
    "appeal": ("向谁申诉", "Who hears an appeal"),
    "basis": ("依据", "Basis"),
    "number": ("编号", "Number"),
    "state-under-review": ("等待人工复核", "Waits for review"),
    "state-disputed": ("异议处理中", "Disputed"),
    "state-waiting": ("修复申请于{day}提交", "Repair applied for on {day}"),
    "access": ("谁查看过我的分数", "Who has read your score"),
    "access-note": (
        "每次查询都记录查询方和用途，不记录地点和金额。这里是最近的记录。",
        "Each reading is written down with who and what for, never with a place or an amount. These are the last ones.",
    ),
    "access-none": ("还没有人查看过。", "Nobody has read it yet."),
    "access-more": ("更早的记录（{count}）", "Earlier ones ({count})"),
    "access-told": ("已告知变更的机构", "Who was told of a change"),
    "access-change": ("{day}的变更", "The change of {day}"),
    "reader-citizen": ("您本人", "You"),
    "reader-desk": ("市信用中心窗口", "The city credit centre"),
    "purpose-admin": ("政务办理", "administrative service"),
    "purpose-transit": ("公共交通", "public transport"),
    "purpose-medical": ("医疗", "care"),
    "purpose-education": ("教育", "education"),
    "purpose-tourism": ("旅游", "tourism"),
    "purpose-culture": ("文化", "culture"),
    "purpose-finance": ("金融", "finance"),
    "purpose-utility": ("公用事业", "utilities"),
    "purpose-parking": ("停车", "parking"),
    "purpose-desk": ("窗口查询", "asked at a desk"),
    "purpose-explain": ("解释分数", "explaining the score"),
    "purpose-suggest": ("查询提升办法", "what would raise it"),
    "purpose-export": ("导出数据", "exporting data"),
    "purpose-page": ("本页", "this page"),
    "what-tier": ("等级和权益", "tier and perks"),
    "what-standing": ("分数、等级和权益", "score, tier and perks"),
    "what-explanation": ("分数的解释", "the explanation"),
    "what-suggestions": ("提升办法", "the suggestions"),
    "what-page": ("全部内容", "all that is here"),
    "what-export": ("全部数据", "all data"),
    "told-since": ("已告知：{readers}", "Told since: {readers}"),
    "told-not": (
        "修复前查询过、尚未告知：{readers}",
        "Read before the repair, not told yet: {readers}",
    ),
    "dispute": ("提出异议", "Dispute"),
    "apply": ("申请修复", "Apply for repair"),
    "dispute-title": ("对这条记录提出异议？", "Dispute this record?"),
    "dispute-more": (
        "提出后，这条记录立即暂停计分，直到受理机关作出决定。若异议不成立，记录恢复计分。",
        (
            "The record stops counting at once, until whoever hears it decides. If the dispute is rejected, it counts "
            "again."
        ),
    ),
    "apply-title": ("申请修复这条记录？", "Apply for the repair of this record?"),
    "apply-more": (
        "申请会送交主管机关。请先确认已纠正行为并履行义务。",
        (
            "The application goes to the authority in charge. Make sure first that all is corrected and what is "
            "owed is done."
        ),
    ),
    "confirm-dispute": ("确认提出异议", "File the dispute"),
    "confirm-apply": ("确认申请", "File the application"),
    "cancel": ("返回", "Back"),
    "done-dispute": ("异议已提交。", "Your dispute is filed."),
    "done-apply": ("修复申请已提交。", "Your application is filed."),
    "consent": ("授权", "Consent"),
    "consent-scoring": ("评分", "Being scored"),
    "consent-health": ("使用健康信息", "Use of health information"),
    "consent-given": ("已授权", "Given"),
    "consent-withdrawn": ("已撤回", "Withdrawn"),
    "consent-unsaid-scoring": ("登记起即评分，从未撤回", "In force from registration on, never withdrawn"),
    "consent-unsaid-health": ("从未授权", "Never given"),
    "consent-since": ("自{day}起", "since {day}"),
    "consent-now": ("现状", "Now"),
    "withdraw": ("撤回授权", "Withdraw consent"),
    "give": ("授权", "Give consent"),
    "withdraw-scoring-title": ("撤回评分授权？", "Withdraw your consent to be scored?"),
    "withdraw-scoring-more": (
        (
            "撤回后，您不再有分数和权益，在此期间结束的年度也不记“年度无不良信息”；其他什么都不会失去，记录照常到期，"
            "可随时重新授权。"
        ),
        (
            "Without it you have no score and no perks, and a year that closes meanwhile is not counted as a clean "
            "one; you lose nothing else, your records end as they would, and you can give it again at any time."
        ),
    ),
    "give-scoring-title": ("授权评分？", "Consent to be scored?"),
    "give-scoring-more": (
        "授权后，您重新有分数和相应的权益，按现有记录计算；可随时撤回。",
        "With it you have a score and its perks again, by the records there are; you can withdraw it at any time.",
    ),
    "withdraw-health-title": ("撤回使用健康信息的授权？", "Withdraw your consent to the use of health information?"),
    "withdraw-health-more": (
        "撤回后，献血、捐献造血干细胞的记录不再加分，分数可能下降；其他不受影响，可随时重新授权。",
        (
            "Without it gifts of blood or marrow no longer count, so the score may be lower; nothing else changes, and "
            "you can give it again at any time."
        ),
    ),
    "give-health-title": ("授权使用健康信息？", "Consent to the use of health information?"),
    "give-health-more": (
        "授权后，献血、捐献造血干细胞的记录可以加分；不授权也不会扣分，可随时撤回。",
        (
            "With it gifts of blood or marrow can count; without it nothing is taken from you, and you can withdraw it "
            "at any time."
        ),
    ),
    "confirm-withdraw": ("确认撤回", "Withdraw it"),
    "confirm-give": ("确认授权", "Give it"),
    "done-withdraw": ("撤回已提交，生效后本页会更新。", "Your withdrawal is filed; this page shows it once it holds."),
    "done-give": ("授权已提交，生效后本页会更新。", "Your consent is filed; this page shows it once it holds."),
    "export": ("下载我的全部数据（JSON）", "Download all my data (JSON)"),
    "law": ("规则包 {pack}，版本 {version}", "Rule pack {pack}, version {version}"),
    "your-code": ("您的编号", "Your code"),
    "synthetic": ("演示：人物与身份证号均为虚构。", "Demonstration: neither person nor identity number is real."),
    "no-score": ("您还没有分数", "You have no score yet"),
    "no-score-more": (
        "没有分数不等于低分，不影响任何基本服务。登记后即有基础分 {base} 分。",
        (
            "No score is not a low score, and takes nothing essential from you. Once you are registered you begin with "
            "{base}."
        ),
    ),
    "no-score-do": (
        "如认为应有分数，请向市信用中心咨询，并告知您的编号。",
        "If you think you should have one, ask the city credit centre and give your code.",
    ),
    "unconsented": ("您已撤回评分授权", "You have withdrawn your consent"),
    "unconsented-more": (
        "因此您没有分数。没有分数不等于低分，不影响任何基本服务。",
        "So you have no score. That is not a low score, and takes nothing essential from you.",
    ),
    "unconsented-do": (
        "可随时在下方重新授权，分数即按现有记录恢复。",
        "You can give it again below at any time, and have the score that your records make.",
    ),
    "unknown": ("这里还没有您的信息", "Nothing is known of you here"),
    "unknown-more": (
        "尚无任何部门发布过与您有关的信息。这不是低分，也不影响任何服务。",
        "No department has published anything about you. That is not a low score, and takes nothing from you.",
    ),
    "unknown-do": (
        "如刚刚登记，请稍候：信息到达后本页会自动更新。",
        "If you have just registered, wait a moment: this page shows it as soon as it arrives.",
    ),
    "away": ("暂时读不到您的分数", "Your score cannot be read just now"),
    "away-more": (
        "您的分数没有变化，也没有丢失；存储暂时没有应答。",
        "It has not changed and is not lost: the store does not answer for the moment.",
    ),
    "away-do": ("请过一会儿再试。", "Please try again in a moment."),
    "again": ("重试", "Try again"),
    "home": ("返回首页", "To the first page"),
    "problem-not-signed-in": ("请先登录。", "Please sign in first."),
    "problem-session-forged": (
        "这次登录不是由本站签发的，或已被改动，因此不予承认。",
        "This sign-in was not issued here, or was changed since, and is not accepted.",
    ),
    "problem-session-expired": (
        "为了您的安全，登录很快会到期。请重新登录。",
        "To keep you safe, each sign-in ends after a short while. Please sign in again.",
    ),
    "problem-form-not-ours": (
        "这份表单不是从您打开的页面提交的。请回到首页再试。",
        "This form did not come from the page you opened. Go back and send it from there.",
    ),
    "problem-sign-in-refused": (
        "身份认证没有完成，或不是在这个浏览器里最后开始的那一次。请重新登录。",
        "The sign-in was refused, or is not the last one begun in this browser. Please begin again.",
    ),
    "problem-no-identity": (
        "身份认证没有给出有效的身份证号。请使用已实名的账号。",
        "The identity service gave no valid identity number. Use an account with a verified real name.",
    ),
    "problem-provider-away": (
        "身份认证服务暂时没有应答，请稍后再试。",
        "The identity service does not answer. Please try again in a moment.",
    ),
    "problem-not-your-record": (
        "您没有这个编号的记录。只能对自己的记录提出异议或申请修复。",
        "You have no record with this number. Only your own records can be disputed or repaired.",
    ),
    "problem-already-done": ("已经提交过，正在处理，无需再次提交。", "This is filed already and being looked into."),
    "problem-repair-too-early": (
        "还不到申请修复的日期：{day}起可以申请。",
        "It is too early: a repair can be applied for from {day} on.",
    ),
    "problem-not-repairable": (
        "这条记录无需或不能申请修复：它没有扣分、已经修复，或到期自动终止。",
        "There is nothing to apply for: the record lowers nothing, is repaired, or ends by itself.",
    ),
    "problem-consent-unchanged": (
        "您的授权已经是这样，什么都没有改变。",
        "Your consent is so already, so nothing was changed.",
    ),
    "problem-event-gone": (
        "读不到这条记录的原始事件。请向市信用中心提出，他们保存着它。",
        "The original event cannot be read any more. Turn to the city credit centre, which keeps it.",
    ),
    "problem-not-taken": (
        "暂时无法提交，什么都没有改变。请稍后再试。",
        "It could not be filed now, and nothing was changed. Please try again in a moment.",
    ),
    "problem-bad-request": (
        "请求有误。请回到首页再试。",
        "Something in the request is wrong. Go back and try again.",
    ),
    "problem-not-found": ("没有这个页面。", "There is no such page."),
    "problem-fault": (
        "这是本站的故障，不是您的问题。请稍后再试。",
        "This is a fault of ours, not of yours. Please try again in a moment.",
    ),
    "problem-title": ("这一步没有完成", "That did not work"),
    "problem-title-session": ("请重新登录", "Please sign in again"),
}


def text(language: Language, name: str, **values: Any) -> str:
    """Return a text with its values; days are written as the language does."""
    said = {key: written(language, value) if isinstance(value, date) else value for key, value in values.items()}
    return _TEXTS[name][LANGUAGES.index(language)].format(**said)


def written(language: Language, day: date) -> str:
    """Return a day as people write it."""
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def told(language: Language, words: Words) -> str:
    """Return what the scorer says, its days written as people write them."""
    return _DAY.sub(lambda found: written(language, date.fromisoformat(found[0])), words.of(language))


def instant(language: Language, at: datetime) -> str:
    """Return a day and a time of the city as people write them."""
    here = at.astimezone(CITY_TIMEZONE)
    return f"{written(language, here.date())} {here:%H:%M}"


def signed(points: int) -> str:
    """Return points with their sign: a real minus, which is as wide as a plus."""
    return f"{points:+d}".replace("-", "−") if points else "0"


def language_of(accepted: str) -> Language:
    """Return the language that a browser's Accept-Language likes best; Chinese where it likes neither."""
    best: tuple[float, Language] = (0.0, "zh")
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";q=")
        weight = _weight(quality)
        for language in LANGUAGES:
            if tag.lower().split("-")[0] == language and weight > best[0]:
                best = (weight, language)
    return best[1]


def _weight(quality: str) -> float:
    try:
        return float(quality) if quality else 1.0
    except ValueError:
        return 0.0
