"""Owns how a report of controls looks: as data, and as one page without scripts that prints well."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final

from gateway.core.compliance.controls import BY_ID, Result
from gateway.core.compliance.period import ControlSpan, Observation

NOT_OBSERVED: Final = "not_observed"
DISCLAIMER: Final = (
    "This report shows what Bastion observed of its own controls. It is no audit opinion: an auditor judges whether the"
    " controls suit the organisation, and what happens outside of Bastion."
)


@dataclass(frozen=True, slots=True)
class ControlRow:
    """One definition of a control. definition: hexadecimal, "" where it was never looked at."""

    control: str
    definition: str
    spans: Sequence[ControlSpan]

    def lasted_s(self, state: str) -> int:
        return sum(span.lasted_s for span in self.spans if state_of(span) == state)

    @property
    def faults(self) -> Sequence[ControlSpan]:
        """Those that failed, or that nobody could look at."""
        return [span for span in self.spans if span.result in (Result.FAIL, Result.UNKNOWN)]


@dataclass(frozen=True, slots=True, repr=False)
class ExceptionRow:
    """Unix seconds. repr is left out: the reason may hold personal words."""

    control: str
    begins_at: int
    ends_at: int
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Report:
    """Unix seconds. populations: how many entries each has. changed_runs: whose results are not those of the log.

    licence: who is supported now, in sentences; nothing depends on it.
    """

    begins_at: int
    ends_at: int
    made_at: int
    rows: Sequence[ControlRow]
    exceptions: Sequence[ExceptionRow]
    populations: Mapping[str, int]
    changed_runs: Sequence[int]
    licence: Sequence[str] = ()


STATES: Final = (*(result.value for result in Result), NOT_OBSERVED)


def state_of(span: ControlSpan) -> str:
    return NOT_OBSERVED if span.result is None else span.result.value


def why(seen: ControlSpan | Observation) -> str:
    """Of a span: of the first look in it."""
    if seen.result is Result.UNKNOWN:
        return "it could not be looked at"
    evidence = json.loads(seen.evidence or "{}")
    ids = ", ".join(evidence.get("ids", ()))
    return f"{evidence.get('found', 0)} of {evidence.get('of', 0)}" + (f": {ids}" if ids else "")


def share(row: ControlRow, state: str) -> str:
    """Of the time that the row has."""
    whole = sum(span.lasted_s for span in row.spans)
    return f"{100 * row.lasted_s(state) / whole:.1f} %" if whole else "-"


def as_json(report: Report) -> dict[str, object]:
    return {
        "from": report.begins_at,
        "to": report.ends_at,
        "made_at": report.made_at,
        "controls": [_row(row) for row in report.rows],
        "exceptions": [
            {"control": one.control, "from": one.begins_at, "to": one.ends_at, "reason": one.reason, "by": one.by}
            for one in report.exceptions
        ],
        "populations": dict(report.populations),
        "changed_runs": list(report.changed_runs),
        "licence": list(report.licence),
        "note": DISCLAIMER,
    }


def _row(row: ControlRow) -> dict[str, object]:
    known = BY_ID.get(row.control)
    return {
        "control": row.control,
        "criteria": [] if known is None else list(known.criteria),
        "sentence": "" if known is None else known.sentence,
        "definition": row.definition,
        **{f"{state}_s": row.lasted_s(state) for state in STATES},
        "spans": [
            {"from": one.begins_at, "to": one.ends_at, "state": state_of(one), "evidence": one.evidence}
            for one in row.spans
        ],
    }


def utc(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


_STYLE: Final = """\
body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#111;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;vertical-align:top}
thead{display:table-header-group}
tr,li{break-inside:avoid}
.fail,.unknown,.not_observed{font-weight:700}
@media print{body{margin:0;max-width:none;font-size:10pt}@page{margin:15mm}}
"""


def as_html(report: Report) -> str:
    """A whole document, which loads nothing."""
    return "\n".join(_document(report)) + "\n"


def _document(report: Report) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Controls of Bastion</title>'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<style>\n{_STYLE}</style></head><body><main>"
    yield f"<h1>Controls of Bastion</h1>\n<p>From {utc(report.begins_at)} to {utc(report.ends_at)}."
    yield f"Made {utc(report.made_at)}.</p>\n<p>{escape(DISCLAIMER)}</p>"
    if report.changed_runs:
        runs = ", ".join(map(str, report.changed_runs))
        yield f'<p class="fail">The results of these runs are not those that the audit log tells of: {runs}.</p>'
    heads = ("Control", "Criteria", "Promise", "Passed", "Failed", "Unknown", "Not applicable", "Not observed")
    yield from _table(heads, (_cells(row) for row in report.rows))
    yield "<h2>Failed or unknown</h2>"
    yield from _table(("Control", "From", "To", "Why"), _faults(report.rows))
    yield "<h2>Exceptions</h2>"
    yield from _table(
        ("Control", "From", "To", "Reason", "By"),
        ((one.control, utc(one.begins_at), utc(one.ends_at), one.reason, one.by) for one in report.exceptions),
    )
    yield "<h2>Populations</h2>"
    yield from _table(("Population", "Entries"), ((name, str(count)) for name, count in report.populations.items()))
    if report.licence:
        yield f"<h2>Licence</h2>\n<p>{escape(' '.join(report.licence))}</p>"
    yield "</main></body></html>"


def _cells(row: ControlRow) -> Sequence[str]:
    known = BY_ID.get(row.control)
    criteria, sentence = ("", "") if known is None else (", ".join(known.criteria), known.sentence)
    return (f"{row.control} ({row.definition[:8] or '-'})", criteria, sentence, *(share(row, one) for one in STATES))


def _faults(rows: Sequence[ControlRow]) -> Iterator[Sequence[str]]:
    for row in rows:
        for span in row.faults:
            yield row.control, utc(span.begins_at), utc(span.ends_at), why(span)


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield (
        "<table><thead><tr>" + "".join(f'<th scope="col">{escape(one)}</th>' for one in heads) + "</tr></thead><tbody>"
    )
    lines = ["<tr>" + "".join(f"<td>{escape(one)}</td>" for one in cells) + "</tr>" for cells in rows]
    yield from lines or [f'<tr><td colspan="{len(heads)}">none</td></tr>']
    yield "</tbody></table>"
