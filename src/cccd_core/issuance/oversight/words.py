"""Findings in words, Vietnamese and English, with the numbers that made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cccd_core.issuance.oversight.findings import Finding, Kind
from cccd_core.issuance.oversight.inspecting import NO_FEES, NO_VOTES, NOT_VERIFIED

_WORDS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.FEE_OFF_TARIFF: (
        "{actor} thu sai biểu lệ phí {count} trên {of} hồ sơ (miễn: {exempt}), chênh lệch tổng cộng {over_dong} "
        "đồng; ví "
        "dụ hồ sơ {dossier} ({dossier_kind}) ngày {day} thu {paid} đồng, biểu lệ phí {tariff}",
        "{actor} took a fee off the tariff for {count} of {of} dossiers (exempt: {exempt}), {over_dong} dong over "
        "in all; "
        "dossier {dossier} ({dossier_kind}) for one paid {paid} dong on {day} where the tariff has {tariff}",
    ),
    Kind.NO_FEE: (
        "{count} hồ sơ đã trả thẻ mà không ghi lệ phí, cũng không ghi lý do miễn; ví dụ hồ sơ {dossier}",
        "{count} dossiers were handed over without a fee, or why none was asked; dossier {dossier} for one",
    ),
    Kind.OUT_OF_HOURS: (
        "{actor} làm {night} bước vào ban đêm ({from_hour} giờ đến {to_hour} giờ) và {off} bước vào ngày nghỉ, trên "
        "{of} "
        "bước tại quầy",
        "{actor} took {night} steps at night ({from_hour}:00 to {to_hour}:00) and {off} on days off, of {of} at a "
        "counter",
    ),
    Kind.REJECTS: (
        "{actor}: {rejected} trên {of} hồ sơ bị từ chối, những người khác cùng đơn vị {others_rejected} trên "
        "{of_others}; "
        "{than_vi} những người khác; xác suất ngẫu nhiên {chance}, sau hiệu chỉnh {adjusted} (ngưỡng {rate} cho "
        "toàn bộ)",
        "{actor}: {rejected} of {of} dossiers rejected, the others of the unit {others_rejected} of {of_others}; "
        "{than} "
        "than theirs; by chance {chance}, among all that were asked {adjusted} (named up to {rate})",
    ),
    Kind.AFTER_APPROVAL: (
        "{actor} đưa {count} hồ sơ đã duyệt trở lại, mở lại hoặc kết thúc; ví dụ hồ sơ {dossier}",
        "{actor} took back, opened again or ended {count} dossiers that were approved; dossier {dossier} for one",
    ),
    Kind.CLOCK_BEHIND: (
        "{actor}: {count} bước ghi giờ sớm hơn bước trước quá {over_s} giây, nhiều nhất {most_s} giây; ví dụ hồ sơ "
        "{dossier}",
        "{actor}: {count} steps told a time over {over_s} s before that of the step before, {most_s} s at the most; "
        "dossier "
        "{dossier} for one",
    ),
    Kind.VOTED_ON_OWN: (
        "{actor} cho ý kiến {count} lần về hồ sơ do chính mình nhập hoặc xử lý; ví dụ hồ sơ {dossier}",
        "{actor} voted {count} times on dossiers entered or moved by the same account; dossier {dossier} for one",
    ),
    Kind.VOTED_TOGETHER: (
        "{actor}: hai ý kiến đầu của {count} vụ cách nhau dưới {within_s} giây, ít nhất {least_s} giây, như một "
        "người dùng "
        "hai tài khoản; ví dụ hồ sơ {dossier}",
        "{actor}: the first two votes of {count} cases came within {within_s} s, {least_s} s at the least, as of "
        "one person "
        "with two accounts; dossier {dossier} for one",
    ),
    Kind.HANDED_OVER_AT_ONCE: (
        "{actor} trả {count} thẻ chưa được gửi, hoặc tự ghi gửi rồi trả trong vòng {within_s} giây; ví dụ hồ sơ "
        "{dossier}",
        "{actor} handed over {count} cards that were not dispatched, or were dispatched by the same account within "
        "{within_s} s before; dossier {dossier} for one",
    ),
    Kind.QUICK_APPROVAL: (
        "{actor} duyệt {count} hồ sơ chưa đầy {within_s} giây sau khi vào xét duyệt, nhanh nhất {least_s} giây; ví "
        "dụ hồ "
        "sơ {dossier}",
        "{actor} approved {count} dossiers less than {within_s} s after they came into review, {least_s} s at the "
        "least; "
        "dossier {dossier} for one",
    ),
}
_NOTES: Final[Mapping[str, str]] = {
    NO_FEES: "chưa ghi khoản lệ phí nào: không kiểm tra lệ phí",
    NO_VOTES: "tài khoản này không được xem ý kiến xét duyệt: không kiểm tra",
    NOT_VERIFIED: "biểu lệ phí chưa được đối chiếu với văn bản",
}
_THAN_VI: Final[Mapping[str, str]] = {"more": "nhiều hơn", "fewer": "ít hơn"}


def line(finding: Finding) -> tuple[str, str]:
    """A finding in a line, Vietnamese and English."""
    numbers = {name: f"{value:,}" if isinstance(value, int) else value for name, value in finding.numbers.items()}
    counts = {name: f"{value:,}".replace(",", ".") for name, value in finding.numbers.items() if isinstance(value, int)}
    values = {"actor": finding.actor, "dossier": finding.dossier, **numbers}
    values["than_vi"] = _THAN_VI.get(str(finding.numbers.get("than")), "")
    vietnamese, english = _WORDS[finding.kind]
    return (
        f"đơn vị {finding.unit}: {vietnamese.format(**{**values, **counts})}",
        f"unit {finding.unit}: {english.format(**values)}",
    )


def note(text: str) -> tuple[str, str]:
    """A note, Vietnamese and English."""
    return _NOTES[text], text
