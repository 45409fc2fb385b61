"""What other matchers reach on the same templates (../shared/docs/peers.md), and what this one must. Percent."""

from __future__ import annotations

FVC = ("fvc2000_DB1_B", "fvc2002_DB1_B", "fvc2002_DB3_B", "fvc2004_DB2_B", "fvc2004_DB4_B")
LARGE = ("crossmatch", "fcj2020")
HANDED_OUT = ("fjfx", "mindtct", "secugen", "sourceafis")  # templates under ../shared/data/fingerprints
OURS = "ours"  # templates of cccd_core.extraction (benchmarks.accuracy.extracted)
EXTRACTORS = (*HANDED_OUT, OURS)

OWN = "SourceAFIS, its own"
# (extractor, set or "mean", figure): best peer, who, must reach, aim
TARGETS = {
    ("fjfx", "mean", "eer"): (8.08, "MCC16", 6.3, 5.0),
    ("fjfx", "mean", "0.001"): (18.2, "MCC16", 13.5, 11.0),
    ("mindtct", "mean", "eer"): (7.07, "MCC16", 5.8, 4.5),
    ("mindtct", "mean", "0.001"): (18.7, "MCC16", 14.0, 11.0),
    ("secugen", "mean", "eer"): (5.6, "SourceAFIS", 4.0, 3.2),
    ("secugen", "mean", "0.001"): (14.6, "SourceAFIS", 12.0, 9.0),
    ("fjfx", "fcj2020", "0.0001"): (3.5, "MCC8", 2.8, 2.0),
    ("fjfx", "crossmatch", "0.0001"): (1.26, "MCC8", 1.1, 0.7),
    (OURS, "mean", "eer"): (7.02, OWN, 1.2, 0.8),
    (OURS, "mean", "0.001"): (14.36, OWN, 2.0, 1.2),
    (OURS, "fcj2020", "eer"): (2.51, OWN, 0.5, 0.5),
    (OURS, "fcj2020", "0.001"): (4.62, OWN, 0.6, 0.6),
    (OURS, "fcj2020", "0.0001"): (6.26, OWN, 0.8, 0.8),
    (OURS, "crossmatch", "eer"): (0.91, OWN, 0.2, 0.2),
    (OURS, "crossmatch", "0.001"): (1.33, OWN, 0.3, 0.3),
}
FIGURES = {"eer": "EER", "0.001": "FNMR at FMR 0.1 %", "0.0001": "FNMR at FMR 0.01 %"}
