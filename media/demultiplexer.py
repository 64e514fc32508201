"""Whose packet is it? From SSRC to publication and encoding (RFC 9143 section 9.2, RFC 8852)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from media.encoding import Encoding
from media.negotiation import OPUS_CLOCK, VIDEO_CLOCK, Line
from media.publication import Publication
from media.rtp import extensions as uri
from media.settings import MAX_ENCODINGS
from media.stream.receive import ReceiveStream


class Inbound:
    """What a received SSRC means."""

    __slots__ = ("encoding", "media_type", "publication", "red_type", "repair", "video")

    def __init__(self, publication: Publication, encoding: Encoding, line: Line, *, repair: bool) -> None:
        self.publication = publication
        self.encoding = encoding
        self.repair = repair  # the SSRC carries RTX of the encoding
        self.video = publication.kind == "video"
        self.media_type = line.payload_types[line.format]
        self.red_type = line.payload_types.get("red", -1)


class Demultiplexer:
    """Learns SSRCs of one peer from the first packets: browsers send mid and rid for a second only. The
    table is the peer's own, so nobody can publish over another's SSRC."""

    def __init__(self) -> None:
        self.inbound: dict[int, Inbound] = {}
        self.twcc_id = self.level_id = self.descriptor_id = 0  # header extension ids, 0: not agreed
        self._mid_id = self._rid_id = self._repaired_id = 0
        self._lines: Sequence[Line] = ()
        self._publications: Mapping[str, Publication] = {}

    def configure(self, publishing: Sequence[Line], publications: Mapping[str, Publication]) -> None:
        """The lines that the peer sends on, and its publications by source. Ids are one for all lines of a
        BUNDLE (RFC 9143 section 9.1)."""

        def agreed(name: str) -> int:
            return next((i for i in (line.extension_id(name) for line in publishing) if i), 0)

        self._lines = publishing
        self._publications = publications
        self._mid_id, self._rid_id = agreed(uri.MID), agreed(uri.RID)
        self._repaired_id = agreed(uri.REPAIRED_RID)
        self.twcc_id, self.level_id = agreed(uri.TRANSPORT_CC), agreed(uri.AUDIO_LEVEL)
        self.descriptor_id = agreed(uri.DEPENDENCY_DESCRIPTOR)

    def learn(
        self, ssrc: int, payload_type: int, elements: Mapping[int, bytes], *, now: float
    ) -> Inbound | None:
        """Settles what an SSRC that `inbound` lacks means: by its header extensions, by what the offer
        announced, or by a payload type that one line alone has. None: nobody's, or one too many."""
        line = self._line_of(ssrc, payload_type, elements)
        if line is None or len(self.inbound) >= 2 * MAX_ENCODINGS:
            return None
        publication = self._publications[line.source]
        repair = payload_type in line.repairs.values()
        rid = ""
        if line.rids:
            rid = elements.get(self._repaired_id if repair else self._rid_id, b"").decode("ascii", "replace")
            if rid not in line.rids:
                return None
        encoding = next((e for e in publication.encodings if e.rid == rid), None)
        if repair:
            if encoding is None:
                return None
            self.inbound = {
                s: i for s, i in self.inbound.items() if not (i.repair and i.encoding is encoding)
            }
        else:
            if encoding is not None:  # its sender began anew under another SSRC
                self.forget(encoding.stream.ssrc)
            encoding = self._new_encoding(publication, line, rid, ssrc, now)
            publication.add_encoding(encoding, now=now)
        inbound = self.inbound[ssrc] = Inbound(publication, encoding, line, repair=repair)
        return inbound

    def _new_encoding(
        self, publication: Publication, line: Line, rid: str, ssrc: int, now: float
    ) -> Encoding:
        clock_rate = OPUS_CLOCK if line.kind == "audio" else VIDEO_CLOCK
        nacks = any("nack" in codec.feedback for codec in line.codecs)
        stream = ReceiveStream(
            ssrc, clock_rate, nacks=nacks, on_restart=lambda: publication.restart(encoding)
        )
        encoding = Encoding(rid, stream, format=line.format, now=now)
        return encoding

    def forget(self, ssrc: int) -> None:
        """The SSRC is of no use any more (RFC 3550 section 6.6, BYE); with it goes what repairs it."""
        gone = self.inbound.pop(ssrc, None)
        if gone is None or gone.repair:
            return
        gone.publication.remove_encoding(gone.encoding)
        self.inbound = {s: i for s, i in self.inbound.items() if i.encoding is not gone.encoding}

    def unpublish(self, publication: Publication) -> None:
        self.inbound = {s: i for s, i in self.inbound.items() if i.publication is not publication}

    def _line_of(self, ssrc: int, payload_type: int, elements: Mapping[int, bytes]) -> Line | None:
        fitting = [
            line
            for line in self._lines
            if payload_type in line.payload_types.values() or payload_type in line.repairs.values()
        ]
        mid = elements.get(self._mid_id)
        if mid is not None:
            name = mid.decode("ascii", "replace")
            return next((line for line in fitting if line.mid == name), None)
        for line in fitting:
            if any(ssrc in pair for pair in line.ssrcs):
                return line
        return fitting[0] if len(fitting) == 1 else None
