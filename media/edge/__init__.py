"""The network's edge: sockets, ICE-lite, DTLS, SRTP and timers. What is above does no input or output."""
