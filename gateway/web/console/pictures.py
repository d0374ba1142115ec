"""Numbers over time as the console draws them: a strip for each name, and the same numbers as a table."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from gateway.core.pictures.sign_ins import SHOWN
from gateway.core.pictures.spans import TimeSpan
from gateway.core.pictures.strip import BAR, HEIGHT, strip_of
from gateway.core.units import DAY_S
from gateway.web.account import iso

_LOOKS: Final = {
    "allow": "ok", "deny": "no", "limited": "some", "refused": "some",
    **dict(zip(SHOWN, ("ok", "some", "no", "other", "some", "no"), strict=True)),
}  # fmt: skip


def picture_of(
    span: TimeSpan, times: Sequence[int], series: Mapping[str, Sequence[int]], names: Sequence[str]
) -> Mapping[str, object]:
    """names: in the order of the strips; one that has no numbers is left out."""
    found = [(name, series[name]) for name in names if any(series.get(name, ()))]
    rows = [(at, [numbers[place] for _, numbers in found]) for place, at in enumerate(times)]
    return {
        "words": span.words,
        "step": span.step,
        "begin": _time(times[0], span),
        "begin_iso": iso(times[0]),
        "height": HEIGHT,
        "bar": BAR,
        "strips": [_strip(name, numbers, span) for name, numbers in found],
        "names": [_words(name) for name, _ in found],
        "rows": [(_time(at, span), iso(at), numbers) for at, numbers in reversed(rows) if any(numbers)],
    }


def _strip(name: str, numbers: Sequence[int], span: TimeSpan) -> Mapping[str, object]:
    strip = strip_of(numbers)
    most, words = f"{strip.most:,}", _words(name)
    return {
        "name": words,
        "look": _LOOKS.get(name, "other"),
        "total": f"{strip.total:,}",
        "most": most,
        "sentence": f"{words}: {strip.total:,} in the {span.words}, at most {most} in one {span.step}",
        "bars": strip.bars,
        "width": strip.width,
    }


def _words(name: str) -> str:
    return name.replace("_", " ")


def _time(at: int, span: TimeSpan) -> str:
    """In UTC, as the page says."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d" if span.step_s == DAY_S else "%Y-%m-%d %H:%M")
