"""A session description as text, in the order that RFC 8866 section 5 demands and browsers write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from media.sdp.description import MediaDescription, SessionDescription, Simulcast, SimulcastRid


def serialize(session: SessionDescription) -> str:
    lines = [*_session_lines(session)]
    for media in session.media:
        lines += _media_lines(media)
    return join_lines(lines)


def join_lines(lines: Iterable[str]) -> str:
    text = "\r\n".join(lines)
    assert text.count("\n") == text.count("\r") == text.count("\r\n"), "a value holds a line break"
    return text + "\r\n"


def _session_lines(session: SessionDescription) -> Iterator[str]:
    yield "v=0"
    yield f"o=- {session.session_id} {session.session_version} IN IP4 127.0.0.1"
    yield "s=-"
    yield "t=0 0"
    if session.bundle:
        yield "a=group:BUNDLE " + " ".join(session.bundle)
    if session.extmap_allow_mixed:
        yield "a=extmap-allow-mixed"
    yield "a=msid-semantic: WMS *"
    if session.ice_lite:
        yield "a=ice-lite"


def _media_lines(media: MediaDescription) -> Iterator[str]:
    formats = media.formats or tuple(str(codec.payload_type) for codec in media.codecs)
    yield f"m={media.kind} {media.port} {media.protocol} " + " ".join(formats)
    yield "c=IN IP4 0.0.0.0"
    for name, value in media.bandwidths:
        yield f"b={name}:{value}"
    if "RTP/" in media.protocol:
        yield "a=rtcp:9 IN IP4 0.0.0.0"
    yield from _transport_lines(media)
    if media.mid:
        yield f"a=mid:{media.mid}"
    if media.extmap_allow_mixed:
        yield "a=extmap-allow-mixed"
    for extension in media.extensions:
        direction = "" if extension.direction == "sendrecv" else f"/{extension.direction}"
        yield f"a=extmap:{extension.id}{direction} {extension.uri}"
    yield f"a={media.direction}"
    for stream, track in media.msids:
        yield f"a=msid:{stream} {track}".rstrip()
    if media.bundle_only:
        yield "a=bundle-only"
    if media.rtcp_mux:
        yield "a=rtcp-mux"
    if media.rtcp_rsize:
        yield "a=rtcp-rsize"
    yield from _codec_lines(media)
    yield from _stream_lines(media)
    if media.sctp_port is not None:
        yield f"a=sctp-port:{media.sctp_port}"
    if media.max_message_size is not None:
        yield f"a=max-message-size:{media.max_message_size}"


def _transport_lines(media: MediaDescription) -> Iterator[str]:
    for candidate in media.candidates:
        yield f"a=candidate:{candidate}"
    if media.end_of_candidates:
        yield "a=end-of-candidates"
    if media.ice_ufrag:
        yield f"a=ice-ufrag:{media.ice_ufrag}"
    if media.ice_pwd:
        yield f"a=ice-pwd:{media.ice_pwd}"
    if media.ice_options:
        yield "a=ice-options:" + " ".join(media.ice_options)
    for algorithm, fingerprint in media.fingerprints:
        yield f"a=fingerprint:{algorithm} {fingerprint}"
    if media.setup:
        yield f"a=setup:{media.setup}"


def _codec_lines(media: MediaDescription) -> Iterator[str]:
    for codec in media.codecs:
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        yield f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"
        for feedback in codec.feedback:
            yield f"a=rtcp-fb:{codec.payload_type} {feedback}"
        if codec.fmtp:
            yield f"a=fmtp:{codec.payload_type} {codec.fmtp}"
    if media.ptime_ms is not None:
        yield f"a=ptime:{media.ptime_ms}"
    if media.maxptime_ms is not None:
        yield f"a=maxptime:{media.maxptime_ms}"


def _stream_lines(media: MediaDescription) -> Iterator[str]:
    for group in media.ssrc_groups:
        yield f"a=ssrc-group:{group.semantics} " + " ".join(str(ssrc) for ssrc in group.ssrcs)
    for ssrc, attributes in media.ssrcs.items():
        for name, value in attributes.items():
            yield f"a=ssrc:{ssrc} {name}:{value}" if value else f"a=ssrc:{ssrc} {name}"
    for rid in media.rids:
        pairs = (f"{name}={value}" if value else name for name, value in rid.restrictions.items())
        yield f"a=rid:{rid.id} {rid.direction} {';'.join(pairs)}".rstrip()
    if media.simulcast is not None:
        yield f"a=simulcast:{_simulcast(media.simulcast)}"


def _simulcast(simulcast: Simulcast) -> str:
    parts = []
    for direction, streams in (("send", simulcast.send), ("recv", simulcast.recv)):
        if streams:
            parts.append(f"{direction} " + ";".join(",".join(map(_simulcast_rid, s)) for s in streams))
    return " ".join(parts)


def _simulcast_rid(rid: SimulcastRid) -> str:
    return f"~{rid.id}" if rid.paused else rid.id
