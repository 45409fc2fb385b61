"""What a report calls things, Vietnamese and English: for people in a unit, who know no code words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from cccd_core.extraction.quality import Shortfall
from cccd_core.issuance.dossiers.reasons import (
    DuplicateReason,
    Failure,
    Fault,
    Oddity,
    RegisterReason,
    ReviewReason,
    SettledReason,
    ToDo,
)
from cccd_core.issuance.review import words
from cccd_core.issuance.review.page_words import FIELDS, NAMED
from cccd_core.issuance.runs.state import DossierState
from cccd_core.words import Word

Two: TypeAlias = tuple[str, str]

_REASONS: Final[Mapping[str, Two]] = {
    Fault.DOSSIER_UNREADABLE: (
        "Không đọc được tệp thông tin của hồ sơ: xuất lại từ phần mềm thu nhận",
        "The dossier's file of fields cannot be read: export it again",
    ),
    Fault.UNSAFE_PATH: (
        "Trong hồ sơ có liên kết hoặc tên tệp dẫn ra ngoài lô: chép lại các tệp thật",
        "A link or a name in the dossier leads out of the batch: copy the files themselves",
    ),
    Fault.DOSSIER_ID: (
        "Mã hồ sơ không hợp lệ, hoặc không giống mã trong tệp thông tin",
        "The dossier's id is not well formed, or its file says another one",
    ),
    Fault.DOSSIER_REPEATED: (
        "Một hồ sơ khác trong lô có cùng mã: đặt mã mới rồi nộp lại",
        "Another dossier of the batch has the same id: give it a new one",
    ),
    Fault.FIELD_MISSING: ("Thiếu một mục bắt buộc", "A required field is empty"),
    Fault.FIELD_TYPE: ("Một mục không đúng kiểu dữ liệu", "A field is of another type than it should be"),
    Fault.FIELD_VALUE: ("Một mục có giá trị không được phép", "A field has a value that is not allowed"),
    Fault.FIELD_LENGTH: ("Một mục dài quá mức cho phép", "A field is too long"),
    Fault.FIELD_REPEATED: ("Một mục được ghi hai lần", "A field stands twice"),
    Fault.NUMBER_STRUCTURE: (
        "Số định danh không đủ 12 chữ số hoặc ba số đầu không phải mã nơi đăng ký khai sinh",
        "The personal number is not 12 digits, or its first three are no place",
    ),
    Fault.NUMBER_SEX: ("Số định danh không hợp với giới tính đã khai", "The personal number says another sex"),
    Fault.NUMBER_BIRTH_YEAR: (
        "Số định danh không hợp với năm sinh đã khai",
        "The personal number says another year of birth",
    ),
    Fault.NAME_TEXT: (
        "Họ tên có ký tự không được phép, hoặc chữ trông giống chữ khác (Ð thay cho Đ)",
        "A name has a sign that no name has, or a letter that looks like another (Ð for Đ)",
    ),
    Fault.TEXT_CHARACTERS: (
        "Một mục có ký tự không được phép, hoặc chữ trông giống chữ khác (Ð thay cho Đ)",
        "A text has a sign that no text has, or a letter that looks like another (Ð for Đ)",
    ),
    Fault.DATE_VALUE: ("Một ngày không có thật hoặc không đúng dạng", "A date is no real one, or not well formed"),
    Fault.DATE_IN_FUTURE: ("Một ngày còn ở tương lai", "A date lies in the future"),
    Fault.DATE_ORDER: (
        "Hai ngày mâu thuẫn nhau (sinh, thu nhận, cấp, hết hạn)",
        "Two dates contradict each other (born, captured, issued, expires)",
    ),
    Fault.OLD_NUMBER: (
        "Số cũ không có 9 hoặc 12 chữ số, hoặc chính là số định danh",
        "The former number has neither 9 nor 12 digits, or is the personal number itself",
    ),
    Fault.GROUNDS: (
        "Lý do cấp không hợp với loại hồ sơ, hoặc thiếu lý do hay số định danh cũ",
        "The grounds do not belong to the kind of dossier, or they or the former number are missing",
    ),
    Fault.PORTRAIT_MISSING: ("Không có ảnh chân dung", "There is no portrait"),
    Fault.PORTRAIT_REPEATED: ("Có hơn một ảnh chân dung", "There is more than one portrait"),
    Fault.PORTRAIT_UNREADABLE: ("Không đọc được ảnh chân dung: chụp lại", "The portrait cannot be read: take it again"),
    Fault.PORTRAIT_SIZE: (
        "Ảnh chân dung quá nhỏ hoặc quá lớn: chụp lại",
        "The portrait is too small or too large: take it again",
    ),
    Fault.FINGER_POSITION: (
        "Tệp vân tay không mang tên của ngón nào (1 đến 10, hoặc 0 khi không rõ)",
        "A finger's file is named after no finger (1 to 10, or 0 where nobody knows it)",
    ),
    Fault.FINGER_REPEATED: (
        "Một ngón có hai tệp, hoặc một tệp dùng cho hai ngón",
        "One finger has two files, or one file stands for two fingers",
    ),
    Fault.FINGER_CONFLICT: (
        "Ngón đã ghi là không có mà vẫn nộp vân tay",
        "A finger that is noted as missing was handed in",
    ),
    Fault.FINGER_UNDESCRIBED: (
        "Thiếu độ phân giải hoặc kích thước của vân tay",
        "The resolution or size of a finger's file is missing",
    ),
    Fault.FINGER_VIEW: (
        "Tệp vân tay có nhiều ngón mà không có ngón của tên tệp",
        "A finger's file holds several fingers, and not the one of its name",
    ),
    Fault.UNREADABLE_FINGER: (
        "Không đọc được vân tay: thu nhận lại ngón này",
        "A finger cannot be read: capture it again",
    ),
    Fault.IMPLAUSIBLE_FINGER: (
        "Dữ liệu không phải là vân tay của một ngón: thu nhận lại",
        "What was handed in is no finger's print: capture it again",
    ),
    Fault.POOR_FINGER: (
        "Vân tay quá mờ nên không còn đủ ngón: thu nhận lại",
        "Fingers are too poor, so that too few are left: capture them again",
    ),
    Fault.TOO_MANY_FINGERS: ("Có hơn mười ngón tay", "There are more than ten fingers"),
    Fault.TOO_FEW_FINGERS: (
        "Không đủ ngón tay để tra cứu: thu nhận thêm",
        "There are too few fingers to search by: capture more",
    ),
    RegisterReason.ALREADY_ISSUED: (
        "Thẻ của hồ sơ này đã được cấp trước đây: không cần làm gì",
        "The card of this dossier was issued earlier: nothing is to be done",
    ),
    RegisterReason.DOSSIER_CHANGED: (
        "Hồ sơ cùng mã đã được nhận trước đây với nội dung khác: dùng mã mới",
        "A dossier of this id was accepted earlier and said something else: give it a new id",
    ),
    RegisterReason.NUMBER_REPEATED: (
        "Một hồ sơ trước trong lô đã dùng số này: chuyển hồ sơ này sang lô khác",
        "An earlier dossier of the batch has this number: hand this one in with another batch",
    ),
    RegisterReason.NUMBER_TAKEN: (
        "Số định danh đã thuộc về người khác: kiểm tra lại số",
        "The number is another person's already: check the number",
    ),
    RegisterReason.NUMBER_UNKNOWN: (
        "Cấp đổi hoặc cấp lại một số chưa ai có: kiểm tra lại số, hoặc khai thẻ cũ",
        "An exchange or reissue of a number that nobody has: check the number, or say what the former card was",
    ),
    RegisterReason.NUMBER_REPLACED: (
        "Số này đã được thay bằng số định danh mới: lập hồ sơ theo số mới",
        "The number was given up for a new one: make the dossier for the new number",
    ),
    RegisterReason.OLD_NUMBER_TAKEN: (
        "Số cũ đang thuộc về một người có thẻ: lập hồ sơ cấp đổi do xác lập lại số, hoặc sửa số cũ",
        "The former number is somebody's who has a card: make it an exchange for a number established anew, or correct "
        "the former number",
    ),
    RegisterReason.WITHDRAWN: ("Người dân đã rút hồ sơ", "The person withdrew the dossier"),
    RegisterReason.CANCELLED: ("Hồ sơ đã bị hủy theo lệnh", "The dossier was cancelled by an order"),
    RegisterReason.REJECTED_BY_HAND: (
        "Cán bộ đã từ chối hồ sơ trong sổ: hồ sơ khác cần mã riêng",
        "Somebody rejected the dossier in the register: another one needs an id of its own",
    ),
    ReviewReason.POSSIBLE_DUPLICATE: (
        "Có thể trùng với người khác, máy chưa đủ chắc chắn",
        "May be somebody who is enrolled; the search is not sure enough",
    ),
    ReviewReason.SAME_FINGER: (
        "Một ngón tay được nộp cho hai vị trí",
        "One finger was given for two positions, as it is or mirrored",
    ),
    ReviewReason.FINGER_IN_DOUBT: (
        "Có ngón tay đáng ngờ, hoặc không rõ là ngón nào",
        "Fingers that are hardly fingers, or that nobody knows the positions of",
    ),
    ReviewReason.OWN_RECORD_MISMATCH: (
        "Vân tay không khớp với người mang số này",
        "The fingers do not match the record of the dossier's own number",
    ),
    ReviewReason.TWO_RECORDS: (
        "Vân tay khớp với hai bản ghi: của số này và của số khác",
        "The fingers are those of two records: of this number and of another",
    ),
    ReviewReason.OWN_RECORD_REMOVED: (
        "Dữ liệu vân tay của số này đã bị xóa theo lệnh",
        "The record of this number was taken out of the gallery by an order",
    ),
    ReviewReason.NOT_SEARCHABLE: (
        "Không có ngón tay nào để tra cứu",
        "There is no finger that could be searched by",
    ),
    Failure.BATCH_CHANGED: (
        "Hồ sơ không còn trong lô, hoặc đã bị sửa: đặt lại đúng như cũ",
        "The dossier is not in the batch any more, or was changed: put it back as it was",
    ),
    Failure.CARD_WAITING: (
        "Không có thẻ phôi, hoặc thẻ rời đầu đọc: nạp thẻ",
        "No blank card could be had, or it kept leaving the reader: load cards",
    ),
    Failure.CARD_FAILED: (
        "Không ghi được thẻ, hoặc thẻ không kiểm chứng được: xem đầu đọc và thẻ phôi",
        "The card could not be written or did not prove itself: look at reader and blank cards",
    ),
    Failure.BUILD_FAILED: (
        "Không lập được dữ liệu cho chip: báo bộ phận kỹ thuật",
        "The chip's files could not be made: tell the technicians",
    ),
    Failure.SIGNER_TOO_SHORT: (
        "Không có chứng thư ký nào dài bằng hạn thẻ: xin cấp chứng thư mới",
        "No signer's certificate lasts as long as this card: have a new one certified",
    ),
    Failure.IN_OTHER_RUN: (
        "Một lần chạy khác chưa xong đang giữ hồ sơ này: chạy tiếp lần đó",
        "Another unfinished run holds this dossier: finish that one",
    ),
    DuplicateReason.DUPLICATE: (
        "Vân tay là của người đã có hồ sơ khác",
        "The fingers are those of somebody who has another dossier",
    ),
    SettledReason.SETTLED_SAME_PERSON: (
        "Đã quyết định: là người đã có hồ sơ khác",
        "People settled that it is somebody who has another dossier",
    ),
    SettledReason.SETTLED_CAPTURE_AGAIN: (
        "Đã quyết định: mời người dân đến thu nhận lại, lập hồ sơ mới",
        "People settled that the person is to come again: a new dossier is needed",
    ),
    SettledReason.SETTLED_REFUSED: (
        "Đã quyết định: không cấp thẻ cho hồ sơ này",
        "People settled that there is no card for this dossier",
    ),
    Oddity.OPERATOR_UNKNOWN: (
        "Tên cán bộ nhập hồ sơ không phải tên tài khoản, nên không loại được họ khỏi việc xét duyệt",
        "Who entered the dossier is no account's name, so that nothing keeps them from settling its case",
    ),
    Oddity.UNIT_UNKNOWN: (
        "Sổ không có đơn vị mà hồ sơ ghi: ghi vào đơn vị không rõ",
        "The register does not have the dossier's unit: it stands there under an unknown one",
    ),
    Oddity.UNKNOWN_FIELD: ("Có mục lạ, đã bỏ qua", "A field that is not known was ignored"),
    Oddity.UNKNOWN_FILE: ("Có tệp lạ, đã bỏ qua", "A file that is not known was ignored"),
    Oddity.TEXT_NOT_NFC: ("Chữ có dấu viết theo dạng khác, đã chuẩn hóa", "Accented letters were normalised"),
    Oddity.BIRTHPLACE_CODE_UNVERIFIED: (
        "Ba số đầu có thể là mã nước ngoài, chưa kiểm tra được",
        "The number's place may be a country, which cannot be checked",
    ),
    Oddity.TEXT_SPACES: ("Khoảng trắng thừa đã được bỏ", "Needless spaces were taken out"),
    Oddity.EXPIRY_NOT_BY_RULE: (
        "Ngày hết hạn khác với ngày theo tuổi đổi thẻ",
        "The expiry date is not the one by the renewal ages",
    ),
    Oddity.WEAK_FINGER: (
        "Một ngón quá mờ, không tính; các ngón khác đủ",
        "A finger too poor to count; the others are enough",
    ),
    Oddity.DOUBTFUL_FINGER: ("Có điều đáng ngờ ở một ngón tay", "Something of a finger is doubted"),
    Oddity.FINGER_FILE_ODD: ("Tệp vân tay có dạng khác thường, vẫn đọc được", "A finger's file is odd, and was read"),
    Oddity.UNPLACED_FINGER: (
        "Có ngón không rõ vị trí: chỉ để tra cứu, không lên chip",
        "A finger of unknown position: searched by, and on no chip",
    ),
    Oddity.SEVERAL_VIEWS: (
        "Tệp vân tay có nhiều lần lấy, dùng lần đầu",
        "A finger's file has several impressions; the first is used",
    ),
    Oddity.POSITION_DIFFERS: (
        "Tệp vân tay tự nói là ngón khác; tính theo tên tệp",
        "A finger's file says another finger; its name counts",
    ),
    Oddity.CARD_FROM_BEFORE: (
        "Thẻ cũ có từ trước sổ này, theo lời hồ sơ",
        "The former card is from before this register, as the dossier says",
    ),
    Oddity.NO_OWN_RECORD: (
        "Người mang số này chưa có vân tay để so",
        "No fingers of the number's holder are on record to compare with",
    ),
    Oddity.CAPTURE_AGAIN: ("Ảnh một ngón tay kém: nên thu nhận lại", "A finger's image is poor: better captured again"),
    Oddity.IMAGE_UNUSED: (
        "Ảnh vân tay không dùng được, dùng mẫu đi kèm",
        "A finger's image cannot be used; its template is",
    ),
    Oddity.PORTRAIT_CONVERTED: ("Ảnh chân dung được chuyển dạng cho chip", "The portrait was converted for the chip"),
}
WITHOUT_UNIT: Final[Two] = (
    "Hồ sơ không ghi đơn vị: ghi đơn vị, hoặc dùng --unit",
    "The dossier names no unit: give --unit",
)
UNKNOWN_UNIT: Final[Two] = (
    "Hồ sơ ghi một đơn vị chưa có trong sổ: xem cccd register units",
    "The dossier names a unit that the register does not have: see cccd register units",
)
OTHER_UNIT: Final[Two] = (
    "Hồ sơ ghi một đơn vị không thuộc tài khoản này",
    "The dossier names a unit that is not this account's",
)
TO_DO: Final[Mapping[ToDo, str]] = {
    ToDo.DESTROY: "hủy thẻ và thu hồi hiệu lực",
    ToDo.TAKE_IN: "thu hồi hiệu lực; thu lại khi trao thẻ mới rồi hủy",
    ToDo.REVOKE: "thu hồi hiệu lực; hủy khi tìm thấy hoặc được nộp lại",
}
STATES: Final[Mapping[DossierState, Two]] = {
    DossierState.RECEIVED: ("chưa kiểm tra", "not checked yet"),
    DossierState.SOUND: ("chưa tra cứu", "not searched yet"),
    DossierState.UNIQUE: ("chưa làm thẻ", "no card made yet"),
    DossierState.REJECTED: ("không nhận", "rejected"),
    DossierState.DUPLICATE: ("trùng", "duplicates"),
    DossierState.REVIEW: ("chờ người quyết định", "in review"),
    DossierState.VERIFIED: ("đã có thẻ", "card made and proved"),
    DossierState.FAILED: ("chưa xong", "failed"),
}
STAGES: Final[Mapping[str, Two]] = {
    "check": ("kiểm tra", "check"),
    "search": ("tra cứu", "search"),
    "build": ("lập dữ liệu", "build"),
    "sign": ("ký số", "sign"),
    "write": ("ghi thẻ", "write"),
    "verify": ("kiểm chứng", "verify"),
}
SHORTFALLS: Final[Mapping[Shortfall, Two]] = {
    Shortfall.FEW_MINUTIAE: (
        "quá ít điểm đặc trưng: đặt cả bụng ngón tay lên kính, không chỉ đầu ngón",
        Shortfall.FEW_MINUTIAE.advice,
    ),
    Shortfall.SMALL: (
        "phần ngón tay quá nhỏ: ấn phẳng, vào giữa mặt kính",
        Shortfall.SMALL.advice,
    ),
    Shortfall.SMUDGED: (
        "đường vân nhòe hoặc đứt: lau tay và mặt kính; tay khô thì làm ẩm, tay ướt thì lau khô",
        Shortfall.SMUDGED.advice,
    ),
}
_WHERE: Final[Mapping[str, Two]] = {
    "dossier": ("tệp thông tin", "the file of fields"),
    "dossier.json": ("tệp thông tin", "the file of fields"),
    "portrait": ("ảnh chân dung", "the portrait"),
    "fingers": ("các ngón tay", "the fingers"),
    "issue_date": ("Ngày cấp", "Date of issue"),
    "expiry_date": ("Ngày hết hạn", "Date of expiry"),
    "unit": ("Đơn vị", "Unit"),
    "dossier_id": ("Mã hồ sơ", "Id of the dossier"),
    "templates": ("ghi chú về vân tay", "notes on the fingers"),
}


def reason(word: str | None) -> Two:
    """Why a dossier is where it is, or what is odd of it: by its word, as figures are counted under it as well."""
    if word is None:
        return "", ""
    plain = word.text if isinstance(word, Word) else word.replace("_", " ")  # of another version's run
    return _REASONS.get(word, (plain, plain))


def grounds(word: str | None) -> Two:
    """Why a card is replaced, or no good; nothing where it is not said."""
    if word is None:
        return "", ""
    if word == RegisterReason.CANCELLED:
        return reason(RegisterReason.CANCELLED)
    vietnamese, english = NAMED["grounds"].get(
        word, ("thẻ hỏng khi làm, sau khi đã khóa", "spoiled in making, after it was locked")
    )
    return vietnamese, english.partition(" (")[0]  # what stands in brackets is for who writes dossiers


def where(field: str) -> Two:
    """What of a dossier is meant: one of its fields, its portrait, a finger, or the name of a file."""
    found = FIELDS.get(field) or _WHERE.get(field)
    if found is not None:
        return found
    name = field.rpartition("/")[2]
    if field.startswith("fingers"):
        position = name.partition(".")[0]
        if position.isascii() and position.isdigit() and 1 <= int(position) <= 10:
            return words.finger(int(position))
        if position.partition("-")[0] == "0":
            return words.finger(0)
    return name, name
