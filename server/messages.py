"""Every WebSocket message, in both directions: the signalling contract (docs/protocol.md shows each with an
example).

All input is hostile: models forbid unknown fields and cap every string and list.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from server.words import WORDS

PROTOCOL_VERSION = 1
MAX_MESSAGE = 256 * 1024  # bytes of one WebSocket message; Chromium's largest offer is about 95 KB
MAX_SDP = 200_000  # characters
MAX_CHAT = 2_000  # characters
MAX_NAME = 60  # characters
MAX_SLOTS = 30  # (audio, video) pairs for what the others send
MAX_LINES = 3 + 2 * MAX_SLOTS  # m-lines of one offer: microphone, camera, screen, and the slots
MAX_PEOPLE = 25  # in one room: each has a slot for everybody else, and for six screens

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME)]
Identity = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Mid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,16}$")]
Source = Literal["microphone", "camera", "screen"]
Role = Literal["host", "guest"]
Picture = Literal["motion", "stills", "sound", "off", "unsupported"]
Grade = Literal["good", "fair", "poor"]
Cause = Literal["none", "your-uplink", "your-downlink", "their-uplink", "their-downlink", "their-connection"]


class Message(BaseModel):
    """Base of all messages: immutable, no unknown fields. Errors never quote the input: it is private."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @cached_property
    def json_text(self) -> str:
        """The message as it is sent: made once, however many it goes to."""
        return self.model_dump_json()


# --- from the page to the server ----------------------------------------------------------------------------


class Hello(Message):
    """First message on a connection. `resume` (from an earlier welcome) brings a participant back with role,
    admission and name kept; otherwise, or where that session is over, `token` from the link joins or knocks
    under `name`. `room`, the one in the page's address, is checked against the token's where given. `tab` is
    a random name of whoever holds the place, kept through reloads: with the same link it has one place, also
    where the welcome was lost on the way. `leave` does not come back but gives the place of `resume` up,
    where `tab` still holds it; the answer is bye."""

    type: Literal["hello"] = "hello"
    version: int
    room: Identity | None = None
    token: Annotated[str, StringConstraints(max_length=4096)] = ""
    resume: Annotated[str, StringConstraints(max_length=4096)] = ""
    name: Name | None = None
    tab: Identity | None = None
    leave: bool = False


class Offer(Message):
    """An SDP offer. `connection` names the page's RTCPeerConnection: a new name means a new one (after a
    reload); the same name is a renegotiation or an ICE restart. `sources` maps the mid of each sending
    m-line. `repeats`: sound that comes again, as a packet of its own with the timestamp of before, is not
    played again (browsers' jitter buffers go by timestamps): who takes no RFC 2198 gets redundancy so. It
    holds for as long as the connection does."""

    type: Literal["offer"] = "offer"
    connection: Identity
    sdp: Annotated[str, StringConstraints(max_length=MAX_SDP)]
    sources: dict[Mid, Source] = Field(default_factory=dict, max_length=8)
    repeats: bool = False


class Media(Message):
    """What the person wants to send: the three switches of the page. Sent after every change and every
    resume."""

    type: Literal["media"] = "media"
    microphone: bool
    camera: bool
    screen: bool


class Wish(Message):
    """How large each slot's tile is, in device pixels; 0 x 0 means hidden, send no video. `pinned`: chosen to
    be large, so its picture comes first."""

    class Tile(Message):
        slot: Annotated[int, Field(ge=0, lt=MAX_SLOTS)]
        width: Annotated[int, Field(ge=0, le=16384)]
        height: Annotated[int, Field(ge=0, le=16384)]
        pinned: bool = False

    type: Literal["wish"] = "wish"
    tiles: Annotated[tuple[Tile, ...], Field(max_length=MAX_SLOTS)]


class ChatSend(Message):
    type: Literal["chat"] = "chat"
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CHAT)]


class Admit(Message):
    """Host: let a waiting participant in."""

    type: Literal["admit"] = "admit"
    participant: Identity


class Decline(Message):
    """Host: turn a waiting participant away."""

    type: Literal["decline"] = "decline"
    participant: Identity


