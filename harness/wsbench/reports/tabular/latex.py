"""Tables as LaTeX, for a paper: booktabs, numbers in math mode, and the rows in bold that may be the best."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wsbench.errors import printable
from wsbench.reports.tabular.form import ABSENT, METHOD, ROW, Cell, Column, Kind, Line, Table

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")

_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#",
    "$": r"\$", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}",
    "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "'": "'", "±": r"\ensuremath{\pm}", "†": r"\textdagger{}", "‡": r"\textdaggerdbl{}",
    "§": r"\textsection{}", "¶": r"\textparagraph{}", "‖": r"\textbardbl{}",
}  # fmt: skip
_LIGATURE = re.compile(r"-(?=-)")

PREAMBLE = r"\usepackage[T1]{fontenc}", r"\usepackage{booktabs}"
"""What a document needs before it begins."""


def escaped(text: str) -> str:
    """Any text as LaTeX that shows it. What does not print is shown by its code; two hyphens stay two."""
    letters = "".join(_ESCAPED.get(letter, letter) for letter in printable(text))
    return _LIGATURE.sub("-{}", letters)


def as_latex(table: Table, caption: str, rule: str) -> str:
    """A floating table.

    Args:
        table: the table. Lines whose row is not worse than any other by more than noise (`Line.winner`) are
            bold in their names, ranks and in the measure that ranks.
        caption: what it shows, as plain text.
        rule: which rows are bold, as plain text. The caption ends with it.
    """
    columns = table.columns
    head = " & ".join(escaped(column.name) for column in columns)
    lines = [
        " & ".join(
            _cell(column, line, bold=line.winner and column.name in _bold(columns)) for column in columns
        )
        for line in table.lines
    ]
    needed = " ".join(PREAMBLE)
    return "\n".join(
        [
            f"% Made by `wsbench leaderboard --format latex`. Needs {needed}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(caption)} {escaped(rule)}}}",
            rf"\begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in columns)}}}",
            r"\toprule",
            rf"{head} \\",
            r"\midrule",
            *(rf"{line} \\" for line in lines),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _bold(columns: Sequence[Column]) -> set[str]:
    """The columns that are bold in the lines of winners: names, ranks, and the first measure."""
    measures = [column.name for column in columns if column.kind is Kind.SPREAD]
    return {ROW, METHOD, "rank", *measures[:1]}


def _cell(column: Column, line: Line, *, bold: bool) -> str:
    cell = line.cells.get(column.name, ())
    if column.kind is Kind.TEXT:
        text = (cell or ("",))[0]
        return _text(text, bold=bold) if text or not column.numeric else "--"
    return _numbers(column.kind, cell, bold=bold)


def _numbers(kind: Kind, cell: Cell, *, bold: bool) -> str:
    parts = [part for part in cell if part]
    if not parts:
        return "--"
    if kind is Kind.INTERVAL:
        return f"$[{', '.join(parts)}]$"
    first, *rest = [rf"\mathbf{{{part}}}" if bold else part for part in parts]
    if kind is Kind.SPREAD:
        spread = rf" \pm {parts[1]}" if rest else ""
        return f"${first}{spread}$"
    return f"${first}$" if not rest or rest[0] == first else f"${first}$--${rest[0]}$"


def _text(text: str, *, bold: bool) -> str:
    if NUMBER.fullmatch(text):
        return rf"$\mathbf{{{text}}}$" if bold else f"${text}$"
    if text == ABSENT:
        return "--"
    return rf"\textbf{{{escaped(text)}}}" if bold else escaped(text)
