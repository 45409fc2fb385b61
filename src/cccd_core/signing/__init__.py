"""Signing that does not know where its key lives: software keys and PKCS #11 tokens behind one protocol."""

from cccd_core.signing.chip_keys import ChipKeys
from cccd_core.signing.image import build_image, sign_data_groups
from cccd_core.signing.modules import pkcs11_modules
from cccd_core.signing.signer import Signer
from cccd_core.signing.software import SoftwareSigner

__all__ = ["ChipKeys", "Signer", "SoftwareSigner", "build_image", "pkcs11_modules", "sign_data_groups"]
