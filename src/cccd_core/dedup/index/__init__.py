"""The index of a gallery: codes and prepared fingers of everyone, in files that are derived, never changed, and mapped.

The gallery is the truth; the index can be made anew from it at any time.
"""

from cccd_core.dedup.index.checking import Finding, check
from cccd_core.dedup.index.manifest import Manifest, ShardEntry
from cccd_core.dedup.index.opened import Index, LiveShard
from cccd_core.dedup.index.shard import Column, Shard, ShardBlock, block_of
from cccd_core.dedup.index.sources import Coder, Preparer
from cccd_core.dedup.index.updating import Updated, compact, update

__all__ = [
    "Coder",
    "Column",
    "Finding",
    "Index",
    "LiveShard",
    "Manifest",
    "Preparer",
    "Shard",
    "ShardBlock",
    "ShardEntry",
    "Updated",
    "block_of",
    "check",
    "compact",
    "update",
]
