"""Build the PDF and DOCX documents of the policy-qa example from Markdown texts.

Usage: python tools/example_documents.py [--check]

The texts are in tools/example_documents. The script needs fpdf2 and python-docx. With --check it writes
nothing and exits 1 if a rebuilt file differs. The same library versions give the same bytes: every date
comes from the text, and nothing is compressed.
"""

import argparse
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import docx
from docx.document import Document as WordDocument
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ROOT / "tools" / "example_documents"
SOURCES = ROOT / "src" / "proviso" / "examples" / "policy-qa" / "sources"
COMPANY = "Vantholm Engineering"
NAVY, GREY, PALE = (24, 54, 92), (105, 112, 122), (229, 236, 244)
LIST_ITEM = re.compile(r"(?:-|\d+\.) ")


@dataclass(frozen=True)
class Block:
    """One piece of a document: title, heading, meta, paragraph, bullets, steps or table."""

    kind: str
    lines: tuple[str, ...]

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, without the ruler below its header."""
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in self.lines]
        return [row for row in cells if set("".join(row)) != {"-"}]


@dataclass(frozen=True)
class Text:
    """A document before it becomes a PDF or a DOCX file."""

    target: str
    date: datetime
    blocks: list[Block] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The document's title."""
        return self.blocks[0].lines[0]

    @property
    def code(self) -> str:
        """The document's code, such as TP-12."""
        found = re.search(r"\b[A-Z]{2}-\d{2}\b", self.blocks[1].lines[0])
        return found.group() if found else ""


def read(path: Path) -> Text:
    """Read one Markdown text: a short header (target, date), then blocks with empty lines between them."""
    _, header, body = path.read_text(encoding="utf-8").split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in header.strip().splitlines())
    date = datetime.fromisoformat(fields["date"]).replace(hour=9, tzinfo=UTC)
    return Text(fields["target"], date, list(blocks(body)))


def blocks(body: str) -> Iterator[Block]:
    """Split Markdown into blocks; the first paragraph is the line with code, owner and date."""
    met_meta = False
    for part in re.split(r"\n{2,}", body.strip()):
        lines = tuple(part.splitlines())
        kind = kind_of(lines[0])
        if kind == "paragraph" and not met_meta:
            kind, met_meta = "meta", True
        if kind in ("title", "heading"):
            lines = (lines[0].lstrip("# "),)
        if kind in ("bullets", "steps"):
            lines = tuple(LIST_ITEM.sub("", line, count=1) for line in lines)
        yield Block(kind, lines)


def kind_of(line: str) -> str:
    """Name the kind of block that starts with this line."""
    if line.startswith("# "):
        return "title"
    if line.startswith("## "):
        return "heading"
    if line.startswith("|"):
        return "table"
    if line.startswith("- "):
        return "bullets"
    return "steps" if LIST_ITEM.match(line) else "paragraph"


@dataclass(frozen=True)
class Look:
    """How a block of text looks in a PDF: size in points, distances in millimetres."""

    size: float = 10.5
    bold: bool = False
    colour: tuple[int, int, int] = (30, 30, 30)
    before: float = 0
    after: float = 2.5
    indent: float = 0
    keep: float = 0  # space that must be free below, so that a heading stays with its text


LETTERHEAD = Look(size=8.5, bold=True, colour=GREY, after=4)
LOOKS = {
    "title": Look(size=21, bold=True, colour=NAVY, after=2),
    "meta": Look(size=9, colour=GREY, after=3),
    "heading": Look(size=13, bold=True, colour=NAVY, before=3.5, after=2, keep=24),
    "paragraph": Look(),
    "item": Look(indent=5, after=1),
}


