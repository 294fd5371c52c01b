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
    "Tap to pick a picture": "Tippen, um ein Bild zu wählen",
    "or click to pick one from a folder": "oder klicken, um eines aus einem Ordner zu wählen",
    "Drop a picture, in the collection or not": "Ein Bild, ob in der Sammlung oder nicht",
    "Pick a picture from a folder": "Bild aus einem Ordner wählen",
    "Camera": "Kamera",
    "Take a picture": "Foto machen",
    "Random photo": "Zufälliges Foto",
    "Start from any photo of the library": "Von irgendeinem Foto der Bibliothek ausgehen",
    "the dropped picture": "Das abgelegte Bild",
    "Back to the dropped picture": "Zurück zum abgelegten Bild",
    "More like {name}": "Ähnlich wie {name}",
    "Asked before": "Frühere Suchen",
    "Back to {name}": "Zurück zu {name}",
    "{n} photo is ready": "{n} Foto ist bereit",
    "{n} photos are ready": "{n} Fotos sind bereit",
    "The most similar ones appear here. Nothing leaves this machine; photos are only read.": (
        "Hier erscheinen die ähnlichsten. Nichts verlässt diesen Rechner; Fotos werden nur gelesen."
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
    "Milvus": "Milvus",
    "Auto is {engine}.": "Automatisch heißt: {engine}.",
    "Shared neighbours count": "Gemeinsame Nachbarn zählen",
    "Otherwise only the cosine ranks.": "Sonst ordnet nur der Kosinus.",
    "Fold near-identical photos into one": "Nahezu identische Fotos zusammenfassen",
    "{total} ms: decode {decode}, encode {encode}, search {search}, thumbnails {thumbnails}": (
        "{total} ms: lesen {decode}, einbetten {encode}, suchen {search}, Vorschaubilder {thumbnails}"
    ),
    # Hits
    "near-identical": "nahezu identisch",
    "same scene": "gleiche Szene",
    "same kind": "gleiche Art",
    "closer than {share} of random pairs of your photos": (
        "ähnlicher als {share} zufälliger Paare der eigenen Fotos"
    ),
    "closer than {share} of pairs": "ähnlicher als {share} aller Paare",
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
    "The nearest, though probably unrelated": "Am nächsten, aber wohl ohne Bezug",
    "Show them": "Anzeigen",
    "Hide them": "Ausblenden",
    "Show {n} more": "{n} weitere anzeigen",
    "{n} selected": "{n} ausgewählt",
    "{n} selected, not shown": "{n} ausgewählt, nicht zu sehen",
    "{n} selected, {hidden} not shown": "{n} ausgewählt, davon {hidden} nicht zu sehen",
    "Clear": "Aufheben",
    # A hit, opened, and hits that are taken elsewhere
    "Hit": "Treffer",
    "Show what is alike": "Zeigen, was ähnlich ist",
    "Show the photo": "Foto zeigen",
    "probably unrelated": "wohl ohne Bezug",
    "As alike as a photo and a copy of it, slightly altered.": (
        "So ähnlich wie ein Foto und eine leicht veränderte Kopie davon."
    ),
    "As alike as two photos of one scene.": "So ähnlich wie zwei Fotos der gleichen Szene.",
    "Both are nearest to the same photos, as things of one kind are.": (
        "Beiden liegen dieselben Fotos am nächsten, wie es bei Dingen einer Art ist."
    ),
    "No more alike than a picture that shows nothing would be: probably chance.": (
        "Nicht ähnlicher, als es ein Bild ohne Inhalt wäre: wohl Zufall."
    ),
    "What the score means is not known yet: it is learnt after indexing, from 20 photos on.": (
        "Was der Wert bedeutet, ist noch nicht bekannt: Das wird nach dem Einlesen gelernt, ab 20 Fotos."
    ),
    "Closer than {share} of random pairs of your photos.": (
        "Ähnlicher als {share} zufälliger Paare der eigenen Fotos."
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
    "Press again to take it back": "Noch einmal drücken nimmt es zurück",
    "Copy path": "Pfad kopieren",
    "Copied": "Kopiert",
    "Could not be copied": "Konnte nicht kopiert werden",
    "Open folder": "Ordner öffnen",
    "Open photo": "Foto öffnen",
    "{path}: not on this machine; copy its address instead.": (
        "{path}: nicht auf diesem Rechner; stattdessen die Adresse kopieren."
    ),
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
    # Everywhere
    "{n} photo": "{n} Foto",
    "{n} photos": "{n} Fotos",
    "Search for photos like {name}": "Nach Fotos wie {name} suchen",
    "{first} to {last} of {n}": "{first} bis {last} von {n}",
    "Show {n}": "{n} zeigen",
    "Number of hits": "Anzahl der Treffer",
    "Getting ready ...": "Wird vorbereitet ...",
    # The query: a part of it, what it may be, likes and dislikes
    "Search with a part of it": "Mit einem Ausschnitt suchen",
    "Searching with what is in the box.": "Gesucht wird mit dem, was im Rahmen ist.",
    "Draw a box around what matters to you.": "Einen Rahmen um das ziehen, worauf es ankommt.",
    "Unlike anything here.": "Nichts hier sieht so aus.",
    "Looks like {kind}": "Sieht aus wie {kind}",
    "Perhaps {kind}": "Vielleicht {kind}",
    "all {n} nearest photos lie there.": "Alle {n} ähnlichsten Fotos liegen dort.",
    "of the {asked} nearest photos, {n} is related and lies there.": (
        "Von den {asked} ähnlichsten Fotos hat {n} Bezug zum Bild und liegt dort."
    ),
    "of the {asked} nearest photos, {n} are related and lie there.": (
        "Von den {asked} ähnlichsten Fotos haben {n} Bezug zum Bild und liegen dort."
    ),
    "all {n} nearest photos are labelled so.": "Alle {n} ähnlichsten Fotos tragen dieses Etikett.",
    "of the {asked} nearest photos, {n} is related and labelled so.": (
        "Von den {asked} ähnlichsten Fotos hat {n} Bezug zum Bild und trägt dieses Etikett."
    ),
    "of the {asked} nearest photos, {n} are related and labelled so.": (
        "Von den {asked} ähnlichsten Fotos haben {n} Bezug zum Bild und tragen dieses Etikett."
    ),
    "others": "andere",
    "More like": "Mehr wie",
    "Less like": "Weniger wie",
    "Take back {name}": "{name} zurücknehmen",
    "Take back: {name}": "Zurücknehmen: {name}",
    "Save as album": "Als Album speichern",
    "It holds the photos that belong together with this picture and what you like, new ones too.": (
        "Es enthält die Fotos, die zu diesem Bild und den Fotos mit Daumen hoch gehören, auch neue."
    ),
    "Name": "Name",
    "my espresso cups": "meine Espressotassen",
    "Save": "Speichern",
    "Open the album": "Album öffnen",
    # Albums
    "All albums": "Alle Alben",
    "None yet. Search with a picture, like what you find, and save it as an album: it holds the photos that "
    "belong together with those, and takes up new ones as they arrive.": (
        "Noch keines. Mit einem Bild suchen, Treffern einen Daumen hoch geben und als Album speichern: Es "
        "enthält die Fotos, die dazugehören, und bekommt neue dazu, sobald sie da sind."
    ),
    "What belongs together cannot be told in so small a library: only what is liked is here.": (
        "In einer so kleinen Bibliothek lässt sich nicht sagen, was zusammengehört: Hier sind nur die "
        "Fotos mit Daumen hoch."
    ),
    "Nothing else in the library is like these enough: only what is liked is here.": (
        "Sonst ist diesen nichts in der Bibliothek ähnlich genug: Hier sind nur die Fotos mit Daumen hoch."
    ),
    "Show more": "Mehr zeigen",
    "Rename": "Umbenennen",
    "Drop": "Auflösen",
    "The album and its examples are forgotten. No photo is touched.": (
        "Das Album und seine Beispiele werden vergessen. Kein Foto wird angerührt."
    ),
    "Drop this album": "Dieses Album auflösen",
    # Groups
    "Photos that belong together": "Fotos, die zusammengehören",
    "Groups of": "Gruppen von",
    "Copies": "Kopien",
    "Bursts": "Serien",
    "Clusters": "Ähnliches",
    # Copies
    "{doing}: {done} of {total} photos ...": "{doing}: {done} von {total} Fotos ...",
    "The first time takes some minutes where photos are many. It goes on when the page is left.": (
        "Beim ersten Mal dauert es bei vielen Fotos einige Minuten. Es geht weiter, auch wenn die Seite "
        "verlassen wird."
    ),
    "Stop": "Anhalten",
    "What is found is kept, and the next time goes on.": (
        "Was gefunden ist, bleibt; beim nächsten Mal geht es weiter."
    ),
    "Stopped before all photos were compared. What was found is kept.": (
        "Angehalten, bevor alle Fotos verglichen waren. Was gefunden ist, bleibt."
    ),
    "Go on": "Weitermachen",
    "The library has changed since these were found.": "Die Bibliothek hat sich seither verändert.",
    "Look again": "Neu suchen",
    "No copies found among {n} photo.": "Unter {n} Foto gibt es keine Kopien.",
    "No copies found among {n} photos.": "Unter {n} Fotos gibt es keine Kopien.",
    "No copies that you have not decided about found among {n} photos.": (
        "Unter {n} Fotos gibt es keine Kopien, über die noch zu entscheiden wäre."
    ),
    "{n} group": "{n} Gruppe",
    "{n} groups": "{n} Gruppen",
    "{n} copy": "{n} Kopie",
    "{n} copies": "{n} Kopien",
    "{size} could go, crops not counted": "{size} könnten weg, ohne Ausschnitte",
    "Nothing is deleted or moved here; your photos are only read. What you decide holds from now on, and can "
    "be taken back. The script, when you run it, moves worse versions to a folder that you name.": (
        "Hier wird nichts gelöscht oder verschoben; Fotos werden nur gelesen. Entscheidungen gelten "
        "ab sofort und lassen sich zurücknehmen. Erst das Skript verschiebt, wenn es ausgeführt wird, "
        "schlechtere Fassungen in einen Ordner nach Wahl."
    ),
    "How they are the same": "Worin sie gleich sind",
    "All of them, where none is chosen": "Alle, solange nichts gewählt ist",
    "All folders": "Alle Ordner",
    "Groups with a photo below it": "Gruppen mit einem Foto aus diesem Ordner",
    "Script that moves the worse aside": "Skript zum Aussortieren",
    "For you to read and run. It overwrites nothing, and leaves crops and what you keep alone.": (
        "Zum Durchlesen und Ausführen. Es überschreibt nichts und lässt Ausschnitte und Behaltenes in Ruhe."
    ),
    "Identical": "Identisch",
    "Re-saved": "Neu gespeichert",
    "Crops": "Ausschnitte",
    "best": "beste",
    "exact": "identisch",
    "re-saved": "neu gespeichert",
    "crop": "Ausschnitt",
    "{n} exact": "{n} identisch",
    "{n} re-saved": "{n} neu gespeichert",
    "{n} crop": "{n} Ausschnitt",
    "{n} crops": "{n} Ausschnitte",
    "Keep all": "Alle behalten",
    "Keep all: {name} and its copies": "Alle behalten: {name} und seine Kopien",
    "Take back": "Zurücknehmen",
    "Take back: {name} and its copies": "Zurücknehmen: {name} und seine Kopien",
    "Keep both": "Beide behalten",
    "Not the same": "Nicht dasselbe",
    "Decide about {name}": "Über {name} entscheiden",
    "Show what you decided: {n} pair": "Entscheidungen zeigen: {n} Paar",
    "Show what you decided: {n} pairs": "Entscheidungen zeigen: {n} Paare",
    "{one} and {other}": "{one} und {other}",
    "as good as the others": "so gut wie die anderen",
    "equal bytes": "gleiche Bytes",
    "It has the bytes of {name}.": "Bytegleich mit {name}.",
    "Neither is better.": "Keines ist besser.",
    "The best: {reason}.": "Das beste: {reason}.",
    "Compare it": "Vergleichen",
    "See {name} beside the best": "{name} neben dem besten sehen",
    "Side by side": "Nebeneinander",
    "Best": "Das beste",
    "Copy": "Kopie",
    "{width} x {height}": "{width} × {height}",
    "{width} x {height} pixels": "{width} × {height} Pixel",
    "taken {day}, {time}": "aufgenommen am {day}, {time}",
    "offline: shown from its thumbnail": "offline: als Vorschaubild gezeigt",
    # Bursts
    "Longest time from one photo to the next": "Längste Zeit von einem Foto zum nächsten",
    "Looking for bursts ...": "Serien werden gesucht ...",
    "{n} photo does not say when it was taken, and is in no burst.": (
        "{n} Foto verrät nicht, wann es aufgenommen wurde, und ist in keiner Serie."
    ),
    "{n} photos do not say when they were taken, and are in no burst.": (
        "{n} Fotos verraten nicht, wann sie aufgenommen wurden, und sind in keiner Serie."
    ),
    "No bursts found among {n} photo that says when it was taken.": (
        "Unter {n} Foto mit Aufnahmezeit gibt es keine Serien."
    ),
    "No bursts found among {n} photos that say when they were taken.": (
        "Unter {n} Fotos mit Aufnahmezeit gibt es keine Serien."
    ),
    "{n} burst": "{n} Serie",
    "{n} bursts": "{n} Serien",
    "sharpest": "schärfstes",
    # Clusters
    "Few, large": "Wenige, große",
    "Medium": "Mittel",
    "Many, small": "Viele, kleine",
    "Clusters are looked for once all photos are indexed.": (
        "Ähnliches wird gesucht, sobald alle Fotos eingelesen sind."
    ),
    "Looking for photos that look alike ...": "Fotos, die sich ähneln, werden gesucht ...",
    "No clusters found among {n} photos: no two of them are much alike.": (
        "Unter {n} Fotos ähneln sich keine zwei genug für eine Gruppe."
    ),
    "{n} cluster": "{n} Gruppe",
    "{n} clusters": "{n} Gruppen",
    "{n} photo is like no others, and in no cluster.": (
        "{n} Foto ähnelt keinem anderen und ist in keiner Gruppe."
    ),
    "{n} photos are like no others, and in no cluster.": (
        "{n} Fotos ähneln keinen anderen und sind in keiner Gruppe."
    ),
    "Without a name": "Ohne Namen",
    "typical": "typisch",
    # Map
    "Your photos on a map": "Die Fotos auf einer Karte",
    "None of the photos can be laid out; `simsearch doctor` says why.": (
        "Keines der Fotos lässt sich anordnen; `simsearch doctor` sagt, warum."
    ),
    "Laying out the photos ...": "Fotos werden angeordnet ...",
    "A better map is being made, which takes about {time}; here is a rougher one.": (
        "Eine bessere Karte entsteht und braucht etwa {time}; hier ist eine gröbere."
    ),
    "Colour by": "Farbe nach",
    "Date": "Datum",
    "Cluster": "Ähnlichkeit",
    "Nothing": "Nichts",
    "undated": "ohne Datum",
    "cluster {n}": "Gruppe {n}",
    "in smaller clusters": "in kleineren Gruppen",
    "in none": "in keiner",
    "Colouring the photos ...": "Fotos werden eingefärbt ...",
    "by their two main directions": "nach ihren zwei Hauptrichtungen",
    "neighbours together (t-SNE)": "Nachbarn beieinander (t-SNE)",
    "{photos}, {made}. Drag to move, turn the wheel or pinch to zoom, click to open; a double click shows "
    "all. Directions mean nothing, only what lies close together does.": (
        "{photos}, {made}. Verschieben: ziehen; vergrößern: Mausrad oder zwei Finger; öffnen: anklicken; ein "
        "Doppelklick zeigt alles. Richtungen bedeuten nichts, nur was nah beieinanderliegt."
    ),
    "The map in words": "Die Karte in Worten",
    "map": "Karte",
    "Map of {photos}. Below, it is told in words.": "Karte von {photos}. Darunter steht sie in Worten.",
    "Arrows move, plus and minus zoom, 0 shows all of it, Enter opens the photo in the middle.": (
        "Pfeiltasten verschieben, Plus und Minus vergrößern und verkleinern, 0 zeigt alles, die Eingabetaste "
        "öffnet das Foto in der Mitte."
    ),
    "Colours": "Farben",
    "Closer": "Näher",
    "Closer (+)": "Näher (+)",
    "Farther": "Weiter weg",
    "Farther (-)": "Weiter weg (-)",
    "Show all of it": "Alles zeigen",
    "All of it (0)": "Alles (0)",
    "Pictures also from afar": "Bilder auch von Weitem",
    "{n} photo in all.": "Insgesamt {n} Foto.",
    "{n} photos in all.": "Insgesamt {n} Fotos.",
    "{name}: {photos}, {where}, nearest to {nearest}.": (
        "{name}: {photos}, {where}, am nächsten bei {nearest}."
    ),
    "{name}: {photos}, {where}.": "{name}: {photos}, {where}.",
    "on the upper left": "oben links",
    "at the top": "oben",
    "on the upper right": "oben rechts",
    "on the left": "links",
    "in the middle": "in der Mitte",
    "on the right": "rechts",
    "on the lower left": "unten links",
    "at the bottom": "unten",
    "on the lower right": "unten rechts",
    "no longer here": "nicht mehr da",
    "This is the picture of the page Search.": "Das ist das Bild der Seite Suche.",
    "It lands at the cross; ringed are the photos most like it, of {folders}.": (
        "Es landet beim Kreuz; eingekreist sind die ähnlichsten Fotos, aus {folders}."
    ),
    "It lands at the cross, but nothing here is similar.": (
        "Es landet beim Kreuz, doch nichts hier ist ähnlich."
    ),
    "Click on a photo of the map to see it here.": "Ein Foto der Karte anklicken, um es hier zu sehen.",
    # Compare
    "One query, three engines": "Eine Anfrage, drei Verfahren",
    "There is one photo only, and comparing takes at least two; index some more.": (
        "Es gibt nur ein Foto, und zum Vergleichen braucht es mindestens zwei; weitere hinzufügen."
    ),
    "Its nearest photos appear here, as each engine finds them.": (
        "Hier erscheinen die ähnlichsten Fotos, wie jedes Verfahren sie findet."
    ),
    "Asking every engine ...": "Alle Verfahren werden gefragt ...",
    "Search alone": "Suche allein",
    "Recall against exact": "Trefferquote gegen exakt",
    "Scanned": "Durchgesehen",
    "Compared exactly": "Genau verglichen",
    "Memory": "Speicher",
    "This picture is unlike all photos here, or they are few: every one was compared.": (
        "Dieses Bild ähnelt keinem Foto hier, oder es sind nur wenige: Jedes wurde verglichen."
    ),
    "not among the nearest": "nicht unter den ähnlichsten",
    "What LSH missed, and why": "Was LSH verpasst hat, und warum",
    "Nothing: it found all {n} of the true nearest.": "Nichts: Es fand alle {n} wirklich ähnlichsten.",
    "{n} of the {count} true nearest. Cosines as hashed are seen from the photos' mean.": (
        "{n} der {count} wirklich ähnlichsten. Kosinus beim Hashen: vom Mittel der Fotos aus gesehen."
    ),
    "{name} in {folder}": "{name} in {folder}",
    "score {score}, cosine as hashed {cosine}": "Wert {score}, Kosinus beim Hashen {cosine}",
    "No number of buckets within reach meets it: its code differs from the query's in bits that are not "
    "weak.": (
        "Keine erreichbare Zahl von Fächern trifft es: Sein Code weicht von dem der Anfrage in Bits ab, die "
        "nicht schwach sind."
    ),
    "No number of buckets within reach meets it in {n} tables: its code differs from the query's in bits "
    "that are not weak.": (
        "Keine erreichbare Zahl von Fächern trifft es in {n} Tabellen: Sein Code weicht von dem der "
        "Anfrage in Bits ab, die nicht schwach sind."
    ),
    "Meeting it would have taken {needed} buckets; LSH looks into {probes}.": (
        "Um es zu treffen, hätte es {needed} Fächer gebraucht; LSH sieht in {probes} nach."
    ),
    "Meeting it in {n} tables would have taken {needed} buckets; LSH looks into {probes}.": (
        "Um es in {n} Tabellen zu treffen, hätte es {needed} Fächer gebraucht; LSH sieht in {probes} nach."
    ),
    "It was met, but too many others had signatures more similar to the query's.": (
        "Es wurde getroffen, doch zu viele andere hatten Signaturen, die denen der Anfrage ähnlicher sind."
    ),
    # The settings of LSH
    "How likely LSH finds a photo": "Wie wahrscheinlich LSH ein Foto findet",
    "Photos to the right of where the curve rises are found, those to the left are not even looked at. Good "
    "settings rise between the two heaps: the nearest lie to the right, all others to the left.": (
        "Fotos rechts vom Anstieg der Kurve werden gefunden, die links davon gar nicht erst angesehen. Gute "
        "Einstellungen steigen zwischen den beiden Haufen: Die ähnlichsten liegen rechts, alle anderen links."
    ),
    "Looking how alike the photos are ...": "Es wird geprüft, wie ähnlich die Fotos sind ...",
    "Drawing the curve ...": "Kurve wird gezeichnet ...",
    "Expected recall": "Erwartete Trefferquote",
    "Mean of the curve over the nearest.": "Mittel der Kurve über die ähnlichsten.",
    "Expected share scanned": "Erwarteter Anteil durchgesehen",
    "Mean of the curve over the others.": "Mittel der Kurve über die anderen.",
    "To search with these settings:": "Um mit diesen Einstellungen zu suchen:",
    "Bits": "Bits",
    "Hyperplanes a table": "Hyperebenen je Tabelle",
    "Tables": "Tabellen",
    "Probes": "Fächer",
    "Buckets looked into, over all tables": "Fächer, in die gesehen wird, über alle Tabellen",
    "Hits": "Treffer",
    "Tables that must agree": "Tabellen, die übereinstimmen müssen",
    "Hits: 1, as there is one table.": "Treffer: 1, denn es gibt nur eine Tabelle.",
    "Probability of being found by LSH against cosine, over two heaps: cosines of the nearest and others": (
        "Wahrscheinlichkeit, mit der LSH findet, über dem Kosinus; darunter zwei Haufen: Kosinus der "
        "ähnlichsten und der anderen"
    ),
    "Photos (most = 100%)": "Fotos (höchster = 100 %)",
    "the 15 nearest of a photo": "die 15 ähnlichsten eines Fotos",
    "any others": "beliebige andere",
    "Found with": "Gefunden mit",
    "these settings": "diesen Einstellungen",
    "the library's own": "denen der Bibliothek",
    "Cosine of two photos, seen from the mean of all": "Kosinus zweier Fotos, vom Mittel aller aus gesehen",
    "Probability of being found": "Wahrscheinlichkeit, gefunden zu werden",
    "Tune LSH": "LSH abstimmen",
    "Chooses bits, tables, probes and hits by the library's own photos, and keeps them.": (
        "Wählt Bits, Tabellen, Fächer und Treffer nach den eigenen Fotos der Bibliothek und behält sie."
    ),
    "Share of the true nearest to find": "Anteil der ähnlichsten, der zu finden ist",
    "Tune": "Abstimmen",
    "Trying settings ...": "Einstellungen werden probiert ...",
    "{n} bits": "{n} Bits",
    "{n} tables": "{n} Tabellen",
    "{n} probes": "{n} Fächer",
    "{n} hits": "{n} Treffer",
    "{settings}: found {recall} of the true nearest of {n} photo, scanning {share} of the library.": (
        "{settings}: {recall} der ähnlichsten Fotos von {n} Foto gefunden, dabei {share} der Bibliothek "
        "durchgesehen."
    ),
    "{settings}: found {recall} of the true nearest of {n} photos, scanning {share} of the library.": (
        "{settings}: {recall} der ähnlichsten Fotos von {n} Fotos gefunden, dabei {share} der Bibliothek "
        "durchgesehen."
    ),
    "That is less than the {share} wished for.": "Das ist weniger als die gewünschten {share}.",
    # Exam
    "How well are your photos found?": "Wie gut werden die Fotos gefunden?",
    "Photos of this library, chosen at random, are altered and searched for as if somebody had handed you "
    "the altered copy. Your photos are only read.": (
        "Zufällig gewählte Fotos dieser Bibliothek werden verändert und gesucht, als hätte jemand die "
        "veränderte Kopie überreicht. Fotos werden nur gelesen."
    ),
    "Photos to ask for": "Wie viele Fotos",
    "Examine": "Prüfen",
    "The library has changed since this exam.": "Die Bibliothek hat sich seit dieser Prüfung verändert.",
    "{asked} of {photos} photos asked for, in {time}.": "{asked} von {photos} Fotos geprüft, in {time}.",
    "Altered photos": "Veränderte Fotos",
    "{n} altered photo": "{n} veränderten Foto",  # said after "von" only
    "{n} altered photos": "{n} veränderten Fotos",
    "Of {altered}, **{n} is found first**.": "Von {altered} wird **{n} als erstes gefunden**.",
    "Of {altered}, **{n} are found first**.": "Von {altered} werden **{n} als erste gefunden**.",
    "The hardest: of {photos} {altered}, {n} is.": "Am schwersten: {altered}, {n} von {photos}.",
    "The hardest: of {photos} {altered}, {n} are.": "Am schwersten: {altered}, {n} von {photos}.",
    "found first": "als erstes gefunden",
    "among ten": "unter den ersten zehn",
    "of {n}": "von {n}",
    "cropped to 70%": "auf 70 % beschnitten",
    "cropped to 50%": "auf 50 % beschnitten",
    "turned by 90 degrees": "um 90 Grad gedreht",
    "turned slightly": "leicht gedreht",
    "mirrored": "gespiegelt",
    "saved again as a poor JPEG": "als schlechtes JPEG gespeichert",
    "scaled down to a quarter": "auf ein Viertel verkleinert",
    "made brighter": "aufgehellt",
    "made darker": "abgedunkelt",
    "turned grey": "in Grau",
    "{n} more is damaged: `simsearch doctor` says how.": (
        "{n} weiteres ist beschädigt: `simsearch doctor` sagt, wie."
    ),
    "{n} more are damaged: `simsearch doctor` says how.": (
        "{n} weitere sind beschädigt: `simsearch doctor` sagt, wie."
    ),
    "Of these, {identical} are called near-identical to their photo, and {scene} the same scene.": (
        "Davon gelten {identical} als nahezu identisch mit ihrem Foto und {scene} als gleiche Szene."
    ),
    "Pictures that show nothing": "Bilder, die nichts zeigen",
    "What scores mean is not known yet: it is learnt after indexing, from 20 photos on.": (
        "Was Werte bedeuten, ist noch nicht bekannt: Das wird nach dem Einlesen gelernt, ab 20 Fotos."
    ),
    "A search should say that nothing is similar to them. It does so for:": (
        "Eine Suche sollte sagen, dass ihnen nichts ähnelt. Sie tut es bei:"
    ),
    "enlarged from a detail": "aus einem Detail vergrößert",
    "scrambled beyond recognition": "bis zur Unkenntlichkeit verwürfelt",
    "Engines": "Verfahren",
    "How many of the 15 nearest each finds, and how quickly.": (
        "Wie viele der 15 ähnlichsten jedes findet, und wie schnell."
    ),
    "Found": "Gefunden",
    "Half the searches within": "Die Hälfte der Suchen in",
    "95 of 100 within": "95 von 100 in",
    "Looks at": "Sieht an",
    "Folders": "Ordner",
    "Labels": "Etiketten",
    "of the first 15 hits, those of the same kind": "von den ersten 15 Treffern die derselben Art",
    "what chance would give": "was der Zufall ergäbe",
    "{n} more, which do better": "{n} weitere, die besser abschneiden",
    # First visit, Library and health
    "Photos, among which a magnifying glass finds two of one kind": "Fotos, unter denen eine Lupe zwei "
    "derselben Art findet",
    "Which of your photos are like this one?": "Welche der eigenen Fotos sind diesem ähnlich?",
    "simsearch finds, in your own photos, the pictures most like "
    "one you have just been handed. It begins with a folder of "
    "photos.": ""
    "simsearch findet in den eigenen Fotos die Bilder, die einem gerade erhaltenen am ähnlichsten sind. "
    "Am Anfang steht ein Ordner mit Fotos.",
    "Nothing leaves this machine": "Nichts verlässt diesen Rechner",
    "Photos are only read": "Fotos werden nur gelesen",
    "Search works from the first photos on": "Gesucht werden kann ab dem ersten Foto",
    "The folder with your photos": "Der Ordner mit den Fotos",
    "Index {folder}": "{folder} einlesen",
    "No photos at hand?": "Keine Fotos zur Hand?",
    "In a terminal, let it draw some:": "Im Terminal welche zeichnen lassen:",
    "Your photos are being looked at": "Die Fotos werden eingelesen",
    "Searching begins with the first ones, in a moment.": "Mit den ersten geht die Suche gleich los.",
    "photos can be searched": "Fotos sind durchsuchbar",
    "are missing": "fehlen",
    "files could not be used": "Dateien waren nicht verwendbar",
    "take embeddings, thumbnails and index": "belegen Einbettungen, Vorschaubilder und Index",
    "Add a folder of photos": "Ordner mit Fotos hinzufügen",
    "Index it": "Einlesen",
    "Everything below it is indexed, in a process of its own. "
    "Photos are only read.": "Alles darin wird in einem eigenen Prozess eingelesen. Fotos werden nur "
    "gelesen.",
    "Type the path of a folder first, such as ~/Pictures.": "Bitte zuerst den Pfad eines Ordners eingeben, "
    "etwa ~/Bilder.",
    "Starting ...": "Wird gestartet ...",
    "Looking through the folders ...": "Die Ordner werden durchgesehen ...",
    "In {folder}": "In {folder}",
    "{n} photo can be searched already.": "{n} Foto ist schon durchsuchbar.",
    "{n} photos can be searched already.": "{n} Fotos sind schon durchsuchbar.",
    "What is done is kept.": "Was fertig ist, bleibt.",
    "This page may be closed: indexing goes on.": "Die Seite kann geschlossen werden: Das Einlesen geht "
    "weiter.",
    "All {total} photos are read; the index is being made ready ...": "Alle {total} Fotos sind gelesen; der "
    "Index wird vorbereitet ...",
    "{done} of {total} photos": "{done} von {total} Fotos",
    "{done} of {total} photos · {rate} a second · {left} left": "{done} von {total} Fotos · {rate} je "
    "Sekunde · noch {left}",
    "{n} added": "{n} neu",
    "{n} updated": "{n} aktualisiert",
    "{n} moved": "{n} verschoben",
    "{n} unchanged": "{n} unverändert",
    "{n} failed": "{n} fehlgeschlagen",
    "{n} missing": "{n} fehlen",
    "The indexing that began {since} did not succeed.": "Das Einlesen, das {since} begann, ist nicht "
    "gelungen.",
    "The indexing that began {since} was cut off. What was done is kept; index again to go on.": ""
    "Das Einlesen, das {since} begann, brach ab. Was fertig war, bleibt; erneutes Einlesen setzt es "
    "fort.",
    "no photos found": "keine Fotos gefunden",
    "Last indexed {since}: {told}.": "Zuletzt eingelesen {since}: {told}.",
    "It was stopped early; index again to go on.": "Es wurde angehalten; erneutes Einlesen setzt es fort.",
    "{n} file skipped": "{n} Datei übersprungen",
    "{n} files skipped": "{n} Dateien übersprungen",
    "{n} were known from before and not encoded again.": ""
    "{n} waren von früher bekannt und wurden nicht neu berechnet.",
    "{n} were known from before and not encoded again (about {time} "
    "saved).": "{n} waren von früher bekannt und wurden nicht neu berechnet (etwa {time} gespart).",
    "today at {time}": "heute um {time}",
    "on {day} at {time}": "am {day} um {time}",
    "Photos of offline folders can still be searched, and are shown "
    "from their thumbnails.": "Fotos aus nicht erreichbaren Ordnern bleiben durchsuchbar und werden als "
    "Vorschaubilder gezeigt.",
    "Look for changes": "Nach Änderungen sehen",
    "Index what is new or has changed": "Einlesen, was neu ist oder sich geändert hat",
    "Forget this folder": "Diesen Ordner vergessen",
    "The library forgets {n} photo of this folder. Its file stays "
    "on the disk as it is.": "Die Bibliothek vergisst {n} Foto dieses Ordners. Seine Datei bleibt auf dem "
    "Datenträger, wie sie ist.",
    "The library forgets {n} photos of this folder. Their files stay on the disk as they are.": ""
    "Die Bibliothek vergisst {n} Fotos dieses Ordners. Ihre Dateien bleiben auf dem Datenträger, wie sie "
    "sind.",
    "Forget": "Vergessen",
    "Forget it": "Vergessen",
    "{n} photo is missing": "{n} Foto fehlt",
    "{n} photos are missing": "{n} Fotos fehlen",
    "They are no longer where they were, and return when their "
    "files do. Those of offline folders are kept in any case.": "Sie sind nicht mehr, wo sie waren, und "
    "kehren mit ihren Dateien zurück. Die aus nicht erreichbaren Ordnern bleiben auf jeden Fall.",
    "Forget those that are gone": "Verschwundene Fotos vergessen",
    "{n} photo is forgotten.": "{n} Foto ist vergessen.",
    "{n} photos are forgotten.": "{n} Fotos sind vergessen.",
    "{n} file could not be used": "{n} Datei war nicht verwendbar",
    "{n} files could not be used": "{n} Dateien waren nicht verwendbar",
    "Reason": "Grund",
    "All reasons": "Alle Gründe",
    "Why": "Warum",
    "Try them again": "Noch einmal versuchen",
    "They are looked at again when they change.": "Sie werden erneut versucht, wenn sie sich ändern.",
    "Is all well?": "Ist alles in Ordnung?",
    "Check its health": "Zustand prüfen",
    "Reads database, thumbnails, network and index through; nothing "
    "is changed.": "Liest Datenbank, Vorschaubilder, Netz und Index durch; nichts wird geändert.",
    "Examine how well photos are found": "Prüfen, wie gut Fotos gefunden werden",
    "{done} of {total} photos looked at ...": "{done} von {total} Fotos geprüft ...",
    "Looked at {when}.": "Geprüft {when}.",
    "Something went wrong that should not have ({kind}).": "Unerwarteter Fehler ({kind}).",
    "Stopped before all was looked at.": "Angehalten, bevor alles geprüft war.",
    "All is well.": "Alles ist in Ordnung.",
    "Repair it": "Reparieren",
    "Repair all {n}": "Alle {n} reparieren",
    "What is damaged is made anew from the photos, and files of the "
    "index from the database. No photo is changed.": "Was beschädigt ist, entsteht neu aus den Fotos, und "
    "Dateien des Index aus der Datenbank. Kein Foto wird verändert.",
    "Repair now": "Jetzt reparieren",
    # Learn
    "Learn": "Lernen",
    "What the library has learnt": "Was die Bibliothek gelernt hat",
    "**Nothing**, as was wished on {when}: photos are compared as "
    "the network sees them.": "**Nichts**, wie am {when} gewünscht: Fotos werden verglichen, wie das Netz "
    "sie sieht.",
    "**Nothing yet**, as {n} photos do not differ.": "**Noch nichts**, denn {n} Fotos unterscheiden sich "
    "nicht.",
    "**Nothing yet**, for want of photos. From 50 on it learns by "
    "itself what they differ in.": "**Noch nichts**, denn es fehlt an Fotos. Ab 50 lernt sie von selbst, "
    "worin sie sich unterscheiden.",
    "**What your photos differ in**, from {photos}, on {when}.": "**Worin sich die Fotos unterscheiden**, "
    "aus {photos}, am {when}.",
    "**What tells {n} labels apart**, from {photos}, on {when}.": "**Was {n} Etiketten unterscheidet**, aus "
    "{photos}, am {when}.",
    "**What tells {n} folders apart**, from {photos}, on {when}.": "**Was {n} Ordner unterscheidet**, aus "
    "{photos}, am {when}.",
    "Only those below {folder}.": "Nur solche unter {folder}.",
    "The library had {then} photos then, and has {count} now.": "Damals hatte die Bibliothek {then} Fotos, "
    "jetzt sind es {count}.",
    "The kinds it knows": "Die Arten, die sie kennt",
    "{n} photo has a label; only it votes.": "{n} Foto hat ein Etikett; nur dieses stimmt ab.",
    "{n} photos have a label; only they vote.": "{n} Fotos haben ein Etikett; nur diese stimmen ab.",
    "Forget the labels": "Etiketten vergessen",
    "Folders vote again then. Photos, and what was learnt, stay as "
    "they are.": "Dann stimmen wieder Ordner ab. Fotos und das Gelernte bleiben, wie sie sind.",
    "Forget them": "Vergessen",
    "Kinds it was told": "Genannte Arten",
    "Kinds it was not told, to try it": "Zur Probe verschwiegene Arten",
    "Measured with photos that it did not learn from. The bar is after, the line before.": ""
    "Gemessen mit Fotos, aus denen nicht gelernt wurde. Der Balken zeigt nachher, der Strich vorher.",
    "The very first hit is of the photo's kind": "Der allererste Treffer ist von der Art des Fotos",
    "Of the first 15 hits, those of its kind": "Anteil seiner Art an den ersten 15 Treffern",
    "The 15 nearest vote for its kind": "Die 15 ähnlichsten stimmen für seine Art",
    "before": "vorher",
    "after": "nachher",
    "gain": "Gewinn",
    "{n} photo asked": "{n} Foto gefragt",
    "{n} photos asked": "{n} Fotos gefragt",
    "Teach it": "Etwas beibringen",
    "What is to be learnt": "Was gelernt werden soll",
    "What tells kinds apart": "Was Arten unterscheidet",
    "Only what your photos differ in": "Nur, worin sich die Fotos unterscheiden",
    "Photos of one kind move together, in searches and votes. What "
    "it gains is measured first.": "Fotos einer Art rücken zusammen, bei der Suche und beim Abstimmen. Der "
    "Gewinn wird vorher gemessen.",
    "The main directions of the whole collection, as it is done by "
    "itself; no kinds are needed.": "Die Hauptrichtungen der ganzen Sammlung, wie es von selbst geschieht; "
    "Arten sind nicht nötig.",
    "Photos are compared as the network sees them.": "Fotos werden verglichen, wie das Netz sie sieht.",
    "The kinds are": "Die Arten sind",
    "The folders below one": "Die Ordner unter einem",
    "Chosen folders": "Ausgewählte Ordner",
    "A list in a file": "Eine Liste in einer Datei",
    "Below which folder": "Unter welchem Ordner",
    "Folders that are kinds": "Ordner, die Arten sind",
    "Type to search": "Zum Suchen tippen",
    "Each folder stands for all photos below it, also for those "
    "that come later.": "Jeder Ordner steht für alle Fotos darin, auch für die, die später kommen.",
    "Kind of {folder}": "Art von {folder}",
    "Two folders of the same name are one kind.": "Zwei Ordner mit demselben Namen sind eine Art.",
    "Albums that are kinds": "Alben, die Arten sind",
    "All photos of an album are of one kind.": "Alle Fotos eines Albums sind von einer Art.",
    "{n} photo is in several of them and left out.": "{n} Foto ist in mehreren davon und bleibt außen vor.",
    "{n} photos are in several of them and left out.": "{n} Fotos sind in mehreren davon und bleiben außen "
    "vor.",
    "A CSV file": "Eine CSV-Datei",
    "In each line the path of a photo and its label; paths are "
    "absolute, or below an indexed folder.": "In jeder Zeile der Pfad eines Fotos und sein Etikett; Pfade "
    "sind vollständig oder beginnen in einem eingelesenen Ordner.",
    "**{n} kind**, {photos}": "**{n} Art**, {photos}",
    "**{n} kinds**, {photos}": "**{n} Arten**, {photos}",
    "The kinds": "Die Arten",
    "Kind": "Art",
    "Photos": "Fotos",
    "{n} kind has fewer than {fewest} photos and teaches nothing: "
    "{names}": "{n} Art hat weniger als {fewest} Fotos und lehrt nichts: {names}",
    "{n} kinds have fewer than {fewest} photos and teach nothing: "
    "{names}": "{n} Arten haben weniger als {fewest} Fotos und lehren nichts: {names}",
    "It takes two kinds of {fewest} photos or more each.": ""
    "Es braucht zwei Arten mit je {fewest} Fotos oder mehr.",
    "The label that {n} photo has is replaced.": "Das Etikett von {n} Foto wird ersetzt.",
    "The labels that {n} photos have are replaced.": "Die Etiketten von {n} Fotos werden ersetzt.",
    "{n} path is not in the library: {names}": "{n} Pfad ist nicht in der Bibliothek: {names}",
    "{n} paths are not in the library: {names}": "{n} Pfade sind nicht in der Bibliothek: {names}",
    "{n} more": "{n} weitere",
    "Photos are being indexed; what is learnt then has to wait.": "Gerade werden Fotos eingelesen; das "
    "Lernen muss warten.",
    "Reading what the photos look like ...": "Die Einbettungen werden gelesen ...",
    "Trying it on photos held out ...": "Wird an zurückgehaltenen Fotos erprobt ...",
    "Making the index anew ...": "Der Index wird neu angelegt ...",
    "This takes seconds, or a minute where photos are many. It goes "
    "on when the page is left.": "Das dauert Sekunden, bei vielen Fotos eine Minute. Es geht weiter, wenn "
    "die Seite verlassen wird.",
    "Nothing has changed then.": "Dann ändert sich nichts.",
    "Search would be worse with this, so nothing was changed. This "
    "was measured:": "Die Suche würde damit schlechter, darum blieb alles, wie es war. Das wurde gemessen:",
    "Use it all the same": "Trotzdem verwenden",
    "Stopped. Search is as it was.": "Angehalten. Gesucht wird wie vorher.",
    "Done: search and votes go by it from now on.": "Fertig: Suche und Abstimmungen richten sich von nun an "
    "danach.",
    "What is it?": "Was ist das?",
    "Hand it a picture, in the collection or not: the photos most "
    "like it vote for their kind.": "Ein Bild zeigen, ob aus der Sammlung oder nicht: Die ähnlichsten Fotos "
    "stimmen über seine Art ab.",
    "There are too few photos or kinds here for a vote.": "Für eine Abstimmung gibt es hier zu wenige Fotos "
    "oder Arten.",
    # Filters
    "Filters": "Filter",
    "Month": "Monat",
    "Between two days …": "Zwischen zwei Tagen …",
    "From": "Von",
    "To": "Bis",
    "Any": "Alle",
    "The label of a photo or, where there are none, the folder it lies in.": (
        "Das Etikett eines Fotos oder, wo es keine gibt, der Ordner, in dem es liegt."
    ),
    "Since {day}": "Seit {day}",
    "Until {day}": "Bis {day}",
    "{n} pixels or more": "Ab {n} Pixeln",
    "Remove this filter": "Diesen Filter entfernen",
    "Clear all": "Alle entfernen",
    "{n} of {all} photos is left": "{n} von {all} Fotos bleibt übrig",
    "{n} of {all} photos are left": "{n} von {all} Fotos bleiben übrig",
    "The filters leave no photo: remove one of them.": (
        "Die Filter lassen kein Foto übrig: mindestens einen entfernen."
    ),
    "{n} photo does not say when it was taken.": "Von {n} Foto ist nicht bekannt, wann es entstand.",
    "{n} photos do not say when they were taken.": "Von {n} Fotos ist nicht bekannt, wann sie entstanden.",
    # Asking on the map
    "Where does a picture land?": "Wo landet ein Bild?",
    # The look of all pages
    "Choose a file": "Datei wählen",
    # What goes with a folder that is forgotten
    "With it go the folders inside it: {folders}": "Mit ihm gehen die Ordner in ihm: {folders}",
    "What was said of these photos goes, too: labels, and what was decided in groups. Albums keep "
    "their examples, but as mere pictures.": "Auch was von diesen Fotos gesagt wurde, geht: Etiketten und "
    "was in Gruppen entschieden wurde. Alben behalten ihre Beispiele, aber als bloße Bilder.",
    "This folder is not there just now: what is forgotten cannot be indexed again.": "Dieser Ordner ist "
    "gerade nicht da: Was vergessen wird, lässt sich nicht wieder einlesen.",
    # In place of what Streamlit says in English
    "Getting ready (the first time takes half a minute) ...": (
        "Wird vorbereitet (beim ersten Mal dauert das eine halbe Minute) ..."
    ),
    "No camera: the browser finds none, or may use none.": (
        "Keine Kamera: Der Browser findet keine oder darf keine benutzen."
    ),
    # A box in numbers
    "{name}: a box can be drawn on it, or given in numbers below": (
        "{name}: Ein Rahmen lässt sich darauf ziehen oder unten in Zahlen angeben"
    ),
    "The box in numbers": "Rahmen in Zahlen",
    "Left (%)": "Links (%)",
    "Top (%)": "Oben (%)",
    "Width (%)": "Breite (%)",
    "Height (%)": "Höhe (%)",
    # What is liked or not, and gone
    "{n} photo with a thumb is not in the library any more: it counts no longer.": "{n} Foto mit Daumen ist "
    "nicht mehr in der Bibliothek: Es zählt nicht mehr.",
    "{n} photos with a thumb are not in the library any more: they count no longer.": "{n} Fotos mit Daumen "
    "sind nicht mehr in der Bibliothek: Sie zählen nicht mehr.",
    # Filters by their names
    "*Remove filter:* {filter}": "*Filter entfernen:* {filter}",
    # Networks
    "Network: {name}": "Netz: {name}",
    "The network turns photos into what is compared. Another one's embeddings are made beside those there "
    "are, which serve until all are made. Nothing is lost, and the way back is quick.": "Das Netz macht aus "
    "Fotos, was verglichen wird. Die Einbettungen eines anderen entstehen neben den vorhandenen, mit denen "
    "gesucht wird, bis alle da sind. Nichts geht verloren, und der Weg zurück ist kurz.",
    "serves": "wird benutzt",
    "{n} by its thumbnail": "{n} nach seinem Vorschaubild",
    "{n} by their thumbnails": "{n} nach ihren Vorschaubildern",
    "{n} still to be made": "{n} noch zu machen",
    "Let it serve": "Benutzen",
    "Drop its embeddings": "Seine Einbettungen löschen",
    "To have this network serve again, all photos have to be looked at anew.": "Um dieses Netz wieder zu "
    "benutzen, müssen alle Fotos neu angesehen werden.",
    "Drop them": "Löschen",
    "Another network": "Ein anderes Netz",
    "Choose one of {n}": "Eines von {n} wählen",
    "Make its embeddings": "Seine Einbettungen machen",
    "Weights that are not on this machine yet are fetched by Keras, once; no photo leaves it. "
    "simsearch compare-backbones, in a terminal, measures networks on your own photos.": "Gewichte, die noch "
    "nicht auf diesem Rechner sind, holt Keras einmal; kein Foto verlässt ihn. Im Terminal misst "
    "simsearch compare-backbones Netze an den eigenen Fotos.",
    "{share} right on ImageNet": "{share} richtig auf ImageNet",
    "is here": "ist da",
    "to be fetched": "wird geholt",
    # Training
    "In seconds, from what the network sees": "In Sekunden, aus dem, was das Netz sieht",
    "In minutes: new features are trained beside those of the network": (
        "In Minuten: Neben dem, was das Netz sieht, wird Neues trainiert"
    ),
    "In minutes: the network's last block is trained as well": (
        "In Minuten: Auch der letzte Block des Netzes wird trainiert"
    ),
    "How it is learnt": "Wie gelernt wird",
    "What is trained is measured on photos held out, and used only where it finds clearly better than what "
    "is learnt in seconds. Photos of kinds that it is not told of are found less well: in what was measured, "
    "they lost 4 to 6 of 100 hits.": "Was trainiert ist, wird an zurückgehaltenen Fotos gemessen und nur "
    "benutzt, wenn es deutlich besser findet als das in Sekunden Gelernte. Fotos von Arten, die ihm nicht "
    "genannt werden, werden schlechter gefunden: Gemessen wurden 4 bis 6 von 100 Treffern weniger.",
    "{n} photo was not used, for want of room.": "{n} Foto wurde aus Platzmangel nicht benutzt.",
    "{n} photos were not used, for want of room.": "{n} Fotos wurden aus Platzmangel nicht benutzt.",
    "{n} photo is of no kind that it was told of. Such photos are found less well now: in what was "
    "measured, they lost 4 to 6 of 100 hits.": "{n} Foto ist von keiner Art, die ihm genannt wurde. Solche "
    "Fotos werden jetzt schlechter gefunden: Gemessen wurden 4 bis 6 von 100 Treffern weniger.",
    "{n} photos are of no kind that it was told of. Such photos are found less well now: in what was "
    "measured, they lost 4 to 6 of 100 hits.": "{n} Fotos sind von keiner Art, die ihm genannt wurde. "
    "Solche Fotos werden jetzt schlechter gefunden: Gemessen wurden 4 bis 6 von 100 Treffern weniger.",
    "Reading the photos ...": "Fotos werden gelesen ...",
    "Starting TensorFlow ...": "TensorFlow wird gestartet ...",
    "Looking at the photos, as they are and altered ...": "Fotos werden angesehen, so und verändert ...",
    "Training, in rounds ...": "Training, in Runden ...",
    "Converting the network ...": "Das Netz wird umgewandelt ...",
    "Looking at all photos with the new network ...": "Alle Fotos werden mit dem neuen Netz angesehen ...",
    "This takes minutes. It goes on when the page is left.": (
        "Das dauert Minuten. Es geht weiter, wenn die Seite verlassen wird."
    ),
    "Done: the trained network serves from now on.": "Fertig: Ab jetzt wird das trainierte Netz benutzt.",
    "The trained network does not find clearly better, so nothing was changed.": (
        "Das trainierte Netz findet nicht deutlich besser; darum wurde nichts geändert."
    ),
    "Against what is learnt in seconds": "Gegen das in Sekunden Gelernte",
    # What Streamlit says itself
    "Skip to main content": "Zum Inhalt springen",
    "App pages": "Seiten",
    "Sidebar": "Seitenleiste",
    "Expand sidebar": "Seitenleiste öffnen",
    "Collapse sidebar": "Seitenleiste schließen",
    "Press Enter to apply": "Mit Enter übernehmen",
    "Press Enter to submit form": "Mit Enter absenden",
    "Choose an option": "Auswählen",
    "Choose options": "Auswählen",
    "Select all": "Alle wählen",
    "No results": "Nichts gefunden",
    "No options to select": "Nichts zur Wahl",
    "{name} options available.": "{name} zur Wahl.",
    "Open": "Öffnen",
    "Close": "Schließen",
    "Dismiss": "Schließen",
    "Clear value": "Auswahl aufheben",
    "Clear entry": "Eingabe löschen",
    "Clear date": "Datum entfernen",
    "Choose date": "Datum wählen",
    "Choose date, {name}": "Datum wählen, {name}",
    "Previous month": "Voriger Monat",
    "Next month": "Nächster Monat",
    "Fullscreen": "Vollbild",
    "Fullscreen: {name}": "Vollbild: {name}",
    "Close fullscreen": "Vollbild schließen",
    "Show data": "Daten zeigen",
    "Show chart": "Diagramm zeigen",
    "Download as CSV": "Als CSV herunterladen",
    "Download as PNG": "Als PNG herunterladen",
    "Copy Vega-Lite spec": "Vega-Lite-Angaben kopieren",
    "Copy to clipboard": "In die Zwischenablage kopieren",
    "Help for {name}": "Hilfe zu {name}",
    "Shortcut {name}": "Taste {name}",
    "Switch camera": "Kamera wechseln",
    "Clear photo": "Foto verwerfen",
}
