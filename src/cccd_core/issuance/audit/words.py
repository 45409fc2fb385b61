"""A trail in words, English and Vietnamese: what people read of entries and of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from cccd_core.country.clock import VIETNAM
from cccd_core.issuance.audit.chain import Recorded
from cccd_core.issuance.audit.entry import Kind, Role
from cccd_core.issuance.audit.findings import Finding, Verification, Wrong

HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("no.", "time", "who", "what", "dossier", "card", "person", "number", "order", "reason"),
    "vi": ("số", "thời gian", "người thực hiện", "việc", "hồ sơ", "thẻ", "người", "số lượng", "theo lệnh", "lý do"),
}

_KINDS: Mapping[str, Mapping[Kind, str]] = {
    "en": {
        Kind.DOSSIER: "dossier", Kind.CARD: "card", Kind.REVIEW: "review", Kind.CORRECTION: "correction",
        Kind.SEARCH: "search", Kind.READING: "reading", Kind.ACCESS: "access",
    },
    "vi": {
        Kind.DOSSIER: "hồ sơ", Kind.CARD: "thẻ", Kind.REVIEW: "xét duyệt", Kind.CORRECTION: "đính chính",
        Kind.SEARCH: "tra cứu", Kind.READING: "đọc dữ liệu", Kind.ACCESS: "quyền truy cập",
    },
}  # fmt: skip
_ROLES: Mapping[str, Mapping[Role, str]] = {
    "en": {role: role.value for role in Role},
    "vi": {
        Role.OPERATOR: "cán bộ tiếp nhận", Role.ADJUDICATOR: "cán bộ xét duyệt", Role.FACTORY: "xưởng sản xuất thẻ",
        Role.INSPECTOR: "thanh tra", Role.ADMINISTRATOR: "quản trị", Role.AUDITOR: "kiểm toán",
    },
}  # fmt: skip
_ACTS_VI: Mapping[str, str] = {
    "verified": "đã in thẻ và kiểm tra", "rejected": "từ chối", "duplicate": "trùng với người đã có",
    "review": "chờ người xét duyệt", "failed": "chưa làm được", "unique": "không trùng với ai",
    "received": "đã tiếp nhận", "sound": "hợp lệ", "done": "đã xong", "search": "tra cứu vân tay",
    "shown": "đã xem", "listed": "đã xem danh sách", "exported": "xuất dữ liệu", "vote": "cho ý kiến",
    "settled": "đã quyết định", "reopened": "mở lại", "removed": "xóa khỏi kho", "replaced": "thay vân tay",
    "renamed": "đổi mã", "merged": "gộp người", "units_changed": "sửa danh sách đơn vị", "moved": "chuyển trạng thái",
    "card_read": "đọc thẻ", "card_verified": "kiểm tra thẻ", "fee": "ghi lệ phí",
    "role_given": "giao vai trò", "role_taken": "thu hồi vai trò", "inspected": "thanh tra", "issue": "chạy cấp thẻ",
    "opened": "mở vụ việc", "person": "xem một người", "remove": "xóa khỏi sổ và kho", "replace": "thay vân tay",
    "merge": "gộp hai người", "split": "tách vân tay", "candidate": "người có thể trùng", "added": "thêm vào kho",
    "counted": "xem số liệu kho", "withdrawals_listed": "xem danh sách người đã xóa hoặc sửa",
    "indexed": "lập chỉ mục", "compacted": "xóa hẳn dữ liệu đã gỡ", "checked_whole": "kiểm tra toàn bộ",
    "key_changed": "đổi khóa mã hóa", "gallery_made": "lập kho", "join": "đối chiếu tất cả với tất cả",
    "measured": "đo độ chính xác tra cứu", "batch_received": "tiếp nhận lô hồ sơ", "acts_listed": "xem danh sách lệnh",
    "rights_installed": "cài quyền trên máy chủ", "images_opened": "mở ảnh vân tay",
    "people_reported": "lập báo cáo có tên người", "steps_recorded": "ghi các bước từ tệp",
    "answer_shown": "xem lại kết quả tra cứu",
}  # fmt: skip
_WRONG_VI: Mapping[Wrong, str] = {
    Wrong.NOT_A_TRAIL: "dòng đầu không phải của một nhật ký kiểm toán, hoặc đã bị sửa",
    Wrong.OTHER_TRAIL: "đây là một nhật ký khác với nhật ký được hỏi",
    Wrong.ALTERED: "mục này đã bị sửa",
    Wrong.MISSING: "mục này đã bị mất",
    Wrong.INSERTED: "ở đây có một mục chưa có khi khóa ký",
    Wrong.REPEATED: "ở đây một mục xuất hiện lần thứ hai",
    Wrong.REORDERED: "mục này đứng ở chỗ khác với khi được ghi",
    Wrong.BLOCK_ALTERED: "khối chữ ký trước mục này đã bị sửa",
    Wrong.BLOCK_MISSING: "khối chữ ký trước mục này đã bị mất",
    Wrong.OTHER_KEY: "khối trước mục này do một khóa khác ký",
    Wrong.NOT_SIGNED_SO: "chữ ký của khối trước mục này không phải của khóa",
    Wrong.CUT_OFF: "mốc neo biết nhiều mục hơn: từ mục này đã bị cắt, hoặc đây là bản sao cũ",
    Wrong.REWRITTEN: "mốc neo biết các mục khác cho đến số này: nhật ký đã bị viết lại",
    Wrong.ANCHOR_NOT_SIGNED_SO: "một mốc neo của nhật ký này không do khóa được đưa ra ký",
    Wrong.NO_ANCHOR: "không mốc neo nào thuộc nhật ký này",
    Wrong.UNGUARDED: "các bảng của nhật ký không còn như khi được tạo: phần cấm sửa dòng đã bị gỡ bỏ",
}
_LINES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "sound": "the trail holds: {entries} entries",
        "wrong": "THE TRAIL DOES NOT HOLD. First: entry {number}: {text}",
        "more": "also: entry {number}: {text}",
        "about": "trail {trail} of run {about}, version {version}, {blocks} signed blocks",
        "signed": "entries signed: {signed} of {entries}",
        "unsigned": "entries {first} to {entries} stand behind the last signed block: whoever can write the file could "
        "alter or remove them, and an anchor alone would tell",
        "untold": "signatures were not looked at: no certificate was given",
        "anchored": "entries that an anchor or a code bears out: {anchored}",
        "unanchored": "no anchor was given or fits: entries cut off the end would not be noticed",
        "torn": "the last line is torn: somebody was interrupted while writing it; it was never acknowledged",
        "back": "before entry {number} the clock was set back by {seconds} s; the order is that of the numbers",
        "left": "{left} lines behind entry {entries} were not looked at",
        "code": "code: {code}",
    },
    "vi": {
        "sound": "nhật ký nguyên vẹn: {entries} mục",
        "wrong": "NHẬT KÝ KHÔNG CÒN NGUYÊN VẸN. Trước hết: mục {number}: {text}",
        "more": "còn nữa: mục {number}: {text}",
        "about": "nhật ký {trail} của lượt {about}, phiên bản {version}, {blocks} khối đã ký",
        "signed": "số mục đã ký: {signed} trên {entries}",
        "unsigned": "các mục {first} đến {entries} đứng sau khối ký cuối cùng: ai ghi được tệp đều có thể sửa hoặc "
        "xóa, chỉ mốc neo mới biết",
        "untold": "chưa kiểm tra chữ ký: không có chứng thư nào được đưa ra",
        "anchored": "số mục được mốc neo hoặc mã xác nhận: {anchored}",
        "unanchored": "không có mốc neo phù hợp: nếu phần cuối bị cắt thì không nhận ra được",
        "torn": "dòng cuối bị dở dang: việc ghi bị ngắt; dòng ấy chưa từng được xác nhận",
        "back": "trước mục {number} đồng hồ bị chỉnh lùi {seconds} giây; thứ tự là theo số",
        "left": "{left} dòng sau mục {entries} chưa được xem",
        "code": "mã: {code}",
    },
}
_SHOWN = 20


def row(recorded: Recorded, language: str) -> tuple[str, ...]:
    """An entry as a row under `HEADS`; the time is Vietnam's."""
    entry = recorded.entry
    who = "" if entry.actor is None else f"{entry.actor.name} ({_ROLES[language][entry.actor.role]})"
    act = _ACTS_VI.get(entry.what, entry.what) if language == "vi" else entry.what.replace("_", " ")
    if entry.of is not None:
        act = f"{act} ({'mục' if language == 'vi' else 'entry'} {entry.of})"
    at = recorded.at.astimezone(VIETNAM)
    return (
        str(recorded.number), f"{at:%Y-%m-%d %H:%M:%S}", who, f"{_KINDS[language][entry.kind]}: {act}",
        entry.dossier or "", entry.card or "", _short(entry.person), "" if entry.count is None else str(entry.count),
        entry.order or "", (entry.reason or "").replace("_", " "),
    )  # fmt: skip


