"""RTP streams: what is kept per SSRC, received and sent."""
