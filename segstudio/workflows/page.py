"""Puts a report together: one HTML file that needs nothing else, light or dark, and fit to be printed."""

import base64
import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Mark = Literal["good", "bad", "muted"]
NO_MARKS: Mapping[int, Mark] = MappingProxyType({})

# Colours of the window's themes. A drawing inside the page names them too, so that it follows the scheme.
LIGHT = """--page: #f3f3f5; --card: #ffffff; --line: #dddee4; --text: #1d1e23; --muted: #5b5e69;
  --good: #1c7a43; --bad: #bf2f2f; --good-back: #e2f4e8; --bad-back: #fce4e3; --series-1: #2a5bd7;
  --series-2: #0d7f72; --series-3: #9a6700; --series-4: #a03ab8; --series-5: #c4383d; --series-6: #5f6068;"""
DARK = """--page: #17181b; --card: #1e1f23; --line: #35373e; --text: #e8e9ed; --muted: #a3a6b1;
  --good: #67c08a; --bad: #f07f7f; --good-back: #1d3327; --bad-back: #40211f; --series-1: #7ba4ff;
  --series-2: #3fc3b1; --series-3: #e3b341; --series-4: #d59ae6; --series-5: #f07f7f; --series-6: #a3a6b1;"""
STYLE = f"""
:root {{ color-scheme: light dark; {LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 Inter, "Segoe UI", "SF Pro Text", Cantarell, "Noto Sans", sans-serif; }}
main {{ max-width: 1080px; margin: 0 auto; padding: 40px 24px 64px; }}
h1 {{ font-size: 28px; line-height: 1.2; margin: 0 0 24px; letter-spacing: -0.01em; }}
h2 {{ font-size: 17px; margin: 0 0 12px; }}
section {{ background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px 24px;
  margin: 0 0 20px; }}
p {{ margin: 0; max-width: 76ch; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px; }}
th, td {{ text-align: left; padding: 6px 20px 6px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }}
th {{ color: var(--muted); font-weight: 500; font-size: 13px; white-space: nowrap; }}
th:last-child, td:last-child {{ padding-right: 6px; }}
tbody tr:last-child td {{ border-bottom: 0; }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
tr.good td {{ background: var(--good-back); }}
tr.good td:first-child {{ box-shadow: inset 3px 0 var(--good); padding-left: 10px; }}
tr.bad td {{ background: var(--bad-back); }}
tr.bad td:first-child {{ box-shadow: inset 3px 0 var(--bad); padding-left: 10px; }}
tr.muted td {{ color: var(--muted); }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 4px 24px; margin: 0; }}
dt {{ color: var(--muted); }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
section > * + * {{ margin-top: 14px; }}
.figures {{ display: grid; gap: 20px;
  grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); }}
figure {{ margin: 0; break-inside: avoid; }}
figure div {{ display: flex; gap: 4px; }}
figure img {{ flex: 1 1 0; min-width: 0; width: 0; border-radius: 6px; background: var(--line); }}
figcaption {{ margin-top: 6px; font-size: 13px; overflow-wrap: anywhere; }}
figcaption span {{ display: block; color: var(--muted); }}
svg {{ display: block; width: 100%; height: auto; }}
@media (max-width: 640px) {{ main {{ padding: 24px 12px; }} section {{ padding: 16px; }}
  dl {{ grid-template-columns: 1fr; gap: 0; }} dd {{ margin-bottom: 8px; }} }}
@media print {{ :root {{ color-scheme: light; {LIGHT} --page: #ffffff; }} main {{ max-width: none;
  padding: 0; }} section {{ break-inside: avoid; }}
  thead {{ display: table-header-group; }} body {{ font-size: 11pt; }} }}
""".strip()


@dataclass(frozen=True)
class Figure:
    """Pictures side by side with what is said about them.

    Attributes:
        pictures: JPEG files with the words that stand for them where they cannot be seen.
        title: what they show.
        remark: below the title; "" for nothing.
    """

    pictures: tuple[tuple[bytes, str], ...]
    title: str
    remark: str = ""


def page(title: str, sections: Sequence[str]) -> str:
    """A whole HTML 5 document without scripts and without anything from elsewhere.

    Args:
        title: shown in the browser's tab and as the heading; plain text.
        sections: HTML, as `section` makes it.
    """
    name = html.escape(title)
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title>\n<style>\n{STYLE}\n</style>"
    )
    body = "\n".join(sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n'
        f"<body><main>\n<h1>{name}</h1>\n{body}\n</main></body>\n</html>\n"
    )


def section(heading: str, *parts: str) -> str:
    """A card with a heading; the parts are HTML, as the functions below or a drawing give it."""
    inner = "\n".join(parts)
    return f"<section>\n<h2>{html.escape(heading)}</h2>\n{inner}\n</section>"


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{html.escape(text)}</p>"


def facts(pairs: Mapping[str, object] | Iterable[tuple[str, object]]) -> str:
    """Names and values beside each other; both are plain text."""
    entries = pairs.items() if isinstance(pairs, Mapping) else pairs
    shown = "".join(
        f"<dt>{html.escape(str(name))}</dt><dd>{html.escape(str(value))}</dd>" for name, value in entries
    )
    return f"<dl>{shown}</dl>"


def figures(shown: Iterable[Figure]) -> str:
    """Figures in a grid; the pictures are inside the page."""
    return f'<div class="figures">\n{"".join(map(_figure, shown))}</div>'


def _figure(one: Figure) -> str:
    pictures = "".join(
        f'<img src="data:image/jpeg;base64,{base64.b64encode(content).decode()}" alt="{html.escape(words)}">'
        for content, words in one.pictures
    )
    remark = f"<span>{html.escape(one.remark)}</span>" if one.remark else ""
    caption = f"<figcaption>{html.escape(one.title)}{remark}</figcaption>"
    return f"<figure><div>{pictures}</div>{caption}</figure>\n"


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Collection[int] = (),
    marks: Mapping[int, Mark] = NO_MARKS,
) -> str:
    """A table of plain texts; a wide one scrolls by itself.

    Args:
        head: a heading a column.
        rows: a text a column.
        numbers: positions of the columns that hold numbers: to the right, with figures of equal width.
        marks: by position of a row, how it is coloured: good, bad or muted.

    Raises:
        ValueError: a row has not as many texts as there are headings.
    """

    def line(texts: Sequence[str], tag: str, mark: str = "") -> str:
        cells = "".join(
            f"<{tag}{' class=number' if column in numbers else ''}>{html.escape(text)}</{tag}>"
            for column, (text, _) in enumerate(zip(texts, head, strict=True))
        )
        return f'<tr class="{mark}">{cells}</tr>' if mark else f"<tr>{cells}</tr>"

    body = "\n".join(line(row, "td", marks.get(position, "")) for position, row in enumerate(rows))
    return (
        f'<div class="scroll"><table>\n<thead>{line(head, "th")}</thead>\n<tbody>{body}</tbody>\n'
        "</table></div>"
    )
