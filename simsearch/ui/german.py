"""The page's sentences in German, by the English ones; a test says which are missing or left over."""

from __future__ import annotations

MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)

TEXTS = {
    # The frame
    "Search": "Suche",
    "Albums": "Alben",
    "Groups": "Gruppen",
    "Compare": "Vergleich",
    "Map": "Karte",
    "Exam": "Prüfung",
    "Library": "Bibliothek",
}
