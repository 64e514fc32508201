"""A media side without media, rooms without sockets, and pages without browsers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from media.errors import MediaError
from media.events import Connected, Disconnected, PeerEvent, PublicationChanged
from media.sfu import Figure, Grade, Order, Picture
from media.uplink import Level
from server.auth import Tokens
from server.messages import ToPage
from server.room import Room
from server.rooms import Rooms
from server.session import Session, SessionLimits

SECRET = b"0123456789abcdef" * 4


@dataclass(frozen=True)
class FakeSlot:
    index: int
    audio_mid: str | None
    video_mid: str | None


@dataclass(eq=False)
class FakePublication:
    source: str
    kind: str
    muted: bool = False
    live: bool = False
    held: bool = False


@dataclass(frozen=True)
class FakeIce:
    ufrag: str
    pwd: str
    candidates: tuple[str, ...]


class FakePeer:
    def __init__(self, name: str, on_event: Callable[[PeerEvent], None], sfu: FakeSfu) -> None:
        self.name = name
        self.publications: dict[str, FakePublication] = {}
        self.slots: list[FakeSlot] = []
        self.speech_level = 0.0
        self.speaks = False
        self.order = Order({}, 30, thin=False, level=Level.FULL)
        self.uplink = self.downlink = Grade.GOOD
        self.pictures: dict[int, Picture] = {}
        self.picture_at_most: Picture = "motion"
        self.silent = False
        self.preferred: tuple[bool, bool] | None = None
        self.connected = False
        self.closed = False
        self.takes_orders, self.takes_repeats = True, False
        self.bound: dict[int, tuple[Any, Any]] = {}
        self.wishes: dict[int, tuple[int, int]] = {}
        self.ranked: list[int] = []
        self.buffers: dict[int, float] = {}
        self.offers = 0
        self._on_event = on_event
        self._sfu = sfu

    def accept_offer(self, sdp: str, sources: Mapping[str, str] | None = None) -> str:
        assert not self.closed
        if not sdp.startswith("v=0"):
            raise MediaError("bad-sdp", "The offer can't be read.")
        if sources is None:
            sources = {"0": "microphone", "1": "camera"} if "send" in sdp else {}
        for mid, source in sources.items():
            if source not in self.publications:
                kind = "audio" if source == "microphone" else "video"
                publication = self.publications[source] = FakePublication(source, kind)
                self._on_event(PublicationChanged(publication))  # type: ignore[arg-type]
            assert mid
        for line in sdp.splitlines():
            if line.startswith("a=slots:"):
                self.slots = [FakeSlot(i, f"a{i}", f"v{i}") for i in range(int(line[8:]))]
        self.offers += 1
        return (
            f"v=0\r\no=- 1 {self.offers} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
            f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"
            f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n"
        )

    def is_reached(self, *, sends: bool) -> bool:
        return self.connected and not (self.silent and sends)

    def spoke_within(self, seconds: float) -> bool:
        return self.speaks

    def picture(self, slot: int) -> Picture:
        return self.pictures.get(slot, "motion")

    def buffered(self, slot: int, seconds: float) -> None:
        self.buffers[slot] = seconds

    def prefer(self, *, sound_only: bool, save_data: bool) -> None:
        self.preferred = (sound_only, save_data)

    def restart_ice(self, ufrag: str, pwd: str) -> FakeIce:
        if ufrag == "full":
            raise MediaError("server-full", "No.")
        return FakeIce(
            "serverufrag", "serverpasswordserverpassword", ("1 1 udp 2130706431 192.0.2.1 3478 typ host",)
        )

    def bind(self, slot: int, audio: Any, video: Any) -> None:
        assert slot in {known.index for known in self.slots} and not self.closed
        self.bound[slot] = (audio, video)

    def rank(self, slots: Sequence[int], claims: Sequence[int]) -> None:
        assert sorted(slots) == [known.index for known in self.slots]
        assert sorted(claims) == [claims[slot] for slot in slots]
        self.ranked = list(slots)

    def wish(self, slot: int, width: int, height: int) -> None:
        assert slot in {known.index for known in self.slots} and not self.closed
        self.wishes[slot] = (width, height)

    def close(self) -> None:
        self.closed = True
        if self in self._sfu.peers:
            self._sfu.peers.remove(self)

    # what the network does
    def connect(self) -> None:
        self.connected = True
        self._on_event(Connected())

    def flow(self, source: str, live: bool = True) -> None:
        self.publications[source].live = live
        self._on_event(PublicationChanged(self.publications[source]))  # type: ignore[arg-type]

    def lose(self, reason: str = "consent-lost") -> None:
        self.connected = False
        self._on_event(Disconnected(reason))


class FakeSfu:
    def __init__(self, max_peers: int = 100) -> None:
        self.peers: list[FakePeer] = []
        self.media_port = 3478
        self._max_peers = max_peers

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open_peer(
        self,
        name: str,
        on_event: Callable[[PeerEvent], None],
        *,
        takes_orders: bool = True,
        takes_repeats: bool = False,
        replaces: FakePeer | None = None,
    ) -> FakePeer:
        if len(self.peers) - (replaces in self.peers) >= self._max_peers:
            raise MediaError("server-full", "The server is full.")
        peer = FakePeer(name, on_event, self)
        peer.takes_orders, peer.takes_repeats = takes_orders, takes_repeats
        self.peers.append(peer)
        return peer

    def metrics(self) -> tuple[Figure, ...]:
        return (
            Figure("forwarded", "Packets.", "counter", {"": 7.0}),
            Figure("pictures", "Slots.", "gauge", {"motion": 1.0, "stills": 2.0}, "state"),
        )

    def peer_of(self, participant: str) -> FakePeer:
        return next(peer for peer in self.peers if peer.name == participant)


@dataclass
class Page:
    """A page without a browser: what it was sent, and a way to send."""

    house: House
    session: Session
    sent: list[ToPage] = field(default_factory=list)

    def say(self, **message: Any) -> None:
        import json

        self.session.receive(json.dumps(message))
        self.house.settle()

    def hello(self, token: str = "", **more: Any) -> None:
        self.say(type="hello", version=1, token=token, **more)

    def offer(
        self, connection: str = "first", slots: int = 2, sources: Mapping[str, str] | None = None
    ) -> None:
        sources = {"0": "microphone", "1": "camera", "2": "screen"} if sources is None else sources
        self.say(type="offer", connection=connection, sdp=f"v=0\r\na=slots:{slots}\r\n", sources=sources)

    def drop(self) -> None:
        self.session.disconnected()
        self.house.settle()

    def all(self, kind: str) -> list[Any]:
        return [message for message in self.sent if message.type == kind]

    def last(self, kind: str) -> Any:
        found = self.all(kind)
        assert found, f"no {kind} among {[message.type for message in self.sent]}"
        return found[-1]

    @property
    def id(self) -> str:
        return str(self.last("welcome").participant)


class House:
    """Rooms with a fake media side, driven by hand: `now` and the time of day, `wall`, are set by the test,
    deferred work runs in `settle`."""

    def __init__(self, **settings: Any) -> None:
        from server.live import Surroundings
        from server.participant import Participant
        from server.room import Credentials, RoomLimits

        self.now = 1000.0
        self.wall = 1_800_000_000.0
        self.sfu = FakeSfu(settings.pop("max_peers", 100))
        self.tokens = Tokens(SECRET)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.limits = settings.pop("session_limits", SessionLimits())
        self._deferred: list[Callable[[], None]] = []
        self._numbers = 0

        def credentials(room: Room, person: Participant) -> Credentials:
            now = self.wall
            guest = self.tokens.link(room.name, "guest", lifetime=3600, now=now) if person.moderates else None
            return Credentials(
                self.tokens.resume(room.name, room.session, person.id, lifetime=36000, now=now),
                f"/r/{room.name}#{guest}" if guest else None,
            )

        self.rooms = Rooms(
            self.tokens,
            Surroundings(
                sfu=self.sfu,  # type: ignore[arg-type]
                clock=lambda: self.now,
                wall=lambda: self.wall,
                soon=self._deferred.append,
                credentials=credentials,
                limits=settings.pop("limits", RoomLimits()),
            ),
            max_rooms=settings.pop("max_rooms", 10),
        )
        assert not settings

    def settle(self) -> None:
        for _ in range(20):
            deferred, self._deferred[:] = list(self._deferred), []
            if not deferred:
                return
            for function in deferred:
                function()
        raise AssertionError("the rooms never come to rest")

    def wait(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass, with ticks as in the process."""
        end = self.now + seconds
        while self.now < end:
            self.wall += min(step, end - self.now)
            self.now = min(end, self.now + step)
            self.rooms.tick()
            self.settle()

    def page(self) -> Page:
        self._numbers += 1
        page = Page(self, Session(self._numbers, self.rooms, self.limits, self.counts, lambda: self.now))
        page.session.send = _recorder(page)  # type: ignore[method-assign]
        return page

    def token(self, role: str = "guest", room: str = "room", **more: Any) -> str:
        return self.tokens.link(room, role, lifetime=more.pop("lifetime", 3600), now=self.wall, **more)  # type: ignore[arg-type]

    def host(self, name: str = "Dr. Reed", room: str = "room", identity: str | None = "host") -> Page:
        page = self.page()
        page.hello(self.token("host", room, identity=identity), name=name)
        return page

    def knocking(self, name: str = "Sam", room: str = "room") -> Page:
        page = self.page()
        page.hello(self.token("guest", room), name=name)
        return page

    def guest(self, host: Page, name: str = "Sam") -> Page:
        page = self.knocking(name)
        host.say(type="admit", participant=page.id)
        return page

    def room(self, name: str = "room") -> Room:
        return self.rooms.rooms[name].room


def _recorder(page: Page) -> Callable[[ToPage], None]:
    send = page.session.send

    def record(message: ToPage) -> None:
        if not page.session.closing:
            page.sent.append(message)
        send(message)

    return record
