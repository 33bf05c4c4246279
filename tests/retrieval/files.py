"""PDF and Word files, made when a test needs them."""

import io
from collections.abc import Sequence

import docx
from docx.shared import Pt
from fpdf import FPDF

ROWS = [("City", "Per diem"), ("Oslo", "95 EUR"), ("Lyon", "68 EUR")]


def pdf_of(
    *pages: str, table: Sequence[Sequence[str]] = (), title: str = "", password: str = "", footer: str = ""
) -> bytes:
    """A PDF with a page for each text."""
    document = FPDF()
    document.set_font("helvetica", size=11)
    if title:
        document.set_title(title)
    for number, text in enumerate(pages, 1):
        document.add_page()
        document.multi_cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
        if table:
            with document.table(table):
                pass
        if footer:
            document.set_auto_page_break(False)
            document.set_y(-15)
            document.cell(0, 6, f"{footer} {number}")
    if password:
        document.set_encryption(owner_password="owner", user_password=password)
    return bytes(document.output())


def picture_pdf() -> bytes:
    """A PDF of a drawing without a letter."""
    document = FPDF()
    document.add_page()
    document.rect(20, 20, 60, 60, style="F")
    return bytes(document.output())


def docx_of(*paragraphs: tuple[str, str], table: Sequence[Sequence[str]] = (), after: str = "") -> bytes:
    """A Word file of (style, text) paragraphs, then a table, then one more paragraph."""
    document = docx.Document()
    document.styles["Normal"].font.size = Pt(11)
    for style, text in paragraphs:
        document.add_paragraph(text, style=style)
    if table:
        grid = document.add_table(rows=0, cols=len(table[0]))
        for row in table:
            for cell, text in zip(grid.add_row().cells, row, strict=True):
                cell.text = text
    if after:
        document.add_paragraph(after)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