class Mute(Message):
    """Host: silence a participant's microphone. They can switch it on again themselves."""

    type: Literal["mute"] = "mute"
    participant: Identity


class Remove(Message):
    """Host: remove a participant; their link no longer lets them resume, only knock anew."""

    type: Literal["remove"] = "remove"
    participant: Identity


class Lock(Message):
    """Host: while locked, nobody new can knock. People already in, and resuming, are not touched."""

    type: Literal["lock"] = "lock"
    locked: bool


class End(Message):
    """Host: end the session for everybody."""

    type: Literal["end"] = "end"


class Leave(Message):
    """Leave for good: the place is given up at once."""

    type: Literal["leave"] = "leave"


class Heard(Message):
    """How the sound of each slot arrived since the last such message, about once a second: milliseconds
    played; of them, milliseconds that had to be made up because packets were missing, and those of silence,
    which is all there is where a gap lasts or a microphone is off; and for how many milliseconds sound waits
    in the browser's buffer. `frozen_ms`: for so long pictures that ought to move stood still, in all."""

    class Sound(Message):
        slot: Annotated[int, Field(ge=0, lt=MAX_SLOTS)]
        concealed_ms: Annotated[int, Field(ge=0, le=60_000)]
        silent_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
        total_ms: Annotated[int, Field(ge=0, le=60_000)]
        buffered_ms: Annotated[int, Field(ge=0, le=60_000)] = 0

    type: Literal["heard"] = "heard"
    sounds: Annotated[tuple[Sound, ...], Field(max_length=MAX_SLOTS)]
    frozen_ms: Annotated[int, Field(ge=0, le=60_000)] = 0


class Prefer(Message):
    """What this person wants on this device. `sound_only`: send me no pictures. `save_data`: small ones."""

    type: Literal["prefer"] = "prefer"
    sound_only: bool
    save_data: bool


class Ping(Message):
    """Is the connection alive? Answered at once with a pong of the same id. Send the next one only after the
    pong: that is how the server knows that the chat before it arrived."""

    type: Literal["ping"] = "ping"
    id: Annotated[int, Field(ge=0, le=2**53)]


FromPage = Annotated[
    Hello
    | Offer
    | Media
    | Wish
    | Heard
    | Prefer
    | ChatSend
    | Admit
    | Decline
    | Mute
    | Remove
    | Lock
    | End
    | Leave
    | Ping,
    Field(discriminator="type"),
]
from_page: TypeAdapter[FromPage] = TypeAdapter(FromPage)


# --- from the server to the page ----------------------------------------------------------------------------


class Welcome(Message):
    """Answer to hello. `waiting`: knocked, the host knows (offers are refused until admitted). `joined`: send
    the offer. Sent again when a waiting participant is admitted. Keep `resume` for the tab's life
    (sessionStorage)."""

    type: Literal["welcome"] = "welcome"
    state: Literal["waiting", "joined"]
    participant: Identity
    name: str
    role: Role
    room: str
    resume: str
    resumed: bool
    lease: float  # seconds for which the place is kept for somebody who is out of reach
    may: tuple[str, ...]
    guest_link: str | None = None  # host only: "/r/ROOM#TOKEN", relative to the page's origin
    slots: int = 2  # (audio, video) slot pairs to put into the first offer


class Participant(Message):
    """One person in the room, as everybody sees them. Sources are what is switched on and really arrives, or
    would if it had been ordered; of what is off, the relay forwards nothing, whatever the page sends. `kind`:
    most have the page open; a "sender" (WHIP) or a "viewer" (WHEP) is a device or program that only sends or
    only watches, shown to everybody so that nobody listens unseen."""

    id: Identity
    name: str
    role: Role
    microphone: bool
    camera: bool
    screen: bool
    connection: Literal["connecting", "connected", "reconnecting"]
    lost: float | None = None  # seconds out of reach when this message was sent
    kind: Literal["page", "sender", "viewer"] = "page"


