"""One peer at the network's edge: its ICE-lite agent, DTLS association, SRTP session and current path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from media.edge import stun
from media.edge.batch import pad, plan_runs
from media.edge.dtls import DtlsTransport
from media.edge.ice import IceAgent, Path
from media.edge.srtp import SrtpKeys, SrtpProfile, SrtpSession, create_session
from media.edge.timer import Timer
from media.rtp.packet import header_length

if TYPE_CHECKING:
    from media.edge.port import MediaPort

# Paths that one peer may have: interfaces times address families, and TCP. Beyond, the oldest is forgotten.
MAX_PATHS: Final = 16

OnRtp = Callable[[bytes, bytes, float], None]
OnRtcp = Callable[[bytes, float], None]


class Transport:
    """Made by `MediaPort.create_transport`.

    `on_connected()` is called once, when the SRTP keys are there. `on_closed(reason)` is called at most once,
    and not after `close()`: "consent-lost" (nothing authentic came for `CONSENT_TIMEOUT`), "closed-by-peer"
    (DTLS close_notify), "failed" (never connected).
    """

    def __init__(
        self,
        port: MediaPort,
        *,
        on_rtp: OnRtp,
        on_rtcp: OnRtcp,
        on_connected: Callable[[], None],
        on_closed: Callable[[str], None],
    ) -> None:
        self.fingerprint = port.certificate.fingerprint
        self.on_path_change: Callable[[], None] = lambda: None  # told before what came over the new path is
        self._port = port
        self._drops = port.drops
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._on_connected = on_connected
        self._on_closed = on_closed
        loop = asyncio.get_running_loop()
        self.ice = IceAgent(port.rng, now=loop.time())
        self.paths: list[Path] = []
        self._fingerprints: tuple[tuple[str, str], ...] = ()
        self._dtls: DtlsTransport | None = None
        self._session: SrtpSession | None = None
        self._overhead = 0
        self._batch: list[tuple[bytes, bytes]] = []
        self._closed = False
        self._consent = Timer(loop, self._check_consent)
        self._consent.set(self.ice.expires)

    @property
    def local_ufrag(self) -> str:
        return self.ice.local.ufrag

    @property
    def local_pwd(self) -> str:
        return self.ice.local.pwd

    @property
    def path(self) -> str | None:
        """How the peer is reached: "udp4", "udp6", "tcp"; None: not at all yet."""
        return self.ice.selected.sender.kind if self.ice.selected is not None else None

    @property
    def connected(self) -> bool:
        return self._session is not None and not self._closed

    @property
    def last_heard(self) -> float | None:
        """When the last authentic packet came, on the event loop's clock."""
        return self.ice.last_heard

    def restart(self) -> None:
        """New local credentials for an ICE restart; those of before stay valid until the next one."""
        before = self.ice.previous
        self.ice.restart()
        if before is not None:
            self._port.unregister(before.ufrag)
        self._port.register(self)

    def set_remote(self, *, ufrag: str, fingerprints: Sequence[tuple[str, str]], setup: str) -> None:
        """Takes the peer's description; from now on DTLS is answered.

        We are the passive side of DTLS, so that `setup` is "active" or "actpass". Fingerprints are
        (algorithm, value); at least one has to be SHA-256, -384 or -512, and all of those have to match. They
        stay what they were once the handshake has begun: an ICE restart keeps the association.
        """
        assert setup in ("active", "actpass"), setup
        self.ice.set_remote(ufrag)
        if self._dtls is None:
            self._fingerprints = tuple(fingerprints)

    def send_rtp(self, header: bytes, payload: bytes) -> None:
        """Sends with the rest of this drain's packets. Each (SSRC, sequence number) may be used once only."""
        batch = self._batch
        if not batch:
            self._port.mark(self)
        batch.append((header, payload))

    def send_rtcp(self, packet: bytes) -> None:
        if self._session is None:
            self._drops["send-unconnected"] += 1
            return
        protected = self._session.protect_rtcp(packet)
        if protected is not None:
            self.send_rtp(b"", protected)

    def close(self) -> None:
        """Says good-bye to the peer and forgets it. Idempotent."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        self._consent.close()
        self._port.forget(self)
        self._port.finish(self._dtls.close() if self._dtls is not None else None, self.paths)

    # What the port calls.

    def flush(self) -> None:
        """Protects and sends the batch."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        session, path = self._session, self.ice.selected
        if session is None or path is None or self._closed:
            self._drops["send-unconnected"] += len(batch)
            return
        sender, address = path.sender, path.address
        if len(batch) == 1 or not sender.batches:
            runs = [(at, at + 1, 0) for at in range(len(batch))]
        else:
            runs = plan_runs(batch, self._overhead)
        for first, end, size in runs:
            pieces: list[bytes] = []
            for at in range(first, end):
                header, rest = batch[at]
                if header:
                    if at + 1 < end:
                        lack = size - len(header) - len(rest) - self._overhead
                        if lack:
                            header, rest = pad(header, rest, lack)
                    protected = session.protect_rtp(header, rest)
                    if protected is None:
                        continue
                    rest = protected
                pieces.append(header)
                pieces.append(rest)
            if len(pieces) == 2:
                sender.send(pieces[0], pieces[1], address)
            elif pieces:
                sender.send_run(pieces, size, address)

    def receive_media(self, data: bytes, path: Path, now: float) -> bool:
        """Takes an SRTP or SRTCP packet that came over `path`; whether it was authentic."""
        session = self._session
        if session is None:
            self._drops["srtp-early"] += 1
            return False
        # A packet that was overtaken on the old path must not lead back to it, hence `newest`.
        strange = path is not self.ice.selected
        if 191 < data[1] < 224:
            moved = strange and session.newest_rtcp(data)
            packet = session.unprotect_rtcp(data)
            if packet is None:
                return False
            self._heard(path, moved, now)
            self._on_rtcp(packet, now)
            return True
        length = header_length(data)
        if length is None:
            self._drops["rtp-malformed"] += 1
            return False
        header = data[:length]
        moved = strange and session.newest(header)
        payload = session.unprotect_rtp(header, data[length:])
        if payload is None:
            return False
        self._heard(path, moved, now)
        self._on_rtp(header, payload, now)
        return True

    def receives(self, ssrc: int) -> bool:
        return self._session is not None and self._session.receives(ssrc)

    def on_check(self, request: stun.BindingRequest, path: Path, *, now: float) -> None:
        """An authentic connectivity check came over `path`."""
        before = self.ice.selected
        if self.ice.on_check(request, path, now=now) and (before is not None or self.connected):
            self.on_path_change()
        self._consent.set(self.ice.expires)

    def receive_dtls(self, data: bytes) -> None:
        if self._dtls is None:
            if not self._fingerprints:
                self._drops["dtls-early"] += 1
                return
            if not self._port.begin_handshake(self):
                return
            self._dtls = DtlsTransport(
                self._port.certificate,
                self._fingerprints,
                self._send_dtls,
                self._on_keys,
                self._on_dtls_closed,
            )
        if not self._dtls.receive(data):
            self._drops["dtls-flood"] += 1

    def add_path(self, path: Path) -> Path | None:
        """Keeps a new path, and answers which one it had to forget for it."""
        self.paths.append(path)
        if len(self.paths) <= MAX_PATHS:
            return None
        oldest = next(old for old in self.paths if old is not self.ice.selected)
        self.paths.remove(oldest)
        return oldest

    def remove_path(self, path: Path) -> None:
        if path in self.paths:
            self.paths.remove(path)
        if path is self.ice.selected:
            self.ice.selected = self.paths[-1] if self.paths else None
            if self.ice.selected is not None:
                self.on_path_change()

    def _heard(self, path: Path, moved: bool, now: float) -> None:
        self.ice.last_heard = now
        if moved:
            self.ice.selected = path
            self.on_path_change()

    def _send_dtls(self, data: bytes) -> None:
        path = self.ice.selected
        if path is not None:
            path.sender.send(b"", data, path.address)

    def _on_keys(self, keys: SrtpKeys) -> None:
        if self._closed:
            return
        self._port.end_handshake(self)
        self._session = create_session(keys, self._drops)
        self._overhead = 10 if keys.profile is SrtpProfile.AES128_CM_SHA1_80 else 16
        self._on_connected()

    def _on_dtls_closed(self, reason: str) -> None:
        if reason == "failed" and not self._closed:
            self._drops["dtls-failed"] += 1
        self._fail(reason)

    def _check_consent(self, now: float) -> float | None:
        if now < self.ice.expires:
            return self.ice.expires
        self._fail("consent-lost" if self._session is not None else "failed")
        return None

    def _fail(self, reason: str) -> None:
        if not self._closed:
            self.close()
            self._on_closed(reason)
