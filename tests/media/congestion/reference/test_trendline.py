from media.congestion.reference.trendline import THRESHOLD_MS, Trendline, Usage


def feed(trendline: Trendline, count: int, growth: float, start: float = 0.0) -> float:
    """Groups sent every 20 ms that arrive `growth` seconds further apart; gives the last arrival."""
    arrived = start
    for _ in range(count):
        arrived += 0.020 + growth
        trendline.add(0.020, 0.020 + growth, arrived)
    return arrived


def test_steady_delay_is_normal():
    trendline = Trendline()
    feed(trendline, 100, 0.0)
    assert trendline.usage is Usage.NORMAL


def test_growing_delay_is_overuse_and_falling_delay_underuse():
    trendline = Trendline()
    arrived = feed(trendline, 40, 0.004)
    assert trendline.usage is Usage.OVERUSE
    feed(trendline, 40, -0.004, arrived)
    assert trendline.usage is Usage.UNDERUSE


def test_a_full_queue_looks_normal_to_a_gradient():
    trendline = Trendline()
    arrived = feed(trendline, 40, 0.004)
    feed(trendline, 60, 0.0, arrived)
    assert trendline.usage is Usage.NORMAL


def test_the_threshold_falls_while_nothing_happens():
    trendline = Trendline()
    feed(trendline, 100, 0.0)
    assert trendline.threshold_ms < THRESHOLD_MS
