"""The page that each benchmark writes: one HTML file in the reader's colours, no script, nothing fetched."""

from __future__ import annotations

from html import escape

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; white-space: nowrap; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #8884; }
figure { padding: .5rem; border-radius: .5rem; background: #fff; color: #222; }
figure svg { max-width: 100%; height: auto; }
dt { float: left; clear: left; width: 9rem; opacity: .7; }
"""


def html_page(title: str, body: str, style: str = "") -> str:
    """`body` is HTML, under the title; `style` is CSS of this page alone."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
<h1>{escape(title)}</h1>
{body}
</html>
"""
