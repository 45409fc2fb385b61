"""Issuing States: the codes of machine readable zones beside the country codes of certificates.

Doc 9303-3 clause 5 (three-letter codes, ISO 3166-1 and its own) and Doc 9303-12 clause 7.1.1.1 (two letters in names).
"""

from __future__ import annotations

import re
from typing import Final

from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError

_MRZ = 0x5F1F
_HEAD = re.compile(rb"[A-Z0-9<]{5}")  # the same in TD1, TD2 and TD3

# ISO 3166-1: three letters, then the two
_ISO_3166 = """
ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATAAQ ATFTF ATGAG AUSAU AUTAT AZEAZ BDIBI BELBE BENBJ
BESBQ BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ BMUBM BOLBO BRABR BRBBB BRNBN BTNBT BVTBV BWABW CAFCF CANCA
CCKCC CHECH CHLCL CHNCN CIVCI CMRCM CODCD COGCG COKCK COLCO COMKM CPVCV CRICR CUBCU CUWCW CXRCX CYMKY CYPCY CZECZ DEUDE
DJIDJ DMADM DNKDK DOMDO DZADZ ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB
GEOGE GGYGG GHAGH GIBGI GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY HKGHK HMDHM HNDHN HRVHR
HTIHT HUNHU IDNID IMNIM INDIN IOTIO IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH
KIRKI KNAKN KORKR KWTKW LAOLA LBNLB LBRLR LBYLY LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD
MDGMG MDVMV MEXMX MHLMH MKDMK MLIML MLTMT MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA
NCLNC NERNE NFKNF NGANG NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE PHLPH PLWPW PNGPG POLPL
PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE ROURO RUSRU RWARW SAUSA SDNSD SENSN SGPSG SGSGS SHNSH SJMSJ SLBSB SLESL
SLVSV SMRSM SOMSO SPMPM SRBRS SSDSS STPST SURSR SVKSK SVNSI SWESE SWZSZ SXMSX SYCSC SYRSY TCATC TCDTD TGOTG THATH TJKTJ
TKLTK TKMTM TLSTL TONTO TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA UMIUM URYUY USAUS UZBUZ VATVA VCTVC VENVE VGBVG
VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW
"""

COUNTRIES_OF: Final[dict[str, frozenset[str]]] = {
    **{pair[:3]: frozenset((pair[3:],)) for pair in _ISO_3166.split()},
    # Doc 9303-3 clause 5, parts B to D, and what States put into their certificates
    "D": frozenset(("DE",)),
    "EUE": frozenset(("EU",)),
    "UNO": frozenset(("UN",)), "UNA": frozenset(("UN",)),
    "UNK": frozenset(("UN", "KS", "XK")),
    "RKS": frozenset(("KS", "XK")), "XKX": frozenset(("KS", "XK")),
    "GBD": frozenset(("GB",)), "GBN": frozenset(("GB",)), "GBO": frozenset(("GB",)),
    "GBP": frozenset(("GB",)), "GBS": frozenset(("GB",)),
    "XOM": frozenset(("XO", "XM", "XX")),
    "XPO": frozenset(("XP", "XX")), "XCC": frozenset(("XC", "XX")), "XCE": frozenset(("XE", "XX")),
    "XBA": frozenset(("XB", "XX")), "XIM": frozenset(("XI", "XX")), "XCO": frozenset(("XC", "XX")),
    "XEC": frozenset(("XE", "XX")), "XES": frozenset(("XE", "XX")), "XMP": frozenset(("XM", "XX")),
    "XDC": frozenset(("XD", "XX")), "XAD": frozenset(("XA", "XX")), "XDI": frozenset(("XD", "XX")),
    # special administrative regions sign under the country's code; the crown dependencies and overseas territories too
    "HKG": frozenset(("HK", "CN")), "MAC": frozenset(("MO", "CN")),
    **{code: frozenset((own, "GB")) for code, own in (
        ("AIA", "AI"), ("BMU", "BM"), ("VGB", "VG"), ("CYM", "KY"), ("FLK", "FK"), ("GIB", "GI"), ("MSR", "MS"),
        ("PCN", "PN"), ("SHN", "SH"), ("SGS", "GS"), ("TCA", "TC"), ("GGY", "GG"), ("IMN", "IM"), ("JEY", "JE"),
    )},
    "UTO": frozenset(("UT",)),  # Utopia, the State of the specimens
}  # fmt: skip
"""Code in a machine readable zone, without fillers -> the country codes that its CSCA may have in its name."""


def zone_head(dg1: bytes) -> tuple[str, str]:
    """(document code, issuing State) at the head of DG1's zone, fillers taken off; the rest of the zone is not read, so
    that nothing odd in it hides what is compared. FormatError."""
    reader = tlv.read_one(dg1, ElementaryFile.DG1.tag, what="DG1").reader()
    zone = reader.next(_MRZ, what="machine readable zone")
    found = _HEAD.match(zone.value)
    if found is None:
        raise FormatError("a machine readable zone begins with no document code and State", offset=zone.value_offset)
    head = found[0].decode("ascii")
    return head[:2].rstrip("<"), head[2:].rstrip("<")


def issued_by(state: str, country: str | None) -> bool:
    """Whether a CSCA of this country (two letters, any case) stands for this issuing State of a zone."""
    return country is not None and country.upper() in COUNTRIES_OF.get(state, ())


def allowed_type(code: str, types: frozenset[str]) -> bool:
    """Whether a document code stands in a document type list: itself, or its first letter alone, which stands for all
    codes that begin with it (Doc 9303-12 clause 7.1.1.6)."""
    if not code:
        return False
    return code in types or code[0] in types or any(each.rstrip("< ") in (code, code[0]) for each in types)
