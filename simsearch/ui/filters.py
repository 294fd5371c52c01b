"""Filters: which photos may answer, chosen on the page, and kept in its address."""

from __future__ import annotations

import calendar
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import streamlit as st

from simsearch import Choices, Filters, FolderError, Library
from simsearch.ui.votes import shown
from simsearch.ui.words import day, is_german, month, month_name, number, plain, say, say_count

_STATE = "filters"  # what is chosen
_DATE = re.compile(r"[12]\d{3}(-\d\d(-\d\d)?)?", re.ASCII)
_BETWEEN = "filter-between"  # whether two days are asked for
_DAYS = "days"  # what stands for them among the years
_TURN = "filters-turn"  # how often what is chosen came from elsewhere than the fields

# What is chosen stands beside the button, as small as it can be and still be hit with a finger. That it is
# removed so, the icon says to those who see it.
STYLE = """
<style>
  .st-key-filters { align-items: center; gap: .4rem; }
  [class*="st-key-filtered-"] button {
      min-height: 2rem; padding: 0 .6rem; border-radius: 1rem; max-width: 100%;
  }
  [class*="st-key-filtered-"] button p { font-size: .85rem; overflow-wrap: anywhere; }
  [class*="st-key-filtered-"] button em {
      position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
  .st-key-clear-filters button p { font-size: .85rem; }
</style>
"""


class _Offer(NamedTuple):
    """What there is to choose from, and what folders and kinds are called."""

    choices: Choices
    names: dict[str, str]

    def name(self, chosen: object) -> str:
        """Return what a folder or kind is called, which may come from an address, and not be there."""
        return self.names.get(str(chosen), str(chosen))


@st.cache_data(max_entries=2, show_spinner=False)
def _offer(_library: Library, stamp: str) -> _Offer:
    choices, everything = _library.choices(), len(_library)
    # A folder that holds all photos leaves nothing out.
    folders = [folder for folder in choices.folders if folder.photos < everything]
    whole = list(dict.fromkeys(one.name for one in (*choices.kinds, *folders)))
    names = dict(zip(whole, shown(whole, _library.roots()), strict=True))
    return _Offer(choices._replace(folders=folders), names)


@st.cache_data(max_entries=100, show_spinner=False)
def _left(_library: Library, stamp: str, filters: Filters) -> int:
    return _library.count(**filters)


def choose(library: Library) -> Filters:
    """Let be chosen which photos may answer; return what is."""
    offer = _offer(library, library.stamp)
    chosen = current()
    with st.container(key="filters", horizontal=True):
        said = _said(chosen, offer)
        label = f"{say('Filters')} · {len(said)}" if said else say("Filters")
        with st.popover(label, icon=":material/tune:"):
            _choose_folder(chosen, offer)
            _choose_time(chosen, offer.choices)
            _choose_camera(chosen, offer.choices)
            _choose_kind(chosen, offer)
        _show_chosen(said)
    if chosen:
        _show_left(library, chosen)
    return chosen


def current() -> Filters:
    """Return what is chosen."""
    return cast(Filters, dict(st.session_state.get(_STATE, {})))


def use(filters: Filters) -> None:
    """Choose filters, such as those of an address, in place of what is chosen."""
    _keep(from_address(to_address(filters)))
    _renew()


def to_address(filters: Filters) -> dict[str, str]:
    """Return what is chosen as the parameters of an address; days are all that is kept of times."""
    return {
        name: value.isoformat()[:10] if isinstance(value, date) else str(value)
        for name, value in filters.items()
        if value is not None
    }


def from_address(parameters: Mapping[str, str]) -> Filters:
    """Return what the parameters of an address choose; those that make no sense are left out."""
    read: dict[str, Callable[[str], object]] = {
        "under": lambda text: (os.path.isabs(text) or "://" in text) and _is_name(text) and text,
        "since": lambda text: _is_date(text) and text,
        "until": lambda text: _is_date(text) and text,
        "camera": lambda text: _is_name(text) and text,
        "kind": lambda text: _is_name(text) and text,
        "min_size": lambda text: re.fullmatch("[1-9][0-9]{0,5}", text) and int(text),
    }
    found = {name: reader(parameters[name]) for name, reader in read.items() if name in parameters}
    return cast(Filters, {name: value for name, value in found.items() if value})


