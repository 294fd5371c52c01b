"""What the page says, in the visitor's language; and text that comes from outside, made safe to show.

Sentences stand in English where they are said; :mod:`simsearch.ui.german` holds them in German.
"""

from __future__ import annotations

from datetime import date, datetime

import streamlit as st

from simsearch import SimsearchError
from simsearch.ui import german, german_errors


def is_german() -> bool:
    """Whether the visitor's browser asks for German; all others are spoken to in English."""
    return (st.context.locale or "").lower().startswith("de")


def say(english: str, **values: object) -> str:
    """Return a sentence in the visitor's language.

    Parameters
    ----------
    english
        The sentence; ``{name}`` stands for a value. Only literals: a test holds them against the catalogue.
    values
        Whole numbers are grouped as is usual in the language; everything else is taken as it is, so that text
        from outside has to be made safe before.
    """
    text = german.TEXTS[english] if is_german() else english
    if not values:
        return text
    return text.format_map({name: _shown(value) for name, value in values.items()})


def say_count(number: int, one: str, many: str, **values: object) -> str:
    """Return the sentence for one thing, or for many, as :func:`say`; ``{n}`` stands for the number."""
    return say(one if number == 1 else many, n=number, **values)


def noted(english: str) -> str:
    """Return a sentence as it is: one that stands in a table, to be said later."""
    return english


def told(english: str) -> str:
    """Return what the library says, an error or a note, in the visitor's language as far as that is known."""
    return german_errors.in_german(english) if is_german() else english


def _shown(value: object) -> object:
    return number(value) if isinstance(value, int) and not isinstance(value, bool) else value


def number(value: float, digits: int = 0) -> str:
    """Return a number with so many digits after the point, or the comma."""
    text = f"{value:,.{digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if is_german() else text


def percent(share: float, digits: int = 0) -> str:
    """Return a share, 0 to 1, in percent: 33%, as the library writes it, and in German 33 %."""
    return f"{number(100 * share, digits)}{' ' if is_german() else ''}%"


def day(moment: date) -> str:
    """Return a day, or that of a moment: 3 May 2020."""
    if is_german():
        return f"{moment.day}. {month(moment)}"
    return f"{moment.day} {month(moment)}"


def month(moment: date) -> str:
    """Return the month of a moment: May 2020."""
    return f"{month_name(moment)} {moment.year}"


def month_name(moment: date) -> str:
    """Return the name of a moment's month: May."""
    return german.MONTHS[moment.month - 1] if is_german() else f"{moment:%B}"


def file_size(count: int) -> str:
    """Return a number of bytes as people say it."""
    if count < 999_500:
        return f"{number(count / 1e3, 1 if count < 9_950 else 0)} kB"
    return f"{number(count / 1e6, 1)} MB" if count < 999_950_000 else f"{number(count / 1e9, 1)} GB"


def duration(seconds: float) -> str:
    """Return a time in seconds, minutes or hours."""
    if seconds < 90:
        return f"{number(seconds)} s"
    return f"{number(seconds / 60)} min" if seconds < 5400 else f"{number(seconds / 3600, 1)} h"


def time_of(moment: datetime) -> str:
    """Return when something was, for inside a sentence: today at 14:05, or on 3 May 2020 at 14:05."""
    time = f"{moment:%H:%M}"
    if moment.date() == datetime.now(moment.tzinfo).date():
        return say("today at {time}", time=time)
    return say("on {day} at {time}", day=day(moment), time=time)


def plain(text: str) -> str:
    """Make text safe where Streamlit reads Markdown."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]()<>#+-.!|~$:&" else char for char in legible(text))


def legible(text: str) -> str:
    """Return text as it can be sent to a browser, such as the path of a folder with a name that is none."""
    return text.encode(errors="replace").decode()


def show_error(error: SimsearchError) -> None:
    """Show an error as one sentence."""
    st.error(plain(told(str(error))), icon=":material/broken_image:")


def show_failure(error: Exception) -> None:
    """Show why work did not end well, as one sentence; of what nobody foresaw, its kind alone."""
    if isinstance(error, SimsearchError):
        show_error(error)
    else:
        st.error(say("Something went wrong that should not have ({kind}).", kind=type(error).__name__))