class Waiting(Message):
    id: Identity
    name: str
    since: float  # seconds waited when this message was sent
    connected: bool = (
        True  # False: they lost the connection and may come back; they can be admitted all the same
    )


class RoomState(Message):
    """The whole room, sent after each change and after a resume. Replaces what was known. Whoever still waits
    gets it without the participants: only whether the host is there and the room locked."""

    type: Literal["room"] = "room"
    locked: bool
    host_present: bool
    participants: tuple[Participant, ...]
    waiting: tuple[Waiting, ...] = ()  # host only


class Seat(Message):
    """What one slot carries. `audio_mid` and `video_mid` name the receiver's m-lines."""

    slot: int
    audio_mid: str | None
    video_mid: str | None
    participant: Identity | None
    source: Literal["camera", "screen"] | None  # "camera" carries microphone and camera of the participant


class Seats(Message):
    """All slots. If `missing` > 0, add that many slot pairs with one more offer."""

    type: Literal["seats"] = "seats"
    seats: tuple[Seat, ...]
    missing: int = 0


class Answer(Message):
    type: Literal["answer"] = "answer"
    connection: Identity
    sdp: str


class Speaking(Message):
    """Who speaks now, loudest first; empty when nobody does."""

    type: Literal["speaking"] = "speaking"
    participants: tuple[Identity, ...]


class Chat(Message):
    type: Literal["chat"] = "chat"
    participant: Identity
    name: str
    text: str
    at: float  # seconds since the epoch
    id: int  # grows within a room's session; lets the page drop repeats after a resume


class Sending(Message):
    """What the page is to send: no more than somebody can use, and no more than its uplink bears. Number of
    encodings, from the smallest up, that are to be active (0: none); pictures a second at most; `thin`:
    sound at a low bitrate in long packets."""

    type: Literal["sending"] = "sending"
    camera: int
    screen: int
    frame_rate: int
    thin: bool


class Condition(Message):
    """How one person is reached. `picture` is what you are shown of them: in motion; stills or sound alone,
    to save the sound on their way or on yours; or off (switched off by them, or not wished for by you). Of
    yourself it is what your uplink lets others be shown. `screen` is the same of the screen that they share;
    of your own it is what whoever is shown the least of it sees. `sound_only`: they chose it, so there are no
    pictures from them and none to them. `uplink` and `downlink` are their own, each for itself; only hosts
    learn them, and of nobody who is lost."""

    participant: Identity
    quality: Grade | Literal["lost"]
    cause: Cause
    picture: Picture
    screen: Picture = "off"
    sound_only: bool = False
    uplink: Grade | None = None
    downlink: Grade | None = None


class Conditions(Message):
    """How everybody is reached, after each change. `missed`: seconds of the last three of your speech that
    somebody did not hear, and who."""

    type: Literal["conditions"] = "conditions"
    people: tuple[Condition, ...]
    missed: float
    missed_by: tuple[Identity, ...]


class Muted(Message):
    """The host silenced your microphone; the page switches it off and says so (media). Switching it on again
    (media with microphone true) is the person's own choice and works at once."""

    type: Literal["muted"] = "muted"


class Pong(Message):
    type: Literal["pong"] = "pong"
    id: int


class Error(Message):
    """Something the page asked for was refused; the connection goes on. `message` may be shown as it is.
    `about` is the type of the message that was refused, where known."""

    type: Literal["error"] = "error"
    code: str
    message: str
    about: str | None = None


class Bye(Message):
    """The connection ends now and why. `retry`: the page may connect again by itself (a restart, not a
    decision). Codes and their words are in server/words.py. A page that has opened a new connection ignores
    what still comes on the old one."""

    type: Literal["bye"] = "bye"
    code: str
    message: str
    retry: bool = False


ToPage = (
    Welcome | RoomState | Seats | Answer | Speaking | Chat | Sending | Conditions | Muted | Pong | Error | Bye
)


def bye(code: str, *, retry: bool = False) -> Bye:
    return Bye(code=code, message=WORDS[code], retry=retry)


def error(code: str, about: str | None = None) -> Error:
    return Error(code=code, message=WORDS[code], about=about)