def _is_name(text: str) -> bool:
    return bool(text.strip("/ ")) and text == text.encode(errors="replace").decode() and "\0" not in text


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and bool(_first_day(text))
    except ValueError:
        return False


def _keep(filters: Filters) -> None:
    st.session_state[_STATE] = filters


def _set(**values: object) -> None:
    """Choose values of filters; None takes one back."""
    filters = {**current(), **values}
    _keep(cast(Filters, {name: value for name, value in filters.items() if value is not None}))


# What is chosen


def _said(filters: Filters, offer: _Offer) -> dict[tuple[str, ...], str]:
    """Return what is chosen in words, by the filters that say it."""
    said: dict[tuple[str, ...], str] = {}
    if "under" in filters:
        said["under",] = offer.name(filters["under"])
    if time := _time_in_words(filters):
        said["since", "until"] = time
    if "camera" in filters:
        said["camera",] = str(filters["camera"])
    if "kind" in filters:
        said["kind",] = offer.name(filters["kind"])
    if "min_size" in filters:
        said["min_size",] = say("{n} pixels or more", n=filters["min_size"])
    return said


def _time_in_words(filters: Filters) -> str:
    since, until = filters.get("since"), filters.get("until")
    if isinstance(since, str) and since == until:
        return _in_words(since)
    words = [_in_words(str(when)) if when else "" for when in (since, until)]
    if all(words):
        return f"{words[0]} – {words[1]}"
    return (
        say("Since {day}", day=words[0]) if words[0] else say("Until {day}", day=words[1]) if words[1] else ""
    )


def _in_words(when: str) -> str:
    """Return a year, a month or a day as people write it."""
    first = _first_day(when)
    return when if len(when) == len("2023") else month(first) if len(when) == len("2023-05") else day(first)


def _show_chosen(said: dict[tuple[str, ...], str]) -> None:
    for names, words in said.items():
        st.button(
            say("*Remove filter:* {filter}", filter=plain(words)),
            key=f"filtered-{names[0]}",
            icon=":material/close:",
            help=say("Remove this filter"),
            on_click=partial(_take_back, names),
        )
    if len(said) > 1:
        st.button(
            say("Clear all"), key="clear-filters", type="tertiary", on_click=partial(_take_back, [*current()])
        )


def _take_back(names: list[str] | tuple[str, ...]) -> None:
    _set(**dict.fromkeys(names))
    if "since" in names or "until" in names:
        st.session_state[_BETWEEN] = False
    _renew()


def _renew() -> None:
    """Have new fields: those of a closed popover would send what they hold once more, and choose it again."""
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _show_left(library: Library, filters: Filters) -> None:
    try:
        left = _left(library, library.stamp, filters)
    except FolderError:  # the library does not know the folder, as the search will say
        left = 0
    if left:
        st.caption(
            say_count(left, "{n} of {all} photos is left", "{n} of {all} photos are left", all=len(library))
        )
    else:
        st.info(say("The filters leave no photo: remove one of them."), icon=":material/filter_alt_off:")


# What there is to choose


def _choose_folder(chosen: Filters, offer: _Offer) -> None:
    folders = {folder.name: folder.photos for folder in offer.choices.folders}
    _pick("under", say("Folder"), folders, chosen.get("under"), names=offer.names)


def _choose_camera(chosen: Filters, choices: Choices) -> None:
    _pick("camera", say("Camera"), dict(choices.cameras), chosen.get("camera"))


def _choose_kind(chosen: Filters, offer: _Offer) -> None:
    help_text = say("The label of a photo or, where there are none, the folder it lies in.")
    _pick(
        "kind", say("Kind"), dict(offer.choices.kinds), chosen.get("kind"), names=offer.names, help=help_text
    )


