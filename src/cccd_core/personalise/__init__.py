"""Writing a card and proving what was written."""

from cccd_core.personalise.evidence import CardEvidence, SetAsideCard, SpoiledCard
from cccd_core.personalise.feeder import Ask, CardDamagedError, FedCard, Feeder
from cccd_core.personalise.feeders import open_feeder, require_reader
from cccd_core.personalise.jobs import CardJob, CardResult, ChipSecrets, JobOutcome, file_digests
from cccd_core.personalise.journal import CardKnownError, Journal
from cccd_core.personalise.keys import card_master_key
from cccd_core.personalise.reasons import Reason, StepName, Trouble
from cccd_core.personalise.records import CardRecord, JournalRecord, Spoiled, Stage
from cccd_core.personalise.station import Station, StationParameters, require_means
from cccd_core.personalise.verification import ProvedCard, prove_card

__all__ = [
    "Ask",
    "CardDamagedError",
    "CardEvidence",
    "CardJob",
    "CardKnownError",
    "CardRecord",
    "CardResult",
    "ChipSecrets",
    "FedCard",
    "Feeder",
    "JobOutcome",
    "Journal",
    "JournalRecord",
    "ProvedCard",
    "Reason",
    "SetAsideCard",
    "Spoiled",
    "SpoiledCard",
    "Stage",
    "Station",
    "StationParameters",
    "StepName",
    "Trouble",
    "card_master_key",
    "file_digests",
    "open_feeder",
    "prove_card",
    "require_means",
    "require_reader",
]
