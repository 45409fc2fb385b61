"""1:N and N:N search over many people: who of a batch is enrolled already, or stands in it twice."""

from cccd_core.dedup.decision import Decision, Evidence, FingerComparison, LaidFinger, Match, Outcome
from cccd_core.dedup.deduplicator import Deduplicator
from cccd_core.dedup.gallery.folder import create_gallery, open_gallery
from cccd_core.dedup.gallery.memory import MemoryGallery
from cccd_core.dedup.gallery.postgres import PostgresGallery
from cccd_core.dedup.gallery.protocol import Entry, Gallery
from cccd_core.dedup.gallery.sqlite import GalleryStore
from cccd_core.dedup.gallery.withdrawal import Withdrawal, WithdrawalKind
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.scorer import Scorer
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.enrolled import Indexed

__all__ = [
    "Cascade",
    "Decision",
    "DedupParameters",
    "Deduplicator",
    "EnrolledPerson",
    "Entry",
    "Evidence",
    "FingerComparison",
    "Gallery",
    "GalleryStore",
    "Indexed",
    "LaidFinger",
    "Match",
    "MemoryGallery",
    "Outcome",
    "PostgresGallery",
    "Scorer",
    "Withdrawal",
    "WithdrawalKind",
    "create_gallery",
    "open_gallery",
]
