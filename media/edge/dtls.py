"""The fence round aiortc's DTLS: its private attributes are used here and nowhere else, and
`tests/media/edge/test_dtls_contract.py` pins each of them.

`RTCDtlsTransport` pulls datagrams from an ICE transport by `await transport._recv()` and hands its own to
`await transport._send()`. `_Wire` is such a transport. SRTP keys are taken from OpenSSL once the handshake is
done; the sessions that aiortc makes of them are not used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, cast

from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceTransport,
)
from aiortc.rtcdtlstransport import SRTP_PROFILES, SRTPProtectionProfile
from OpenSSL import SSL

from media.edge.srtp import SrtpKeys, SrtpProfile

# Seconds from the first DTLS datagram to the end of the handshake. Chrome needs two round trips, and OpenSSL
# repeats a lost flight after 1, 2 and 4 s.
HANDSHAKE_TIMEOUT: Final = 10.0
# Datagrams that may wait for the handshake's task: Chrome's ClientHello is two, a flight with a chain five.
MAX_WAITING: Final = 16

# AES-128 first, unlike aiortc: ten rounds of AES instead of fourteen, and no attack on either is known.
_PROFILE_ORDER = (
    SrtpProfile.AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM,
    SrtpProfile.AES128_CM_SHA1_80,
)
_EXPORTER_LABEL: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2


class Certificate:
    """The server's certificate: one for each process, self-signed, known to a peer by its fingerprint."""

    def __init__(self) -> None:
        self.rtc = RTCCertificate.generateCertificate()
        sha256 = next(f for f in self.rtc.getFingerprints() if f.algorithm == "sha-256")
        self.fingerprint = ("sha-256", sha256.value)


class DtlsTransport:
    """The passive side of one peer's DTLS association.

    `on_keys(keys)` is called once, when the handshake is done and the peer's certificate has the fingerprint
    that was announced. `on_closed(reason)` is called once at the end ("failed": no handshake;
    "closed-by-peer": a close_notify came). Both may come late, after `close()`.
    """

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: Sequence[tuple[str, str]],
        send: Callable[[bytes], None],
        on_keys: Callable[[SrtpKeys], None],
        on_closed: Callable[[str], None],
    ) -> None:
        self._wire = _Wire(send)
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, self._wire), [certificate.rtc])
        self._dtls._set_role("server")
        self._dtls._srtp_profiles = _offered_profiles()
        self._parameters = RTCDtlsParameters([RTCDtlsFingerprint(a, v) for a, v in fingerprints])
        self._on_keys = on_keys
        self._on_closed = on_closed
        self._task = asyncio.get_running_loop().create_task(self._run())

    def receive(self, datagram: bytes) -> bool:
        """Takes a datagram whose first byte is 20..63. False: too many wait already."""
        return self._wire.push(datagram)

    async def close(self) -> None:
        """Tells the peer (close_notify) and ends all tasks."""
        self._task.cancel()
        pump = self._dtls._task
        await self._dtls.stop()
        await asyncio.gather(self._task, *filter(None, [pump]), return_exceptions=True)

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                await self._dtls.start(self._parameters)
        except (TimeoutError, SSL.Error, ValueError):
            pass  # ValueError: a certificate that `cryptography` can't read
        # Through the loop, so that an error in what is called is not one of this task.
        loop = asyncio.get_running_loop()
        if self._dtls.state != "connected":
            loop.call_soon(self._on_closed, "failed")
            return
        loop.call_soon(self._on_keys, self._keys())
        # aiortc's own task goes on reading, and ends with a close_notify.
        assert self._dtls._task is not None
        await asyncio.wait([self._dtls._task])
        loop.call_soon(self._on_closed, "closed-by-peer")

    def _keys(self) -> SrtpKeys:
        connection = self._dtls._ssl
        assert connection is not None
        name = connection.get_selected_srtp_profile().decode()
        profile = next(profile for profile in SrtpProfile if profile.dtls_name == name)
        rtc = _rtc_profile(profile)
        material = connection.export_keying_material(_EXPORTER_LABEL, 2 * (rtc.key_length + rtc.salt_length))
        # The client's keys come first in the material (RFC 5764 section 4.2).
        return SrtpKeys(
            profile,
            sending=rtc.get_key_and_salt(material, 1),
            receiving=rtc.get_key_and_salt(material, 0),
        )


class _Wire:
    """The part of aiortc's `RTCIceTransport` that `RTCDtlsTransport` uses."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._deliver = send
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)

    def push(self, datagram: bytes) -> bool:
        try:
            self._queue.put_nowait(datagram)
        except asyncio.QueueFull:
            return False
        return True

    async def _recv(self) -> bytes:
        return await self._queue.get()

    async def _send(self, data: bytes) -> None:
        self._deliver(data)


def _offered_profiles() -> list[SRTPProtectionProfile]:
    """In our order, those that libsrtp was built with (it may lack AES-GCM, which then aiortc hides too)."""
    known = {profile.openssl_profile.decode(): profile for profile in SRTP_PROFILES}
    return [known[profile.dtls_name] for profile in _PROFILE_ORDER if profile.dtls_name in known]


def _rtc_profile(profile: SrtpProfile) -> SRTPProtectionProfile:
    return next(rtc for rtc in SRTP_PROFILES if rtc.openssl_profile.decode() == profile.dtls_name)
