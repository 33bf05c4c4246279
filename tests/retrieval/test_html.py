"""HTML is read as a reader of the page sees it."""

import pytest

from proviso.retrieval.from_html import from_html


def text_of(html: str) -> str:
    return from_html(html.encode()).text


def test_blocks_headings_and_lists_keep_their_structure() -> None:
    html = "<h1>Travel</h1><p>Take <b>the</b>\n train.</p><ul><li>a pass<li><p>a visa</p></ul><h2>Next</h2>"
    assert text_of(html) == "# Travel\n\nTake the train.\n\n- a pass\n- a visa\n\n## Next"


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>secret()</script>",
        "<style>.secret{}</style>",
        "<nav>secret</nav>",
        "<!-- secret -->",
        "<p hidden>secret</p>",
        "<p style='color:red; DISPLAY: none'>secret</p>",
        "<p aria-hidden='true'>secret</p>",
        "<template>secret</template><noscript>secret</noscript>",
        "<iframe srcdoc='secret'>secret</iframe><svg><text>secret</text></svg>",
    ],
)
def test_what_no_reader_sees_is_dropped(unseen: str) -> None:
    assert text_of(f"<p>One.</p>{unseen}<p>Two.</p>") == "One.\n\nTwo."


def test_the_main_part_of_a_page_is_its_text() -> None:
    page = "<body><header>Menu</header><main><p>Rule.</p></main><footer>Imprint</footer></body>"
    assert text_of(page) == "Rule."


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Page - intranet</title><h1>Hotels\n<i>2026</i></h1>", "Hotels 2026"),
        ("<title>Page</title><h1>One</h1><h1>Two</h1>", "Page"),
        ("<p>No title</p>", ""),
    ],
)
def test_the_title_is_the_only_top_heading_or_the_pages(html: str, title: str) -> None:
    assert from_html(html.encode()).title == title


def test_a_table_is_read_row_by_row_with_the_labels_of_its_columns() -> None:
    html = "<table><caption>Rates</caption><tr><th>City<th>Rate<tr><td>Oslo<td>95<tr><td>Lyon<td>68</table>"
    assert text_of(html) == "Rates\n\nCity: Oslo | Rate: 95\nCity: Lyon | Rate: 68"


def test_a_spanning_cell_stands_in_each_place_that_it_covers() -> None:
    html = (
        "<table><tr><th>Land</th><th>City</th><th>Rate</th></tr><tr><td rowspan=2>Norway</td><td>Oslo</td>"
        "<td>95</td></tr><tr><td colspan=2>Bergen</td></tr></table>"
    )
    assert text_of(html).split("\n")[1] == "Land: Norway | City: Bergen | Rate: Bergen"


def test_a_table_for_the_layout_is_read_as_its_blocks() -> None:
    inner = "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"
    html = f"<table><tr><td><p>Left.</p>{inner}</td></tr></table>"
    assert text_of(html) == "Left.\n\nA: 1 | B: 2"


def test_line_breaks_and_preformatted_lines_stay() -> None:
    assert text_of("<p>Street 1<br>Oslo</p><pre>a\n  b</pre>") == "Street 1\nOslo\n\na\n  b"


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_the_declared_encoding_is_believed(encoding: str) -> None:
    html = f"<meta charset='{encoding}'><p>Øl für Zoë</p>"
    assert from_html(html.encode(encoding)).text == "Øl für Zoë"


@pytest.mark.parametrize(
    "hostile",
    [
        "<div>" * 5_000 + "x",
        "<table><tr><td colspan=99999999 rowspan=65000>x" * 200,
        "<" * 100_000,
        "&#xD800;&#0;",
        "<meta charset=zlib><p>x",
    ],
)
def test_hostile_html_is_read_or_empty(hostile: str) -> None:
    assert len(text_of(hostile)) < 500_000
