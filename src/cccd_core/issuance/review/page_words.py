"""What the page of a case says beside its data, Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from cccd_core.country.grounds import GROUNDS
from cccd_core.issuance.dossiers.reasons import Holder
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.store import CardStatus
from cccd_core.issuance.review.gathered import Source

Two: TypeAlias = tuple[str, str]

SOURCES: Final[Mapping[Source, Two]] = {
    Source.KEPT: ("Lời khai và ảnh được giữ cùng vụ việc, đã mã hóa.", "Text and portrait are kept with the case."),
    Source.BATCH: (
        "Lời khai và ảnh được đọc lại từ lô hồ sơ, đúng như khi nộp.",
        "Text and portrait were read again from a batch, as they were handed in.",
    ),
    Source.SEALED: (
        "Lời khai và ảnh đang được niêm phong: chạy lại lệnh này với --review-key KHÓA.",
        "Text and portrait are sealed: run this command again with --review-key KEY.",
    ),
    Source.NOT_KEPT: (
        "Không giữ lời khai và ảnh. Chạy lại lệnh này với --batch LÔ (nơi còn hồ sơ), hoặc cccd issue với "
        "--keep-reviews KHÓA để giữ cho các vụ việc sau.",
        "No text or portrait is kept. Run this command again with --batch BATCH, where the dossier still is, or "
        "cccd issue with --keep-reviews KEY, which keeps them for later cases.",
    ),
    Source.CHANGED: (
        "Lô có hồ sơ mang số này nhưng không đúng như hồ sơ đã xử lý, nên không hiển thị.",
        "The batch has a dossier of this id, but not proved to be as it was, so it is not shown.",
    ),
    Source.GONE: (
        "Đã đăng ký từ trước: hệ thống không giữ lời khai và ảnh, chỉ có vân tay và thẻ. Hồ sơ gốc ở đơn vị tiếp nhận; "
        "nếu còn lô hồ sơ cũ, chạy lại với --batch LÔ.",
        "Enrolled earlier: no text or portrait is kept of them, only fingers and cards. The file itself is at the unit "
        "that took it in; where its batch is still there, run this command again with --batch BATCH.",
    ),
    Source.UNKNOWN: (
        "Người đã đăng ký mà không rõ bằng hồ sơ nào: chỉ có vân tay.",
        "Somebody enrolled by no dossier that is known: there are fingers alone.",
    ),
}
STATES: Final[Mapping[State, Two]] = {
    State.RECEIVED: ("đã tiếp nhận", "received"),
    State.CHECKED: ("đã kiểm tra", "checked"),
    State.SEARCHED: ("đã tra cứu", "searched"),
    State.IN_REVIEW: ("chờ quyết định", "in review"),
    State.APPROVED: ("được duyệt", "approved"),
    State.SIGNED: ("đã ký số", "signed"),
    State.WRITTEN: ("đã ghi thẻ", "written"),
    State.VERIFIED: ("đã kiểm chứng thẻ", "verified"),
    State.DISPATCHED: ("đã gửi thẻ", "dispatched"),
    State.HANDED_OVER: ("đã trao thẻ", "handed over"),
    State.RETURNED: ("thẻ bị trả lại", "returned"),
    State.REJECTED: ("bị từ chối", "rejected"),
    State.WITHDRAWN: ("đã rút", "withdrawn"),
    State.CANCELLED: ("đã hủy", "cancelled"),
}
CARDS: Final[Mapping[CardStatus, Two]] = {
    CardStatus.UNDER_WAY: ("đang làm", "under way"),
    CardStatus.VALID: ("còn hiệu lực", "valid"),
    CardStatus.SUPERSEDED: ("đã được thay bằng thẻ khác", "superseded"),
}
HOLDERS: Final[Mapping[Holder, str]] = {
    Holder.SAME: "vân tay đúng là của người mang số này",
    Holder.UNSURE: "vân tay có thể là của người mang số này",
    Holder.MIRRORED: "vân tay khớp với người mang số này nhưng là ảnh phản chiếu",
    Holder.REARRANGED: "vân tay khớp với người mang số này nhưng ở vị trí khác, như khi hai bàn tay bị đổi cho nhau",
    Holder.OTHER: "vân tay không phải của người mang số này",
    Holder.NO_FINGERS: "số này có vân tay đã lưu, hồ sơ thì không có",
    Holder.NO_RECORD: "số này chưa có vân tay nào được lưu",
    Holder.REMOVED: "dữ liệu vân tay của số này đã được xóa theo lệnh",
}
_SEXES: Final[Mapping[str, Two]] = {"M": ("Nam", "male"), "F": ("Nữ", "female")}
KINDS: Final[Mapping[str, Two]] = {
    "new": ("cấp mới", "new"),
    "exchange": ("cấp đổi", "exchange"),
    "reissue": ("cấp lại", "reissue"),
}
_GROUNDS: Final = {
    "renewal_age": "đủ tuổi phải đổi thẻ",
    "name_or_birth_changed": "thay đổi họ, tên hoặc ngày sinh",
    "appearance_or_sex_changed": "thay đổi nhân dạng, vân tay, hoặc xác định lại giới tính",
    "printed_error": "sai sót in trên thẻ",
    "unit_rearranged": "sắp xếp lại đơn vị hành chính",
    "number_established_anew": "xác lập lại số định danh",
    "holder_request": "theo yêu cầu của công dân",
    "lost": "mất thẻ",
    "damaged": "thẻ hỏng",
    "nationality_regained": "trở lại quốc tịch Việt Nam",
}
_GROUNDS_SAID: Final[Mapping[str, Two]] = {
    name: (_GROUNDS[name], said) for grounds in GROUNDS.values() for name, said in grounds.items()
}
NAMED: Final[Mapping[str, Mapping[str, Two]]] = {"sex": _SEXES, "kind": KINDS, "grounds": _GROUNDS_SAID}
"""What the values of these fields mean."""
FIELDS: Final[Mapping[str, Two]] = {
    "full_name": ("Họ và tên", "Full name"),
    "birth_date": ("Ngày sinh", "Date of birth"),
    "sex": ("Giới tính", "Sex"),
    "personal_number": ("Số định danh", "Personal number"),
    "old_number": ("Số cũ", "Former number"),
    "nationality": ("Quốc tịch", "Nationality"),
    "ethnicity": ("Dân tộc", "Ethnicity"),
    "religion": ("Tôn giáo", "Religion"),
    "place_of_origin": ("Quê quán", "Place of origin"),
    "place_of_residence": ("Nơi thường trú", "Place of residence"),
    "marks": ("Đặc điểm nhận dạng", "Distinguishing marks"),
    "father": ("Họ tên cha", "Father"),
    "mother": ("Họ tên mẹ", "Mother"),
    "spouse": ("Họ tên vợ hoặc chồng", "Spouse"),
    "kind": ("Loại hồ sơ", "Kind of dossier"),
    "grounds": ("Lý do cấp", "Grounds"),
    "former_card": ("Thẻ trước đây", "Card from before"),
    "captured_at": ("Thời gian thu nhận", "Captured at"),
    "operator": ("Người nhập hồ sơ", "Entered by"),
    "missing_fingers": ("Ngón không thu nhận được", "Fingers that cannot be captured"),
}
"""The fields of a dossier that are compared, in their order on the page."""