def _pick(
    name: str,
    label: str,
    counts: Mapping[str, int | None],
    value: object,
    note: Callable[[str | None], None] | None = None,
    *,
    names: Mapping[str, str] = MappingProxyType({}),
    help: str | None = None,
) -> None:
    """Let one of some things be chosen, or none of them, where there is a choice.

    Parameters
    ----------
    counts
        How many photos each leaves.
    note
        What is called with what was chosen; by default the filter of that name is set.
    names
        What to call those that are not called what they are.
    """

    def told(option: str) -> str:
        photos, said = counts[option], names.get(option, option)
        return said if photos is None else f"{said} ({number(photos)})"

    if len(counts) < 2 and value is None:
        return
    if value is not None:  # from an address: a part of a name, or what is not there any more
        counts = {**counts, str(value): counts.get(str(value))}
    key = _key(name)
    st.session_state[key] = value
    st.selectbox(
        label,
        list(counts),
        None,
        told,
        key=key,
        help=help,
        placeholder=say("Any"),
        on_change=_pass,
        args=(key, note or partial(_note, name)),
    )


def _pass(key: str, note: Callable[[Any], None]) -> None:
    """Pass on what a field holds; its key is the one it was shown with, as new ones may be due by now."""
    note(st.session_state[key])


def _note(name: str, chosen: str | None) -> None:
    _set(**{name: chosen})


def _key(name: str) -> str:
    return f"filter-{name}-{st.session_state.get(_TURN, 0)}"


def _choose_time(chosen: Filters, choices: Choices) -> None:
    """Let a year, a month of it, or the time between two days be chosen."""
    if not choices.months and not (chosen.get("since") or chosen.get("until")):
        return
    months = dict(choices.months)
    years = Counter[str]()
    for name, photos in months.items():
        years[name[:4]] += photos
    time = _period(chosen)
    year = time[:4] if time in years or time in months else None
    between = not year and bool(chosen.get("since") or chosen.get("until") or st.session_state.get(_BETWEEN))
    counts: dict[str, int | None] = dict(sorted(years.items(), reverse=True))
    counts[_DAYS] = None
    _pick(
        "when",
        say("Taken"),
        counts,
        _DAYS if between else year,
        partial(_note_when, choices),
        names={_DAYS: say("Between two days …")},
    )
    if between:
        _choose_days(chosen, choices)
    elif year:
        of_year = {name: photos for name, photos in months.items() if name.startswith(year)}
        names = {name: month_name(_first_day(name)) for name in of_year}
        value = time if time in of_year else None
        _pick("month", say("Month"), of_year, value, partial(_note_month, year), names=names)
    if choices.undated and (between or year):
        st.caption(
            say_count(
                choices.undated,
                "{n} photo does not say when it was taken.",
                "{n} photos do not say when they were taken.",
            )
        )


def _period(chosen: Filters) -> str:
    """Return the year or the month that is chosen, or nothing."""
    since, until = chosen.get("since"), chosen.get("until")
    return since if isinstance(since, str) and since == until and len(since) < len("2023-05-01") else ""


def _note_when(choices: Choices, when: str | None) -> None:
    chosen = current()
    st.session_state[_BETWEEN] = when == _DAYS
    if when != _DAYS:
        _set(since=when, until=when)
    elif time := _period(chosen):
        _set(since=_first_day(time).isoformat(), until=_last_day(time).isoformat())


def _note_month(year: str, chosen: str | None) -> None:
    _set(since=chosen or year, until=chosen or year)


def _choose_days(chosen: Filters, choices: Choices) -> None:
    since, until = (str(chosen[name]) if chosen.get(name) else None for name in ("since", "until"))
    values = {
        "since": since and _first_day(since),
        "until": until and _last_day(until),
    }
    days = [one for one in (*values.values(), choices.first, choices.last) if one]
    for name, label in (("since", say("From")), ("until", say("To"))):
        key = _key(name)
        st.session_state[key] = values[name]
        st.date_input(
            label,
            None,
            min(days),
            max(days),
            key=key,
            format="DD.MM.YYYY" if is_german() else "YYYY-MM-DD",
            on_change=_pass,
            args=(key, partial(_note_day, name)),
        )


def _note_day(name: str, chosen: date | None) -> None:
    _set(**{name: chosen and chosen.isoformat()})


def _first_day(when: str) -> date:
    """Return the first day of a year, a month or a day."""
    return date.fromisoformat(f"{when}-01-01"[:10])


def _last_day(when: str) -> date:
    first = _first_day(when)
    if len(when) == len("2023"):
        return first.replace(month=12, day=31)
    if len(when) == len("2023-05"):
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return first
