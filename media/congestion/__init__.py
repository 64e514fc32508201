"""Send-side bandwidth estimation: what a path carries, learnt from transport-wide feedback. See
docs/congestion.md."""
