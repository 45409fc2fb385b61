"""Writing a card and proving what was written. May import card, pki, signing and emrtd."""

from cccd_core.personalise.feeder import Ask, CardDamagedError, FedCard, Feeder
from cccd_core.personalise.feeders import open_feeder, require_reader
from cccd_core.personalise.jobs import CardJob, CardResult, CardState, ChipSecrets, file_digests
from cccd_core.personalise.journal import CardRecord, Journal, Stage
from cccd_core.personalise.keys import card_master_key
from cccd_core.personalise.station import Station, StationParameters
from cccd_core.personalise.verification import Check, VerifiedCard, verify_card

__all__ = [
    "Ask",
    "CardDamagedError",
    "CardJob",
    "CardRecord",
    "CardResult",
    "CardState",
    "Check",
    "ChipSecrets",
    "FedCard",
    "Feeder",
    "Journal",
    "Stage",
    "Station",
    "StationParameters",
    "VerifiedCard",
    "card_master_key",
    "file_digests",
    "open_feeder",
    "require_reader",
    "verify_card",
]