def _short(person: str | None) -> str:
    """A digest by its first digits: whoever needs all of them takes JSON."""
    return "" if person is None else f"{person[:23]}…" if person.startswith("sha256:") else person


def verdict(found: Verification, language: str) -> Iterator[str]:
    """What a verification found, the most important line first."""
    lines = _LINES[language]
    values = {**found.as_dict(), "first": found.signed + 1, "left": found.left}
    if found.sound:
        yield lines["sound"].format(**values)
    for place, one in enumerate(found.findings[:_SHOWN]):
        yield lines["more" if place else "wrong"].format(number=one.number, text=_told(one, language))
    if found.left:
        yield lines["left"].format(**values)
    if found.trail is not None:
        yield lines["about"].format(**values)
    if not found.keys_given:
        yield lines["untold"]
    else:
        yield lines["signed"].format(**values)
        if found.unsigned and found.sound:
            yield lines["unsigned"].format(**values)
    yield lines["anchored" if found.anchored else "unanchored"].format(**values)
    if found.torn:
        yield lines["torn"]
    for number, seconds in list(found.back.items())[:_SHOWN]:
        yield lines["back"].format(number=number, seconds=f"{seconds:.0f}")
    if found.code is not None and found.sound:
        yield lines["code"].format(**values)


def _told(finding: Finding, language: str) -> str:
    text = _WRONG_VI[finding.what] if language == "vi" else finding.what.text
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in finding.facts.items())
    return f"{text} ({facts})" if facts else text
