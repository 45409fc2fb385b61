"""Names, places and groups, with how often they occur. Plain data.

Family names of the Kinh: shares as in Lê Trung Hoa, Họ và tên người Việt Nam (1992, rev. 2005). Groups: General
Statistics Office, population and housing census of 1 April 2019. Province codes: Circular 07/2016/TT-BCA, annex 1.
"""

PROVINCES = {
    "001": "Hà Nội", "002": "Hà Giang", "004": "Cao Bằng", "006": "Bắc Kạn", "008": "Tuyên Quang", "010": "Lào Cai",
    "011": "Điện Biên", "012": "Lai Châu", "014": "Sơn La", "015": "Yên Bái", "017": "Hòa Bình", "019": "Thái Nguyên",
    "020": "Lạng Sơn", "022": "Quảng Ninh", "024": "Bắc Giang", "025": "Phú Thọ", "026": "Vĩnh Phúc", "027": "Bắc Ninh",
    "030": "Hải Dương", "031": "Hải Phòng", "033": "Hưng Yên", "034": "Thái Bình", "035": "Hà Nam", "036": "Nam Định",
    "037": "Ninh Bình", "038": "Thanh Hóa", "040": "Nghệ An", "042": "Hà Tĩnh", "044": "Quảng Bình", "045": "Quảng Trị",
    "046": "Thừa Thiên Huế", "048": "Đà Nẵng", "049": "Quảng Nam", "051": "Quảng Ngãi", "052": "Bình Định",
    "054": "Phú Yên", "056": "Khánh Hòa", "058": "Ninh Thuận", "060": "Bình Thuận", "062": "Kon Tum", "064": "Gia Lai",
    "066": "Đắk Lắk", "067": "Đắk Nông", "068": "Lâm Đồng", "070": "Bình Phước", "072": "Tây Ninh", "074": "Bình Dương",
    "075": "Đồng Nai", "077": "Bà Rịa - Vũng Tàu", "079": "Hồ Chí Minh", "080": "Long An", "082": "Tiền Giang",
    "083": "Bến Tre", "084": "Trà Vinh", "086": "Vĩnh Long", "087": "Đồng Tháp", "089": "An Giang", "091": "Kiên Giang",
    "092": "Cần Thơ", "093": "Hậu Giang", "094": "Sóc Trăng", "095": "Bạc Liêu", "096": "Cà Mau",
}  # fmt: skip

MUNICIPALITIES = frozenset({"001", "031", "048", "079", "092"})  # the cities under the central government

# Where people are born, in proportion to the census of 2019 where it differs much from equal shares.
PROVINCE_WEIGHTS = {"001": 8.0, "079": 9.0, "038": 3.6, "040": 3.3, "075": 3.1, "074": 2.4, "031": 2.0, "089": 1.9}

FAMILY_NAMES = {
    "Nguyễn": 38.4, "Trần": 11.0, "Lê": 9.5, "Phạm": 7.1, "Hoàng": 2.6, "Huỳnh": 2.5, "Phan": 4.5, "Vũ": 1.6,
    "Võ": 2.3, "Đặng": 2.1, "Bùi": 2.0, "Đỗ": 1.4, "Hồ": 1.3, "Ngô": 1.3, "Dương": 1.0, "Lý": 0.5, "Đinh": 0.9,
    "Đoàn": 0.8, "Trương": 0.9, "Lương": 0.6, "Mai": 0.6, "Trịnh": 0.5, "Đào": 0.5, "Cao": 0.4, "Hà": 0.4, "Tạ": 0.3,
    "Lâm": 0.4, "Phùng": 0.3, "Tô": 0.2, "Châu": 0.2, "Thái": 0.2, "Quách": 0.1, "Kiều": 0.1, "Nghiêm": 0.1,
    "Tôn Thất": 0.05, "Âu Dương": 0.02,
}  # fmt: skip

MIDDLE_NAMES = {
    "M": {
        "Văn": 30, "Đức": 7, "Hữu": 6, "Quang": 6, "Minh": 7, "Xuân": 4, "Ngọc": 4, "Anh": 3, "Thanh": 4, "Công": 3,
        "Đình": 4, "Tuấn": 3, "Gia": 4, "Hoàng": 4, "Quốc": 4, "Trọng": 2, "Duy": 3, "Bá": 1, "Viết": 1, "": 3,
    },
    "F": {
        "Thị": 38, "Thị Thanh": 5, "Thị Ngọc": 5, "Thị Thu": 5, "Thị Kim": 4, "Ngọc": 6, "Thanh": 5, "Thu": 3,
        "Bích": 2, "Phương": 4, "Khánh": 3, "Thùy": 4, "Minh": 4, "Hồng": 3, "Mỹ": 3, "Diệu": 1, "Quỳnh": 3, "": 1,
    },
}  # fmt: skip

