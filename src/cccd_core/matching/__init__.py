"""1:1 fingerprint matching: prepare templates once, score one against many.

Scores are -10 log10(FMR): 40 means one impostor pair in 10,000 scores as high.
"""

from cccd_core.matching.matcher import Matcher
from cccd_core.matching.parameters import MatcherParameters
from cccd_core.matching.prepared import PreparedGallery, PreparedTemplate

__all__ = ["Matcher", "MatcherParameters", "PreparedGallery", "PreparedTemplate"]
