"""Google congestion control as libwebrtc has it. Tests and benchmarks measure ours against it; the server
never runs it."""