class PolicyPdf(FPDF):
    """An A4 page with the company's name on top and a page number below."""

    def __init__(self, text: Text) -> None:
        super().__init__(format="A4")
        self.text_ = text
        self.set_margins(24, 20, 24)
        self.set_auto_page_break(True, margin=22)
        self.set_compression(False)
        self.set_creation_date(text.date)
        self.set_producer(COMPANY)
        self.set_author(COMPANY)
        self.set_title(text.title)
        self.set_lang("en-GB")

    def footer(self) -> None:
        """Write the document's code and the page number below each page; fpdf2 calls this."""
        self.set_y(-15)
        self.set_font("helvetica", size=8)
        self.set_text_color(*GREY)
        self.cell(0, 5, f"{COMPANY} - {self.text_.code} - page {self.page_no()}", align="C")

    def write_block(self, words: str, look: Look) -> None:
        """Write one block on one page: a block that does not fit moves to the next page as a whole."""
        self.set_font("helvetica", "B" if look.bold else "", look.size)
        self.set_text_color(*look.colour)
        line, width = look.size * 0.5, self.epw - look.indent
        rows = self.multi_cell(width, line, words, align="L", dry_run=True, output="LINES")
        assert isinstance(rows, list)  # which is what output="LINES" returns
        if self.will_page_break(look.before + line * len(rows) + look.keep):
            self.add_page()
        else:
            self.ln(look.before)
        self.set_x(self.l_margin + look.indent)
        self.multi_cell(width, line, words, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(look.after)

    def write_table(self, rows: list[list[str]]) -> None:
        """Write a table with a shaded header; it is not divided between two pages."""
        self.set_font("helvetica", size=9)
        self.set_text_color(30, 30, 30)
        self.set_draw_color(190, 198, 208)
        if self.will_page_break(7 * len(rows) + 2):
            self.add_page()
        with self.table(
            col_widths=widths(rows),
            line_height=4.6,
            padding=1.2,
            align="LEFT",
            text_align="LEFT",
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", color=NAVY, fill_color=PALE),
        ) as table:
            for row in rows:
                table.row(row)
        self.ln(4)


def widths(rows: list[list[str]]) -> tuple[int, ...]:
    """Column widths in proportion to the longest cell of each column."""
    return tuple(max(12, *(len(cell) for cell in column)) for column in zip(*rows, strict=True))


def build_pdf(text: Text) -> bytes:
    """Lay the text out as a PDF."""
    pdf = PolicyPdf(text)
    pdf.add_page()
    pdf.write_block(COMPANY.upper(), LETTERHEAD)
    for block in text.blocks:
        if block.kind == "table":
            pdf.write_table(block.rows)
        elif block.kind in ("bullets", "steps"):
            write_pdf_list(pdf, block)
        else:
            pdf.write_block(" ".join(block.lines), LOOKS[block.kind])
    return bytes(pdf.output())


def write_pdf_list(pdf: PolicyPdf, block: Block) -> None:
    """Write the items of a list, one below the other."""
    for number, line in enumerate(block.lines, start=1):
        mark = "-" if block.kind == "bullets" else f"{number}."
        pdf.write_block(f"{mark} {line}", LOOKS["item"])
    pdf.ln(2)


def build_docx(text: Text) -> bytes:
    """Lay the text out as a Word document with heading, list and table styles."""
    word = docx.Document()
    slim_down(word)
    set_properties(word, text)
    set_page(word)
    set_styles(word)
    styles = {"meta": "Subtitle", "paragraph": "Normal", "bullets": "List Bullet", "steps": "List Number"}
    for block in text.blocks:
        if block.kind == "title":
            word.add_heading(block.lines[0], level=0)
        elif block.kind == "heading":
            word.add_heading(block.lines[0], level=1)
        elif block.kind == "table":
            add_word_table(word, block.rows)
        else:
            lines = block.lines if block.kind in ("bullets", "steps") else (" ".join(block.lines),)
            for line in lines:
                word.add_paragraph(line, style=styles[block.kind])
    buffer = io.BytesIO()
    word.save(buffer)
    return fixed_zip(buffer.getvalue(), text.date)


def slim_down(word: WordDocument) -> None:
    """Leave out the parts and table styles of python-docx's template that the documents do not use."""
    for relations in (word.part.rels, word.part.package.rels):
        for key, relation in list(relations.items()):
            if relation.reltype.endswith(("/stylesWithEffects", "/thumbnail", "/customXml")):
                del relations[key]
    for style in list(word.styles.element.iter(qn("w:style"))):
        if style.get(qn("w:type")) == "table" and style.get(qn("w:styleId")) not in (
            "TableNormal",
            "TableGrid",
        ):
            word.styles.element.remove(style)


def set_properties(word: WordDocument, text: Text) -> None:
    """Replace the template's properties by the document's own."""
    properties = word.core_properties
    properties.author = properties.last_modified_by = COMPANY
    properties.title, properties.subject, properties.comments = text.title, text.code, ""
    properties.created = properties.modified = text.date.replace(tzinfo=None)
    properties.language = "en-GB"
    for language in word.styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), "en-GB")