GIVEN_NAMES = {
    "M": (
        "Anh", "Bảo", "Bình", "Chiến", "Công", "Cường", "Dũng", "Dương", "Đạt", "Đông", "Đức", "Giang", "Hải", "Hào",
        "Hiếu", "Hiệp", "Hòa", "Hoàng", "Hùng", "Huy", "Hưng", "Khánh", "Khôi", "Kiên", "Lâm", "Long", "Lộc", "Mạnh",
        "Minh", "Nam", "Nghĩa", "Nhân", "Phát", "Phong", "Phúc", "Phước", "Quân", "Quang", "Quốc", "Quý", "Sang",
        "Sơn", "Tài", "Tâm", "Tân", "Thành", "Thắng", "Thiện", "Thịnh", "Thông", "Tiến", "Tín", "Toàn", "Trí", "Trung",
        "Trường", "Tú", "Tuấn", "Tùng", "Việt", "Vinh", "Vũ", "Vượng", "Ỷ",
    ),
    "F": (
        "An", "Anh", "Bích", "Châu", "Chi", "Cúc", "Diễm", "Dung", "Duyên", "Đào", "Giang", "Hà", "Hạnh", "Hằng",
        "Hân", "Hiền", "Hoa", "Hoài", "Hồng", "Huệ", "Huyền", "Hương", "Hường", "Khuê", "Lan", "Liên", "Linh", "Loan",
        "Ly", "Mai", "My", "Nga", "Ngân", "Ngọc", "Nguyệt", "Nhi", "Nhung", "Oanh", "Phượng", "Quyên", "Quỳnh", "Tâm",
        "Thảo", "Thắm", "Thơ", "Thu", "Thủy", "Thúy", "Thương", "Trang", "Trâm", "Trinh", "Trúc", "Tuyết", "Tươi",
        "Uyên", "Vân", "Vy", "Xuân", "Yến",
    ),
}  # fmt: skip

# group -> share of the population in percent
ETHNICITIES = {
    "Kinh": 85.32, "Tày": 1.92, "Thái": 1.89, "Mường": 1.51, "Mông": 1.45, "Khmer": 1.37, "Nùng": 1.13, "Dao": 0.93,
    "Hoa": 0.78, "Gia Rai": 0.53, "Ê Đê": 0.41, "Ba Na": 0.30, "Chăm": 0.19,
}  # fmt: skip

# Family names of the groups that have their own; the others take those of the Kinh.
FAMILY_NAMES_OF = {
    "Tày": ("Nông", "Hoàng", "Hà", "Ma", "Lương", "Bế", "Chu"),
    "Thái": ("Lò", "Quàng", "Cà", "Lường", "Cầm", "Tòng", "Vi"),
    "Mường": ("Bùi", "Đinh", "Quách", "Hà", "Bạch"),
    "Mông": ("Giàng", "Vàng", "Sùng", "Thào", "Lầu", "Mùa", "Hạng"),
    "Khmer": ("Thạch", "Sơn", "Kim", "Danh", "Châu", "Lâm", "Kiên"),
    "Nùng": ("Nông", "Lương", "Hoàng", "Vi", "Lục", "Mông"),
    "Dao": ("Triệu", "Bàn", "Đặng", "Phùng", "Lý", "Chảo", "Tẩn"),
    "Hoa": ("Trần", "Lâm", "Lý", "Huỳnh", "Quách", "Tăng", "Trương"),
}

# The people of the Central Highlands write a word of sex, a given name and, last, the name of the clan.
HIGHLAND_NAMES = {
    "Gia Rai": ("Siu", "Rơ Châm", "Ksor", "Rah Lan", "Nay", "Kpă"),
    "Ê Đê": ("Niê", "Êban", "Mlô", "Ayŭn", "Byă", "Kbuôr"),
}
HIGHLAND_GIVEN = {
    "M": ("Y Bhăm", "Y Thuật", "Y Krông", "Y Blô", "Y Djhăn", "Y Čuôr"),
    "F": ("H'Hen", "H'Blăk", "H'Djoan", "H'Ƀliă", "H'Linh", "H'Mrao"),
}

RELIGIONS = {
    "Không": 86.3, "Công giáo": 6.1, "Phật giáo": 4.8, "Tin lành": 1.0, "Phật giáo Hòa Hảo": 1.0, "Cao Đài": 0.6,
    "Hồi giáo": 0.07,
}  # fmt: skip

COMMUNES = (
    "An Bình", "Bình Minh", "Cẩm Thành", "Đông Sơn", "Đức Thắng", "Hòa Bình", "Hồng Phong", "Hưng Đạo", "Kim Liên",
    "Lam Sơn", "Long Châu", "Minh Khai", "Nghĩa Hưng", "Phú Lợi", "Phước Hải", "Quang Trung", "Quảng Phú", "Tam Hiệp",
    "Tân An", "Tân Lập", "Tây Sơn", "Thạch Hà", "Thanh Bình", "Thọ Xuân", "Trần Phú", "Trung Thành", "Vĩnh Hòa",
    "Xuân Trường", "Yên Định", "Ia Kha",
)  # fmt: skip

STREETS = (
    "Bà Triệu", "Điện Biên Phủ", "Hai Bà Trưng", "Hoàng Hoa Thám", "Hùng Vương", "Lê Duẩn", "Lê Hồng Phong", "Lê Lợi",
    "Lý Thường Kiệt", "Ngô Quyền", "Nguyễn Du", "Nguyễn Huệ", "Nguyễn Thị Minh Khai", "Nguyễn Trãi", "Phan Bội Châu",
    "Phan Đình Phùng", "Quang Trung", "Trần Hưng Đạo", "Trường Chinh", "Võ Nguyên Giáp",
)  # fmt: skip

MARKS = (
    "Nốt ruồi C: 1,5cm trên sau cánh mũi phải", "Nốt ruồi C: 2cm dưới trước tai trái",
    "Sẹo chấm C: 1cm trên đuôi mày phải",
    "Sẹo thẳng 2cm C: 0,5cm dưới mép trái", "Nốt ruồi C: 3cm dưới mắt phải", "Sẹo chấm C: 2cm trên trước đầu mày trái",
    "Nốt ruồi giữa sống mũi", "Sẹo tròn C: 1,5cm dưới sau mép phải",
)  # fmt: skip
