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
    # Search
    "Drop a picture, or paste it": "Bild hierher ziehen oder einfügen",
    "or click to pick one from a folder": "oder klicken, um eines aus einem Ordner zu wählen",
    "Drop a picture, in the collection or not": "Ein Bild, ob in der Sammlung oder nicht",
    "Pick a picture from a folder": "Bild aus einem Ordner wählen",
    "Camera": "Kamera",
    "Take a picture": "Bild aufnehmen",
    "Random photo": "Zufälliges Foto",
    "Start from any photo of the library": "Von irgendeinem Foto der Bibliothek ausgehen",
    "the dropped picture": "dem abgelegten Bild",
    "More like {name}": "Ähnlich wie {name}",
    "Asked before": "Zuvor gefragt",
    "Back to {name}": "Zurück zu {name}",
    "{n} photo is ready": "{n} Foto ist bereit",
    "{n} photos are ready": "{n} Fotos sind bereit",
    "The most similar ones appear here. Nothing leaves this machine; photos are only read.": (
        "Hier erscheinen die ähnlichsten. Nichts verlässt diesen Rechner; Fotos werden nur gelesen."
    ),
    "More are being indexed: the page Library shows how far that is.": (
        "Weitere werden gerade erfasst: Die Seite Bibliothek zeigt, wie weit das ist."
    ),
    "Or start from one of yours": "Oder von einem eigenen Foto ausgehen",
    "words of its name or folder": "Wörter aus Name oder Ordner",
    "Others": "Andere",
    "No photo has these words in its name or folder.": (
        "Kein Foto hat diese Wörter in seinem Namen oder Ordner."
    ),
    "Advanced": "Erweitert",
    "Alike … varied": "Ähnlich … vielfältig",
    "alike": "ähnlich",
    "varied": "vielfältig",
    "Engine": "Suchverfahren",
    "Auto": "Automatisch",
    "Exact": "Exakt",
    "FAISS": "FAISS",
    "LSH": "LSH",
    "Auto is {engine}.": "Automatisch heißt: {engine}.",
    "Shared neighbours count": "Gemeinsame Nachbarn zählen",
    "Otherwise only the cosine ranks.": "Sonst ordnet nur der Kosinus.",
    "Fold near-identical photos into one": "Fast gleiche Fotos zu einem zusammenfassen",
    "{total} ms: decode {decode}, encode {encode}, search {search}, thumbnails {thumbnails}": (
        "{total} ms: lesen {decode}, einbetten {encode}, suchen {search}, Vorschaubilder {thumbnails}"
    ),
    # Hits
    "near-identical": "nahezu identisch",
    "same scene": "gleiche Szene",
    "same kind": "gleiche Art",
    "closer than {percent} % of random pairs of your photos": (
        "ähnlicher als {percent} % zufälliger Paare der eigenen Fotos"
    ),
    "closer than {percent} % of pairs": "ähnlicher als {percent} % aller Paare",
    "offline": "offline",
    "+{n} near-identical": "+{n} nahezu identisch",
    "Hide near-identical": "Nahezu identische ausblenden",
    "Near-identical to {name}": "Nahezu identisch mit {name}",
    "Like {name}": "{name} gefällt",
    "Dislike {name}": "{name} gefällt nicht",
    "Select {name}": "{name} auswählen",
    "Open it": "Öffnen",
    "Select it": "Auswählen",
    "More like this": "Mehr davon",
    "Rank photos like this one higher": "Solche Fotos weiter vorn zeigen",
    "Rank photos like this one lower": "Solche Fotos weiter hinten zeigen",
    "It belongs here, and so does what is like it": "Gehört hierher, und was ihm ähnlich ist, auch",
    "It does not belong here": "Gehört nicht hierher",
    "Nothing in your collection is similar": "In der Sammlung ist nichts Ähnliches",
    "{n} more, probably unrelated": "{n} weitere, wohl ohne Bezug",
    "The nearest one is probably unrelated": "Auch das nächste Foto hat wohl keinen Bezug",
    "The nearest {n} are probably unrelated": "Auch die nächsten {n} haben wohl keinen Bezug",
    "Show them": "Anzeigen",
    "Hide them": "Ausblenden",
    "Show {n} more": "{n} weitere anzeigen",
    "{n} selected": "{n} ausgewählt",
    "Clear": "Aufheben",
    # A hit, opened, and hits that are taken elsewhere
    "Hit": "Treffer",
    "Show what is alike": "Zeigen, was ähnlich ist",
    "Show the photo": "Foto zeigen",
    "probably unrelated": "wohl ohne Bezug",
    "As alike as a photo and a copy of it, slightly altered.": (
        "So ähnlich wie ein Foto und eine leicht veränderte Kopie davon."
    ),
    "As alike as two photos of one scene.": "So ähnlich wie zwei Fotos derselben Szene.",
    "Both are nearest to the same photos, as things of one kind are.": (
        "Beiden liegen dieselben Fotos am nächsten, wie es bei Dingen einer Art ist."
    ),
    "No more alike than a picture that shows nothing would be: probably chance.": (
        "Nicht ähnlicher, als es ein Bild ohne Inhalt wäre: wohl Zufall."
    ),
    "There are too few photos here to tell what the score means.": (
        "Hier sind zu wenige Fotos, um zu sagen, was der Wert bedeutet."
    ),
    "Closer than {share} of random pairs of your photos.": (
        "Ähnlicher als {share} aller zufälligen Paare Ihrer Fotos."
    ),
    "Previous": "Zurück",
    "Next": "Weiter",
    "{place} of {count}": "{place} von {count}",
    "Its file is not there just now: this is its thumbnail.": (
        "Die Datei ist gerade nicht erreichbar: Dies ist das Vorschaubild."
    ),
    "Looking ...": "Wird verglichen ...",
    "What you asked with": "Womit gesucht wurde",
    "The brighter, the more like the other picture it is to the network; grey is no more than chance.": (
        "Je heller, desto ähnlicher ist es für das Netz dem anderen Bild; grau ist nicht mehr als Zufall."
    ),
    "What matches lies at the edges more than in the middle: it may be the background, not what stands "
    "before it. To leave that out, search with a part of the picture.": (
        "Was übereinstimmt, liegt eher am Rand als in der Mitte: Vielleicht ist es der Hintergrund "
        "und nicht, was davor steht. Um ihn wegzulassen, mit einem Teil des Bildes suchen."
    ),
    "Score": "Wert",
    "Folder": "Ordner",
    "Taken": "Aufgenommen",
    "Size": "Größe",
    "{width} × {height} pixels": "{width} × {height} Pixel",
    "File": "Datei",
    "Place": "Ort",
    "{degrees}° N": "{degrees}° N",
    "{degrees}° S": "{degrees}° S",
    "{degrees}° E": "{degrees}° O",
    "{degrees}° W": "{degrees}° W",
    "Like": "Gefällt mir",
    "Dislike": "Gefällt mir nicht",
    "Press again to take it back": "Nochmals drücken nimmt es zurück",
    "Copy path": "Pfad kopieren",
    "Copied": "Kopiert",
    "Could not be copied": "Konnte nicht kopiert werden",
    "Open folder": "Ordner öffnen",
    "Open photo": "Foto öffnen",
    "{path}: not there just now; look whether its disk is connected.": (
        "{path}: gerade nicht erreichbar; ist der Datenträger angeschlossen?"
    ),
    "{path}: nothing here could open it; copy its path, and open it in the file manager.": (
        "{path}: konnte hier nicht geöffnet werden; den Pfad kopieren und in der Dateiverwaltung öffnen."
    ),
    "{n} near-identical photo folded into it": "{n} nahezu identisches Foto dahinter",
    "{n} near-identical photos folded into it": "{n} nahezu identische Fotos dahinter",
    "and {n} more": "und {n} weitere",
    "Photos (ZIP, {size})": "Fotos (ZIP, {size})",
    "List (CSV)": "Liste (CSV)",
    "Contact sheet (PDF)": "Kontaktabzug (PDF)",
    "photos": "fotos",
    "{size} are too much for one download, which may have {most}: select fewer photos, or take the list "
    "and copy by it.": (
        "{size} sind zu viel für einen Download, der höchstens {most} haben darf: weniger Fotos auswählen, "
        "oder die Liste herunterladen und danach kopieren."
    ),
    "{n} is not there just now, and will not be among the photos.": (
        "{n} ist gerade nicht erreichbar und wird nicht dabei sein."
    ),
    "{n} are not there just now, and will not be among the photos.": (
        "{n} sind gerade nicht erreichbar und werden nicht dabei sein."
    ),
}