def set_page(word: WordDocument) -> None:
    """Make the page A4, with the margins of the PDFs."""
    page = word.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(24)
    page.top_margin = page.bottom_margin = Mm(22)


def set_styles(word: WordDocument) -> None:
    """Give the styles one font and the company's colours."""
    looks = {"Normal": (10.5, None), "Title": (22, NAVY), "Heading 1": (13.5, NAVY), "Subtitle": (9.5, GREY)}
    for name, (size, colour) in looks.items():
        style = word.styles[name]
        style.font.size = Pt(size)
        style.font.name = "Calibri"
        style.font.italic = False
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        if colour:
            style.font.color.rgb = RGBColor(*colour)
        for spacing in style.element.rPr.findall(qn("w:spacing")):
            style.element.rPr.remove(spacing)
    word.styles["Heading 1"].paragraph_format.space_after = Pt(4)


def add_word_table(word: WordDocument, rows: list[list[str]]) -> None:
    """Add a table whose header row is bold, shaded and repeated on each page."""
    table = word.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    for number, row in enumerate(rows, start=1):
        for cell, words in zip(table.add_row().cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            layout = paragraph.paragraph_format
            layout.space_before = layout.space_after = Pt(2)
            layout.keep_with_next = number < len(rows)
            paragraph.add_run(words).font.size = Pt(9.5)
    for cell in table.rows[0].cells:
        cell.paragraphs[0].runs[0].bold = True
        shade = OxmlElement("w:shd")
        shade.set(qn("w:val"), "clear")
        shade.set(qn("w:fill"), "".join(f"{part:02X}" for part in PALE))
        cell._tc.get_or_add_tcPr().append(shade)  # noqa: SLF001 - python-docx has no shading of its own
    repeated = table.rows[0]._tr.get_or_add_trPr()  # noqa: SLF001 - nor repeated header rows
    repeated.append(OxmlElement("w:tblHeader"))
    word.add_paragraph().paragraph_format.space_after = Pt(2)


def fixed_zip(data: bytes, date: datetime) -> bytes:
    """Rewrite a zip file with one date for all members, so that it does not depend on when it was made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            member = zipfile.ZipInfo(name, date.timetuple()[:6])
            member.create_system = 3
            new.writestr(member, old.read(name))
    return buffer.getvalue()


def main() -> int:
    """Build every document, or check that a rebuilt one would not differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a rebuilt file differs"
    )
    check = parser.parse_args().check
    different = 0
    for path in sorted(TEXTS.glob("*.md")):
        text = read(path)
        target = SOURCES / text.target
        data = build_pdf(text) if target.suffix == ".pdf" else build_docx(text)
        if target.is_file() and target.read_bytes() == data:
            continue
        different += 1
        print(f"{'differs' if check else 'written'}: {target.relative_to(ROOT)}")
        if not check:
            target.write_bytes(data)
    return 1 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
