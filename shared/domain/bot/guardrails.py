"""Guardrails of the bot: messages that ask for a person or for an action, misunderstandings, pictures."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from shared.domain.common.text_folding import fold

# Pronouns, negations and verbs of request, with their short forms.
_WORDS = {
    "ME": "(?:em|e|minh|mk|toi|t|chi|c|anh|a|bac|co|chu|ban|vo|chong|me)",
    "NO": "(?:khong|ko|k|hok|hong|kh)",
    "HELP": "(?:giup|dum|gium|ho)",
    "DO": "(?:huy|doi|xuat|hoan|sua|chuyen|(?:giao|gui|ship|lay) lai|len don|dat|giu|chot|cap nhat|thay|bu|xoa)",
}


def _any(phrases: str) -> re.Pattern[str]:
    """A pattern of any of the phrases, one per line; capitals stand for the words above."""
    lines = "|".join(line.strip() for line in phrases.strip().splitlines())
    return re.compile(r"\b(?:" + re.sub(r"\b[A-Z]{2,}\b", lambda found: _WORDS[found[0]], lines) + r")\b")


_PERSON = _any(r"""
    (?:gap|noi chuyen|noi chuyen voi|chat voi|chat truc tiep voi|noi voi|cho gap|cho ME gap) (?:\w+ )?(?:nhan vien|nv)
    (?:gap|noi chuyen|noi chuyen voi|chat voi|cho ME gap) (?:\w+ )?(?:nguoi|quan ly|ql|tu van vien|chu shop|admin)
    nguoi that
    (?:dung|khoi|thoi) (?:tra loi )?(?:tu dong|bot)
    NO (?:muon |can |thich )?(?:noi chuyen |chat )?(?:voi )?(?:bot|may|robot)
    goi (?:lai )?(?:cho|giup) ME
    (?:talk|speak|chat) (?:to|with) (?:a |an |the |some|your )?(?:\w+ )?(?:human|person|agent|manager|someone|staff)
    (?:real|actual) (?:human|person)
    human|agent
    (?:call|ring) me
""")
_NOT_THAT = _any(r"""
    NO phai (?:y |cai |the |vay |cau |dieu )?(?:ME|do|nay|kia|vay|the)
    NO dung y
    y ME (?:la|khac|muon)
    (?:chua|NO) hieu (?:dung )?(?:y )?ME
    hieu (?:sai|nham|lam)
    tra loi (?:sai|linh tinh|lung tung|lac de|NO dung)
    ME (?:dang )?hoi (?:cai |chuyen )?khac
    NO lien quan
    not what i (?:meant|asked|mean)
    (?:did not|didn t|didnt) answer
    wrong answer
    (?:do not|don t|dont|did not|didn t|didnt) understand
    misunder\w+
""")
_HOW = re.compile(r"\b(?:lam sao|the nao|ntn|cach|thu tuc|quy trinh|how (?:do|can|to))\b")
_DO_IT = _any(r"""
    DO(?: \w+){0,5} HELP(?: ME)?
    HELP(?: ME)? DO
    (?:nho|phien) (?:shop|tiem|ad|ban|nhan vien) DO
    (?:please|pls|plz|can you|could you|would you) (?:please |pls )?(?:cancel|change|exchange|refund|return|resend)
    (?:please|pls|plz|can you|could you|would you) (?:please |pls )?(?:issue|update|delete|remove|hold|book|replace)
""")
_ASKS = _any(r"""
    (?:bao|may|bn|bnhieu|nhieu) (?:lau|nhieu|gio|ngay|hom|bua|thang|nam|tien|tuan|phan tram|h|lan|diem|\d)
    bao nhieu|bn|bnhieu|khi nao|luc nao|chung nao|may gio|may h|lau khong
    (?:the|ra|lam|tinh|nhu the|thi|la) (?:nao|sao)|ntn|kieu gi|cach nao
    (?:bang|lam|can|la|duoc|co|mat) gi|gi (?:a|vay|v|z|the|khong)
    o dau|cho nao|dau (?:a|vay|v|z)|(?:bai|noi|trang|hang|loai|mon|don vi|ben|ai) nao
    co (?:\w+ ){0,6}NO|(?:duoc|dc|phai) NO|chua (?:a|vay|v|z|shop)
    how|what|when|where|which|who|can (?:i|you)|do (?:i|you)|does|is (?:it|there|my|the)|are (?:you|there)|may i
""")
_ENDS_ASKING = _any(r"""
    (?:NO|hem|hum|hk|chua|sao|the nao|ha|nhi|dau|nao)(?: (?:a|ah|ak|shop|sp|em|ad|ban|vay|v|z|the|ta|nhi|oi|nha|minh))*$
""")
_TRANSFER = _any(r"""
    chuyen (?:khoan|tien)
    (?:da|vua|moi) chuyen
    ck|bank|banking|bill|momo|vnpay|qr|coc
    thanh toan
    bien lai
    transfer(?:red)?|transaction|paid|payment|receipt
""")


def plain(text: str) -> str:
    """A message for these rules: folded, words separated by one space."""
    return " ".join("".join(char if char.isalnum() else " " for char in fold(text)).split())


def asks_for_person(plain_text: str) -> bool:
    return bool(_PERSON.search(plain_text))


def was_misunderstood(plain_text: str) -> bool:
    return bool(_NOT_THAT.search(plain_text))


def wants_something_done(plain_text: str) -> bool:
    """Whether the message asks for an action, not how it is done."""
    return bool(_DO_IT.search(plain_text)) and not _HOW.search(plain_text)


def asks_something(text: str) -> bool:
    """Whether a message reads as a question; statements and demands are for agents, however similar to the FAQ."""
    plain_text = plain(text)
    return "?" in text or bool(_ASKS.search(plain_text)) or bool(_ENDS_ASKING.search(plain_text))


def needs_looking_at(attachments: Sequence[str]) -> bool:
    """Whether an agent has to look at or listen to an attachment; a sticker does not count."""
    return any(kind != "sticker" for kind in attachments)


def shows_a_transfer(plain_text: str, intent: str, payments: Collection[str]) -> bool:
    """Whether a picture is meant as proof of a bank transfer: by its words, or without words if a transfer is
    awaited."""
    return (
        intent == "payment_problem" or bool(_TRANSFER.search(plain_text)) or (not plain_text and "transfer" in payments)
    )
