"""What may make the answer to a picture worse, though the picture is of the right kind."""

from cutis.checks import UInt8Array
from cutis.inference.lesion_view import find_lesion
from cutis.picture_quality import QualityLimits, measure_quality, quality_faults

MIN_CONTRAST = 20.0  # grey levels of the blue channel
MAX_SHARE_OF_EDGE = 0.15
LEAST_SIDE_PX = 32  # smaller frames show too little to be judged
# A frame's size is the model's choice and says nothing, and getting there softens the blocks of JPEG.
LIMITS = QualityLimits(short_side_px=1, blocks=0.15)


def picture_warnings(frame: UInt8Array) -> tuple[str, ...]:
    """Warnings about a frame of shape (h, w, 3), as the network sees it; none for a good one."""
    if min(frame.shape[:2]) < LEAST_SIDE_PX:
        return ()
    faults = quality_faults(measure_quality(frame), LIMITS)
    found = [f"{name}: {detail}" for name, detail in faults.items()]
    lesion = find_lesion(frame)
    if lesion.contrast < MIN_CONTRAST:
        found.append(f"no lesion stands out: contrast {lesion.contrast:.0f}")
    elif lesion.share_of_edge > MAX_SHARE_OF_EDGE:
        found.append(f"the lesion reaches the edge: it covers {lesion.share_of_edge:.0%} of it")
    return tuple(found)
