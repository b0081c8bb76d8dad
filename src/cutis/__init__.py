"""Cutis: from a folder of skin-lesion images to a judged, shipped classifier.

Research use only; not a medical device. Importing the package imports nothing heavy: tables,
metrics and serving never load torch (see `docs/architecture.md` for the floors).
"""

import os

# ONNX Runtime may write an identifier into the home folder and report to its maker. It looks here when
# it is imported, which is later; what somebody has set the variable to stays.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

RESEARCH_USE_NOTICE = (
    "Research use only. Cutis is not a medical device and must not be used for diagnosis."
)
