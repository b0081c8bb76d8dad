"""Small pictures for pages that carry their pictures inside."""

import base64
import io
from pathlib import Path

from PIL import Image, ImageDraw

from cutis.errors import ImageError
from cutis.imaging import open_rgb


def thumbnail_uri(path: Path, *, side_px: int) -> str:
    """A small JPEG of a picture as a data URI; a grey card where it cannot be read.

    Args:
        path: The picture.
        side_px: Its longer side in the result.
    """
    try:
        picture = open_rgb(path)
    except ImageError:
        picture = Image.new("RGB", (side_px, side_px * 3 // 4), "#888888")
        ImageDraw.Draw(picture).text((6, 6), "not readable", fill="white")
    picture.thumbnail((side_px, side_px))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
