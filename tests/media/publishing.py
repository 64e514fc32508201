"""Publications that nobody's connection feeds."""

from collections.abc import Callable

from media.payload.formats import VP8
from media.publication import Publication
from media.rtp.rtcp import PictureLoss
from media.stream.clock import SenderClock


def new_publication(
    source: str = "camera",
    *rids: str,
    mid: str = "1",
    format: str = VP8,
    ask: Callable[[PictureLoss], None] = lambda packet: None,
    tell: Callable[[Publication], None] = lambda publication: None,
    wake: Callable[[float], None] = lambda at: None,
) -> Publication:
    """Of `source`, in encodings `rids` from small to large. `ask` gets its requests for keyframes, `tell` is
    told that it went live or silent, `wake` when it wants its turn."""
    kind = "audio" if source == "microphone" else "video"
    return Publication(
        source, kind, mid, rids, SenderClock(), format=format, send_rtcp=ask, on_changed=tell, wake=wake
    )
