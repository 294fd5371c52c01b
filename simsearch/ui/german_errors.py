"""What the library says, errors and notes, in German; it says it in English, as commands do."""

from __future__ import annotations

import functools
import re

_NUMBER, _TEXT = r"\d[\d,.]*", ".+?"

# By the library's own words. There {n}, {n2} and so on stand for numbers, and other names for what has to be
# known here, too, but for what may come from others, or does. What is not known is shown in English.
_MAYBE_OTHERS = {"suffix", "why"}
_OTHERS = {"command", "engine", "hash", "hash2", "kind", "name", "names", "pid", "text", "tier", "time"}
_OTHERS |= {"unit", "unit2", "url"}
_SUBJECTS = {
    "the picture": "Das Bild",
    "the list": "Die Liste",
    "no folder": "Kein Ordner",
    "nothing can be learnt": "Es lässt sich nichts lernen",
}
PHRASES = {
    # Pictures that cannot be read
    "not a picture, or of a kind not read here": "kein Bild oder von einer Art, die hier nicht gelesen wird",
    "of a kind not read here ({text})": "von einer Art, die hier nicht gelesen wird ({text})",
    "cut short: the end of the file is missing": "abgeschnitten: Das Ende der Datei fehlt",
    "damaged": "beschädigt",
    "damaged ({text})": "beschädigt ({text})",
    "{n} pixels, where 1 to {n2} can be decoded on this machine": (
        "{n} Pixel, und dieser Rechner kann 1 bis {n2} lesen"
    ),
    "{n} bytes are too many for one photo": "{n} Bytes sind zu viele für ein Foto",
    "there is no end to it": "es nimmt kein Ende",
    "a camera raw of a kind not read here, or damaged": (
        "Rohdaten einer Kamera, von einer Art, die hier nicht gelesen wird, oder beschädigt"
    ),
    "a camera raw without a preview, and raws are not developed here": (
        "Rohdaten einer Kamera ohne Vorschau, und Rohdaten werden hier nicht entwickelt"
    ),
    "the network sees nothing in it": "das Netz sieht nichts darin",
    "not there just now": "gerade nicht da",
    "no thumbnail": "kein Vorschaubild",
    "no longer in this library": "nicht mehr in dieser Bibliothek",
    "not in this library": "nicht in dieser Bibliothek",
    "its embedding is damaged": "seine Einbettung ist beschädigt",
    "no longer kept here": "hier nicht mehr aufgehoben",
    "drop it again": "noch einmal ablegen",
    "try another picture": "ein anderes Bild versuchen",
    "check the path": "den Pfad prüfen",
    "look for copies again": "noch einmal nach Kopien suchen",
    "index its folder, or search with the picture": "seinen Ordner hinzufügen oder mit dem Bild suchen",
    "make it anew with: simsearch doctor --repair": "neu anlegen mit: simsearch doctor --repair",
    "run: simsearch doctor --repair": "im Terminal: simsearch doctor --repair",
    # Why files of a folder are not searched
    "folder cannot be read ({why})": "Ordner kann nicht gelesen werden ({why})",
    "cannot be read ({why})": "kann nicht gelesen werden ({why})",
    "a hidden folder": "ein versteckter Ordner",
    "a folder without a name": "ein Ordner ohne Namen",
    "a link to a folder; index that folder itself": "ein Verweis auf einen Ordner; diesen selbst hinzufügen",
    "hidden": "versteckt",
    "not a kind of photo read here ({suffix})": "keine Art von Foto, die hier gelesen wird ({suffix})",
    "no suffix": "ohne Endung",
    "the file's name is not valid text; rename it": "der Dateiname ist kein gültiger Text; umbenennen",
    "not a regular file": "keine gewöhnliche Datei",
    # Folders
    "no such folder": "diesen Ordner gibt es nicht",
    "not a folder": "kein Ordner",
    "no path": "kein Pfad",
    "no such user": "diesen Benutzer gibt es nicht",
    "its name is not valid text": "der Name ist kein gültiger Text",
    "holds no photos": "enthält keine Fotos",
    "suddenly without any of the {n} photos that the library knows in it": (
        "auf einmal ohne eines der {n} Fotos, die die Bibliothek darin kennt"
    ),
    "is indexed: {n} of the photos in it are the library's own": (
        "ist schon eingelesen: {n} der Fotos darin sind aus der Bibliothek selbst"
    ),
    "nothing of it is in the library": "nichts davon ist in der Bibliothek",
    "the library has none yet": "die Bibliothek hat noch keinen",
    "check the spelling": "die Schreibweise prüfen",
    "check the spelling, and that its disk is connected": (
        "die Schreibweise prüfen, und ob der Datenträger angeschlossen ist"
    ),
    "check the spelling, or write ./~...": "die Schreibweise prüfen oder ./~... schreiben",
    "check its permissions": "die Zugriffsrechte prüfen",
    "choose the folder they are in": "den Ordner wählen, in dem sie liegen",
    "name the folder the photos are in": "den Ordner nennen, in dem die Fotos liegen",
    "name a folder of photos": "einen Ordner mit Fotos nennen",
    "name a folder that is not": "einen anderen Ordner nennen",
    "name a folder that is indexed, or one inside it": (
        "einen Ordner der Bibliothek nennen oder einen darin"
    ),
    "name one, such as ~/Pictures": "einen nennen, etwa ~/Bilder",
    "rename it": "umbenennen",
    "nothing was changed; connect its disk, or run: {command}": (
        "es wurde nichts geändert; den Datenträger anschließen, oder im Terminal: {command}"
    ),
    # Addresses
    "an address, where no library can be": "eine Adresse, wo keine Bibliothek sein kann",
    "name a folder of this machine": "einen Ordner dieses Rechners nennen",
    "no answer within {n} seconds": "keine Antwort in {n} Sekunden",
    "cannot be reached ({text})": "nicht erreichbar ({text})",
    "access is denied": "der Zugriff wird verweigert",
    "no credentials were found": "es sind keine Zugangsdaten da",
    "the package {name} is not installed": "das Paket {name} ist nicht installiert",
    "a package is not installed ({text})": "ein Paket ist nicht installiert ({text})",
    "{kind}:// is no kind of address known here": "{kind}:// ist hier keine bekannte Art von Adresse",
    "an address in another cannot be used": "eine Adresse in einer anderen geht nicht",
    "an address names a host or a bucket after its ://": (
        "eine Adresse nennt nach :// einen Rechner oder Bucket"
    ),
    "an address with .. in it cannot be used": "eine Adresse mit .. darin geht nicht",
    "leave the password out of the address, and give it in fsspec's settings": (
        "das Passwort nicht in die Adresse schreiben, sondern in die Einstellungen von fsspec"
    ),
    "check the network and the address": "das Netz und die Adresse prüfen",
    "check that its credentials may list and read it": (
        "prüfen, ob ihre Zugangsdaten auflisten und lesen dürfen"
    ),
    "set them up as for the store's own tools": (
        "sie einrichten wie für die eigenen Werkzeuge des Speichers"
    ),
    "pip install 'simsearch[{name}]'": "im Terminal: pip install 'simsearch[{name}]'",
    "install it": "es installieren",
    "write it as SCHEME://HOST/FOLDER": "sie als SCHEMA://RECHNER/ORDNER schreiben",
    # The library
    "holds no photos yet": "enthält noch keine Fotos",
    "index some: simsearch index FOLDER": "auf der Seite Bibliothek einen Ordner hinzufügen",
    "no library here yet": "hier ist noch keine Bibliothek",
    "make one with: simsearch index FOLDER": "auf der Seite Bibliothek einen Ordner hinzufügen",
    "a file, not a folder": "eine Datei, kein Ordner",
    "choose another --library": "ein anderes --library wählen",
    "not a simsearch library": "keine Bibliothek von simsearch",
    "made by a newer simsearch (format {n}, this one knows {n2})": (
        "von einem neueren simsearch angelegt (Format {n}, dieses kennt {n2})"
    ),
    "upgrade simsearch": "simsearch aktualisieren",
    "in use by another simsearch": "wird von einem anderen simsearch benutzt",
    "being indexed by another simsearch (process {pid}, since {time})": (
        "ein anderes simsearch liest gerade ein (Prozess {pid}, seit {time})"
    ),
    "being indexed by another simsearch (process {pid}, since {time}, {n} of {n2} files)": (
        "ein anderes simsearch liest gerade ein (Prozess {pid}, seit {time}, {n} von {n2} Dateien)"
    ),
    "wait for it to finish and try again": "warten, bis es fertig ist, und noch einmal versuchen",
    "only who started it can stop it": "nur wer es gestartet hat, kann es anhalten",
    "the disk is full": "der Datenträger ist voll",
    "cannot be written": "kann nicht beschrieben werden",
    "cannot be written ({why})": "kann nicht beschrieben werden ({why})",
    "cannot be used as a lock ({why})": "kann nicht als Sperre dienen ({why})",
    "free some space": "Platz schaffen",
    "free some space, or point TMPDIR elsewhere": "Platz schaffen oder TMPDIR auf einen anderen Ort setzen",
    "free some space; what was indexed so far is kept": "Platz schaffen; was schon eingelesen ist, bleibt",
    "free some space; what is indexed is kept": "Platz schaffen; was eingelesen ist, bleibt",
    "make the folder writable": "den Ordner beschreibbar machen",
    "make the folder writable, or delete that file while nothing is indexing": (
        "den Ordner beschreibbar machen oder diese Datei löschen, solange nichts eingelesen wird"
    ),
    "check the folder's permissions, or choose another --library": (
        "die Zugriffsrechte des Ordners prüfen oder ein anderes --library wählen"
    ),
    "{what}, or choose another --library": "{what} oder ein anderes --library wählen",
    "{what}, or set SIMSEARCH_CACHE to another folder": (
        "{what} oder SIMSEARCH_CACHE auf einen anderen Ordner setzen"
    ),
    "damaged or no library ({why})": "beschädigt oder keine Bibliothek ({why})",
    "restore it from a backup, or move it away": "aus einer Sicherung zurückholen oder beiseiteschieben",
    "SQLite says: {why}": "SQLite sagt: {why}",
    "check the disk it is on": "den Datenträger prüfen, auf dem sie liegt",
    "none of the {n} photos asked for has a sound embedding and thumbnail": (
        "keines der {n} geprüften Fotos hat eine heile Einbettung und ein heiles Vorschaubild"
    ),
    "holds no photo that can be laid out": "enthält kein Foto, das sich anordnen lässt",
    "map: cannot be made ({why}); try again later.": (
        "Karte: kann nicht gemacht werden ({why}); später noch einmal versuchen."
    ),
    "a worker process did not start: {why}; try again, or with --workers 1.": (
        "Ein Hilfsprozess ist nicht gestartet: {why}; noch einmal versuchen, oder mit --workers 1."
    ),
    # Encoding on Ray
    "not the address of a Ray cluster": "nicht die Adresse eines Ray-Clusters",
    "write ray for this machine, or ray://HOST:{n} for the cluster whose head is HOST": (
        "ray schreiben für diesen Rechner, oder ray://HOST:{n} für den Cluster, dessen Kopf HOST ist"
    ),
    "set it to HOST:{n}, or unset it": "auf HOST:{n} setzen oder nicht setzen",
    "install it with: pip install 'simsearch[ray]'": "im Terminal: pip install 'simsearch[ray]'",
    "no Ray answers there ({why})": "dort antwortet kein Ray ({why})",
    "start Ray there with: ray start --head --port={n}; or check the address": (
        "Ray dort starten mit: ray start --head --port={n}; oder die Adresse prüfen"
    ),
    "Ray did not start ({text})": "Ray ist nicht gestartet ({text})",
    "Ray failed ({text})": "Ray ist gescheitert ({text})",
    "Ray ended (exit code {n})": "Ray ist abgebrochen (Code {n})",
    "Ray lost {n} files": "Ray hat {n} Dateien verloren",
    "try again": "noch einmal versuchen",
    "check the address and RAY_AUTH_TOKEN, and that this runs on a node of that cluster (ray status), in the "
    "node's own container if it has one (docker exec)": (
        "Adresse und RAY_AUTH_TOKEN prüfen, und ob dies auf einem Knoten jenes Clusters läuft (ray status), "
        "und zwar in dessen Container, wenn er einen hat (docker exec)"
    ),
    "run it again; what is done is kept": "noch einmal starten; was getan ist, bleibt",
    "see that the cluster runs, and run it again; what is done is kept": (
        "nachsehen, ob der Cluster läuft, und noch einmal starten; was getan ist, bleibt"
    ),
    "what is watched is encoded on this machine": "was beobachtet wird, liest dieser Rechner ein",
    "index with --on first, then follow the folders with --watch alone": (
        "erst mit --on einlesen, dann den Ordnern allein mit --watch folgen"
    ),
    # Networks, and tables that Redis keeps
    "made with {text}, not with {name}": "mit {text} eingelesen, nicht mit {name}",
    "open it without a backbone, or have the other one serve: simsearch index --backbone NAME": (
        "ohne Angabe eines Netzes öffnen, oder das andere einsetzen: simsearch index --backbone NAME"
    ),
    "it is of no use by itself": "für sich allein ist das nutzlos",
    "name the network with --backbone": "das Netz mit --backbone nennen",
    "the library has embeddings of {n} networks of that name": (
        "die Bibliothek hat Einbettungen von {n} Netzen dieses Namens"
    ),
    "not all embeddings of {name} are made": "es sind noch nicht alle Einbettungen von {name} gemacht",
    "to go on: simsearch index --backbone {name}": (
        "im Terminal geht es weiter mit: simsearch index --backbone {name}"
    ),
    "name one by its number, such as {hash}": "eines bei seiner Nummer nennen, etwa {hash}",
    "its embeddings are the ones that serve": "mit seinen Einbettungen wird gesucht",
    "first have another serve: simsearch index --backbone NAME": (
        "erst ein anderes einsetzen: simsearch index --backbone NAME"
    ),
    "{name} kind has {n} photos or more, and it takes two": (
        "{name} Art hat mindestens {n} Fotos, und es braucht zwei"
    ),
    "give another as many": "einer zweiten ebenso viele geben",
    "the photos of each kind are all copies of one another": (
        "die Fotos jeder Art sind alle Kopien voneinander"
    ),
    "add others of each": "andere von jeder hinzufügen",
    "TensorFlow is not installed": "TensorFlow ist nicht installiert",
    "install it: pip install tensorflow": "im Terminal: pip install tensorflow",
    "{name} makes a vector, where a head needs a map": (
        "{name} macht einen Vektor, und zum Trainieren braucht es eine Karte"
    ),
    "index with another network": "mit einem anderen Netz einlesen",
    "{name} takes pixels that are scaled outside of it": (
        "{name} nimmt Bildpunkte, die vorher umgerechnet werden"
    ),
    "save it with a Rescaling layer at its start, and index with that": (
        "es mit einer Rescaling-Schicht am Anfang speichern und damit einlesen"
    ),
    "{name} was made from a file that is not here": "{name} ist aus einer Datei, die nicht hier ist",
    "put its .keras file at {path}": "seine .keras-Datei hierhin legen: {path}",
    "training failed with exit code {n}: {text}": "das Training ist gescheitert (Code {n}): {text}",
    "check that tensorflow can be imported and that there is memory, and try again": (
        "prüfen, ob sich tensorflow importieren lässt und Speicher frei ist, und noch einmal versuchen"
    ),
    "the library has no embeddings of it": "die Bibliothek hat keine Einbettungen von ihm",
    "see which it has with: simsearch status": "im Terminal zu sehen, welche es gibt: simsearch status",
    "its weights, the package {name}, are not installed": (
        "seine Gewichte, das Paket {name}, sind nicht installiert"
    ),
    "its weights cannot be read ({text})": "seine Gewichte können nicht gelesen werden ({text})",
    "{name} has SHA-256 {hash}, where {hash2} was expected": "{name} hat SHA-256 {hash} und nicht {hash2}",
    "pip install --force-reinstall {name}": "im Terminal: pip install --force-reinstall {name}",
    "building it failed with {text}": "es ließ sich nicht bauen ({text})",
    "check that tensorflow can be imported, and try again": (
        "prüfen, ob sich tensorflow importieren lässt, und noch einmal versuchen"
    ),
    "TensorFlow, which builds it, cannot be imported ({text})": (
        "TensorFlow, das es baut, lässt sich nicht importieren ({text})"
    ),
    "pip install --upgrade tensorflow": "im Terminal: pip install --upgrade tensorflow",
    "there is too little memory to convert it": "der Speicher reicht nicht, um es umzuwandeln",
    "converting it was stopped by the system, perhaps for want of memory": (
        "das Umwandeln wurde vom System beendet, vielleicht aus Mangel an Speicher"
    ),
    "close other programs and try again, or choose a smaller network": (
        "andere Programme schließen und noch einmal versuchen oder ein kleineres Netz wählen"
    ),
    "its weights could not be fetched ({text})": "die Gewichte ließen sich nicht holen ({text})",
    "what came from {name} is not what Keras published: its hash is another": (
        "was von {name} kam, hat Keras so nicht veröffentlicht: Die Prüfsumme ist eine andere"
    ),
    "{name} is damaged or not complete, and could not be fetched again ({text})": (
        "{name} ist beschädigt oder unvollständig und ließ sich nicht noch einmal holen ({text})"
    ),
    "fetch {url} on another machine and put it at {name}, or name it with --weights FILE": (
        "{url} auf einem anderen Rechner holen und als {name} ablegen oder mit --weights DATEI angeben"
    ),
    "try again, or fetch {url} on another machine and put it at {name}, or name it with --weights FILE": (
        "noch einmal versuchen, oder {url} auf einem anderen Rechner holen und als {name} ablegen oder mit "
        "--weights DATEI angeben"
    ),
    "its network, made of the file with SHA-256 {hash}, is not here any more": (
        "das Netz, das aus der Datei mit SHA-256 {hash} entstand, ist nicht mehr da"
    ),
    "give that file: simsearch index {text}": "diese Datei angeben, im Terminal: simsearch index {text}",
    "give that file, which may be the published one, {url}: {text}": (
        "diese Datei angeben (vielleicht ist es die veröffentlichte, {url}), im Terminal: {text}"
    ),
    "have another serve: simsearch index --backbone NAME": (
        "ein anderes einsetzen, im Terminal: simsearch index --backbone NAME"
    ),
    "make it readable": "die Datei lesbar machen",
    "it puts out what are no numbers": "es gibt aus, was keine Zahlen sind",
    "check its weights": "die Gewichte prüfen",
    "it sees nothing: it puts out the same for every picture": (
        "es sieht nichts: Es gibt für jedes Bild dasselbe aus"
    ),
    "check its weights, or take another network": "die Gewichte prüfen oder ein anderes Netz nehmen",
    "the library's network gives no map of a picture, so that no part can be shown": (
        "das Netz der Bibliothek liefert keine Karte eines Bildes, darum lässt sich kein Teil zeigen"
    ),
    "the Python package {name} is missing": "das Python-Paket {name} fehlt",
    "install it with: {command}": "im Terminal: {command}",
    "start the server, mend the address, or leave --lsh-storage out": (
        "den Server starten, die Adresse berichtigen oder --lsh-storage weglassen"
    ),
    "has lost the tables, as a server that keeps nothing does when it is started anew": (
        "hat die Tabellen verloren, wie ein Server, der nichts speichert, nach einem Neustart"
    ),
    "search again; they are filled anew": "noch einmal suchen; sie werden neu gefüllt",
    "not the address of a Redis server": "keine Adresse eines Redis-Servers",
    "give one like {name}": "eine angeben wie {name}",
    # A Milvus server
    "not the address of a Milvus server": "keine Adresse eines Milvus-Servers",
    "give one like {name}, / and @ in a password as %2F and %40; or milvus:///FOLDER.db": (
        "eine angeben wie {name}, / und @ in einem Passwort als %2F und %40; oder milvus:///ORDNER.db"
    ),
    "pymilvus is not installed": "pymilvus ist nicht installiert",
    "install what talks to it: pip install 'simsearch[milvus]'": (
        "installieren, was mit ihm spricht: pip install 'simsearch[milvus]'"
    ),
    "no Milvus server holds this library": "kein Milvus-Server enthält diese Bibliothek",
    "fill one with: simsearch push milvus://HOST": "einen füllen: simsearch push milvus://HOST",
    "does not hold this library as it is searched now": (
        "enthält diese Bibliothek nicht so, wie sie jetzt durchsucht wird"
    ),
    "fill it with: simsearch push": "ihn füllen: simsearch push",
    "fill it with: simsearch push {url}": "ihn füllen: simsearch push {url}",
    "holds a newer state of this library than this copy of it knows": (
        "enthält einen neueren Stand dieser Bibliothek, als diese Kopie ihn kennt"
    ),
    "copy library.db anew from where it is indexed": "library.db neu kopieren, von wo eingelesen wird",
    "holds another history of this library": "enthält einen anderen Verlauf dieser Bibliothek",
    "copy library.db anew or, where this one counts, run: simsearch push --force": (
        "library.db neu kopieren oder, wenn diese die maßgebliche ist: simsearch push --force"
    ),
    "no answer from the Milvus server": "der Milvus-Server antwortet nicht",
    "start it, check its address, user and password, or search on this machine: --engine exact": (
        "ihn starten, Adresse, Name und Passwort prüfen, oder auf diesem Rechner suchen: --engine exact"
    ),
    "milvus-lite is not installed": "milvus-lite ist nicht installiert",
    "install it: pip install milvus-lite": "es installieren: pip install milvus-lite",
    "a file, not a folder of milvus-lite": "eine Datei, kein Ordner von milvus-lite",
    "name another": "einen anderen nennen",
    "there is no folder to make it in": "der Ordner, in dem er angelegt würde, ist nicht da",
    "make that, or name another": "ihn anlegen oder einen anderen nennen",
    "check its permissions, or name another": "seine Zugriffsrechte prüfen oder einen anderen nennen",
    "cannot be opened": "lässt sich nicht öffnen",
    "close what else has it open, as milvus-lite serves one process, or name another folder": (
        "schließen, was ihn sonst noch geöffnet hat, denn milvus-lite bedient nur einen Prozess, "
        "oder einen anderen Ordner nennen"
    ),
    "is damaged": "ist beschädigt",
    "delete that folder, and push again": "den Ordner löschen und noch einmal senden (simsearch push)",
    "there is no such database": "diese Datenbank gibt es nicht",
    "make it in the server, or leave it out of the address": (
        "sie im Server anlegen oder in der Adresse weglassen"
    ),
    "the server refuses the user": "der Server weist den Benutzer ab",
    "write milvus://USER:PASSWORD@HOST": "milvus://NAME:PASSWORT@HOST schreiben",
    "the server is still reading the collection into memory": (
        "der Server liest die Sammlung noch in den Arbeitsspeicher ein"
    ),
    "try again in a while": "es in einer Weile noch einmal versuchen",
    "the server has no memory left": "der Server hat keinen Arbeitsspeicher mehr",
    "give it more, or drop collections that nobody needs": (
        "ihm mehr geben, oder Sammlungen löschen, die niemand braucht"
    ),
    "the collection is gone": "die Sammlung ist fort",
    "Milvus says: {text}": "Milvus sagt: {text}",
    "try again, or look into the server's log": (
        "noch einmal versuchen, oder das Protokoll des Servers ansehen"
    ),
    # Learning
    "{none} {which} has {n} photos or more, and it takes two": (
        "{none} {which} hat mindestens {n} Fotos, und es braucht zwei"
    ),
    "no": "kein",
    "one": "nur ein",
    "folder": "Ordner",
    "label": "Etikett",
    "give another {which} as many": "noch einem {which} so viele geben",
    "search would be worse ({how})": "die Suche würde schlechter ({how})",
    "{n}% of the first 15 are of the photo's kind, {n2}% before, and {n3}% of the very first, {n4}% before": (
        "von den ersten 15 sind {n} % von der Art des Fotos, vorher {n2} %, und von den allerersten {n3} %, "
        "vorher {n4} %"
    ),
    "{told}; of kinds it was not told, {untold}": "{told}; bei Arten, die nicht genannt waren, {untold}",
    "use --force to have it all the same": "mit --force geschieht es trotzdem",
    "no photo of the library is named": "kein Foto der Bibliothek hat ein Etikett",
    "name a few photos or folders of each kind": "einigen Fotos oder Ordnern jeder Art ein Etikett geben",
    "the photos do not differ": "die Fotos unterscheiden sich nicht",
    "index photos of several things first": "erst Fotos von mehreren Dingen hinzufügen",
    "one kind cannot be told from others": "eine Art allein lässt sich von nichts unterscheiden",
    "label photos of at least two kinds": "Fotos von mindestens zwei Arten ein Etikett geben",
    "the kinds do not differ": "die Arten unterscheiden sich nicht",
    "label photos of things that look different": (
        "Fotos von Dingen, die verschieden aussehen, ein Etikett geben"
    ),
    "{text} holds no labels": "darin steht kein Etikett",
    "none of the {n} paths in {text} is in the library": "keiner der {n} Pfade darin ist in der Bibliothek",
    "give one path and one label a line, parted by a comma, a semicolon or a tab": (
        "je Zeile einen Pfad und ein Etikett angeben, durch Komma, Semikolon oder Tabulator getrennt"
    ),
    "not in UTF-8": "nicht in UTF-8",
    "give a CSV file in UTF-8": "eine CSV-Datei in UTF-8 angeben",
    # Albums
    "there is one already": "es gibt schon eines",
    "there is none of that name": "es gibt keines mit diesem Namen",
    "that is no name": "das ist kein Name",
    "a name has 1 to {n} characters, all of which can be printed": (
        "ein Name hat 1 bis {n} Zeichen, die sich alle drucken lassen"
    ),
    "it has no example {n}": "es hat kein Beispiel {n}",
    "nothing would tell what belongs there": "nichts würde sagen, was dazugehört",
    "choose another name": "einen anderen Namen wählen",
    "choose another name, or drop that one first": ("einen anderen Namen wählen oder jenes zuvor auflösen"),
    "choose one of 1 to {n} characters": "einen mit 1 bis {n} Zeichen wählen",
    "there are {names}": "es gibt {names}",
    "make it with: simsearch album NAME --like PICTURE": "auf der Seite Suche eines speichern",
    "look at its examples again": "die Beispiele noch einmal ansehen",
    "like another photo first": "erst einem anderen Foto einen Daumen hoch geben",
    # What an operating system says
    "permission denied": "Zugriff verweigert",
    "no such file or directory": "Datei oder Ordner nicht gefunden",
    "is a directory": "ist ein Ordner",
    "not a directory": "ist kein Ordner",
    "no space left on device": "kein Platz mehr auf dem Datenträger",
    "read-only file system": "der Datenträger lässt sich nur lesen",
    "input/output error": "Fehler beim Lesen oder Schreiben",
    "file name too long": "der Name ist zu lang",
    # Notes: why a photo is alike, and how to get a better map
    "What matches lies at the edges more than in the middle: it may be the background, not what stands "
    "before it. To leave that out, search with a part of the picture.": (
        "Was übereinstimmt, liegt eher am Rand als in der Mitte: Vielleicht ist es der Hintergrund "
        "und nicht, was davor steht. Um ihn wegzulassen, mit einem Ausschnitt des Bildes suchen."
    ),
    "On a better map photos lie closer to those like them; for that: {command}": (
        "Auf einer besseren Karte liegen Fotos näher bei ähnlichen; dafür: {command}"
    ),
    "near-identical": "nahezu identisch",
    "same scene": "gleiche Szene",
    "same kind": "gleiche Art",
    "probably unrelated": "wohl ohne Bezug",
    # What a doctor finds, and what can be done about it
    "{n} photos have {fault} ({names})": "{n} Fotos haben {fault} ({names})",
    "1 photo has {fault} ({names})": "1 Foto hat {fault} ({names})",
    "{found}, and {obstacle}": "{found}, und {obstacle}",
    "no embedding": "keine Einbettung",
    "an embedding that is not {n} bytes long": "eine Einbettung, die nicht {n} Bytes lang ist",
    "an embedding with a NaN or an infinity": "eine Einbettung mit einem NaN oder Unendlich",
    "an embedding whose length is not 1": "eine Einbettung, deren Länge nicht 1 ist",
    "another embedding than their file gives": "eine andere Einbettung, als die Datei ergibt",
    "the embedding of a black picture, which they are not": (
        "die Einbettung eines schwarzen Bildes, was sie nicht sind"
    ),
    "a thumbnail of more than {n} pixels a side": "ein Vorschaubild von mehr als {n} Pixeln Seitenlänge",
    "a thumbnail that is no whole JPEG": "ein Vorschaubild, das kein ganzes JPEG ist",
    "a size, width or height that cannot be": "eine Größe, Breite oder Höhe, die nicht sein kann",
    "a SHA-256 that cannot be": "eine SHA-256, die nicht sein kann",
    "a time that cannot be": "eine Zeit, die nicht sein kann",
    "a place that cannot be": "einen Ort, der nicht sein kann",
    "their folder is offline": "der Ordner ist offline",
    "their files are gone": "die Dateien sind weg",
    "their files cannot be used ({why})": "die Dateien lassen sich nicht nutzen ({why})",
    "their files give the same again": "die Dateien ergeben wieder dasselbe",
    "{name} is damaged ({why})": "{name} ist beschädigt ({why})",
    "{name} cannot be used ({why})": "{name} lässt sich nicht nutzen ({why})",
    "what was learnt from the photos cannot be used ({why})": (
        "was aus den Fotos gelernt wurde, lässt sich nicht nutzen ({why})"
    ),
    "what scores mean cannot be used ({why})": "was Werte bedeuten, lässt sich nicht nutzen ({why})",
    "{n} unfinished files were left by programs that were stopped ({names})": (
        "{n} unfertige Dateien sind von angehaltenen Programmen übrig ({names})"
    ),
    "{remedy}; until then they are not found": "{remedy}; bis dahin werden sie nicht gefunden",
    "{remedy}, which can then look at the embeddings as well": (
        "{remedy}; dann lassen sich auch die Einbettungen prüfen"
    ),
    "connect its disk and run: {command}": "den Datenträger anschließen, dann im Terminal: {command}",
    "bring them back and run: {command}; or drop them: simsearch sync --prune": (
        "zurückholen, dann im Terminal: {command}; oder vergessen: simsearch sync --prune"
    ),
    "restore them from a backup and run: simsearch sync": (
        "aus einer Sicherung zurückholen, dann im Terminal: simsearch sync"
    ),
    "restore library.db from a backup, or move it away and index anew": (
        "library.db aus einer Sicherung zurückholen, oder beiseiteschieben und neu einlesen"
    ),
    "look at the files, and try simsearch doctor --repair once more": (
        "die Dateien ansehen und simsearch doctor --repair noch einmal versuchen"
    ),
    "take them back on the page Albums": "auf der Seite Alben zurücknehmen",
    "made anew from their files": "aus den Dateien neu angelegt",
    "made anew": "neu angelegt",
    "learnt anew from the photos": "neu aus den Fotos gelernt",
    "learnt anew": "neu gelernt",
    "put right": "in Ordnung gebracht",
    "deleted": "gelöscht",
    # Copies: what was done to them
    "{n}% of it": "{n} % davon",
    "scaled to {n}%": "auf {n} % skaliert",
    "in more pixels: {n}%": "in mehr Pixeln: {n} %",
    "mirrored": "gespiegelt",
    "turned upside down": "auf den Kopf gestellt",
    "turned upside down and mirrored": "auf den Kopf gestellt und gespiegelt",
    "rotated by 90 degrees": "um 90 Grad gedreht",
    "rotated by 90 degrees and mirrored": "um 90 Grad gedreht und gespiegelt",
    "other brightness": "andere Helligkeit",
    "other colours": "andere Farben",
    "saved as {kind}": "als {kind} gespeichert",
    "saved again": "neu gespeichert",
    # Copies: why one is better; what stands before the colon is said alone, too
    "more pixels: {n} x {n2} against {n3} x {n4}": "mehr Pixel: {n} × {n2} gegen {n3} × {n4}",
    "more pixels": "mehr Pixel",
    "{better}; but the other {what}": "{better}; doch das andere {what}",
    "is a camera raw": "ist eine Kamera-Rohdatei",
    "may be the one that was not edited": "ist vielleicht das unbearbeitete",
    "is saved without loss": "ist verlustfrei gespeichert",
    "tells more in its Exif": "sagt mehr in seinen Exif-Daten",
    "tells more in its Exif: when, where or with what it was taken": (
        "sagt mehr in seinen Exif-Daten: wann, wo oder womit es aufgenommen wurde"
    ),
    "a camera raw": "eine Kamera-Rohdatei",
    "less of it burnt out": "weniger überbelichtet",
    "the older file": "die ältere Datei",
    "saved without loss, as {kind}": "verlustfrei gespeichert, als {kind}",
    "compressed less: {n} {unit} against {n2} {unit2}": "weniger komprimiert: {n} {unit} gegen {n2} {unit2}",
    "compressed less": "weniger komprimiert",
    "fewer folders deep": "weniger tief in Ordnern",
    "the shorter name": "der kürzere Name",
    "the first by name": "der erste dem Namen nach",
    "shows all of it": "zeigt alles davon",
    # What is being done
    "getting ready": "wird vorbereitet",
    "reading": "Fotos werden gelesen",
    "reading embeddings": "Einbettungen werden gelesen",
    "trying it on photos held out": "an zurückgehaltenen Fotos wird es erprobt",
    "making the index anew": "der Index wird neu angelegt",
    "looking for copies": "Kopien werden gesucht",
    "looking for crops": "Ausschnitte werden gesucht",
    "looking closer": "genauer wird hingesehen",
    "sketching": "Fotos werden skizziert",
    "searching with altered photos": "mit veränderten Fotos wird gesucht",
    "comparing engines: {doing}": "Verfahren werden verglichen: {doing}",
    "getting {engine} ready": "{engine} wird vorbereitet",
    "asking {engine}": "{engine} wird gefragt",
    "searching for photos of the same {by}": "nach Fotos derselben {by} wird gesucht",
    "folders": "Ordner",
    "labels": "Etiketten",
    # How engines search
    "exact: every photo is compared": "exakt: jedes Foto wird verglichen",
    "Milvus at {url}": "Milvus unter {url}",
    "{how}, as there are fewer than {n}": "{how}, denn es sind weniger als {n}",
    "{how}, as there are {n} or more": "{how}, denn es sind {n} oder mehr",
    "FAISS {tier}: {how}": "FAISS {tier}: {how}",
    "every photo is compared": "jedes Foto wird verglichen",
    "the sign bits of all photos are read and the best compared exactly": (
        "die Vorzeichen-Bits aller Fotos werden gelesen und die besten genau verglichen"
    ),
    "sign bits are read in some lists only, and the best compared exactly": (
        "Vorzeichen-Bits werden nur in einigen Listen gelesen und die besten genau verglichen"
    ),
    "{how} ({n} of {n2})": "{how} ({n} von {n2})",
    "random-projection LSH: {n} bits x {n2} tables, {n3} buckets looked into, and photos {met} scanned": (
        "LSH mit Zufallsprojektionen: {n} Bits × {n2} Tabellen, in {n3} Fächer gesehen, und {met} Fotos "
        "durchgesehen"
    ),
    "met": "getroffene",
    "met in {n} of them": "in {n} davon getroffene",
    # What folders and labels tell
    "All photos {have} one {which}, which tells nothing.": "Alle Fotos {have} {which}; das sagt nichts.",
    "lie in": "liegen in einem",
    "have": "haben ein",
    "No {which} has two photos, so the {by} tell nothing.": (
        "Kein {which} hat zwei Fotos; darum sagen die {by} nichts."
    ),
    "The {by} {mean} here: of a photo's first {n} hits {n2}% {have} its {which}, where chance would give "
    "{n3}%.": (
        "Die {by} {mean}: Von den ersten {n} Treffern eines Fotos stimmen {n2} % im {which} überein; der "
        "Zufall ergäbe {n3} %."
    ),
    "mean something": "bedeuten hier etwas",
    "tell little of what photos show": "sagen hier wenig darüber, was Fotos zeigen",
    "{said} The library was taught with these very photos: what that gains on others, simsearch "
    "learn says.": (
        "{said} Die Bibliothek wurde mit eben diesen Fotos unterrichtet: was das bei anderen bringt, sagt "
        "simsearch learn."
    ),
}


def in_german(english: str) -> str:
    """Return what the library said in German, or as it is where that is not known."""
    return _error(english) or _phrase(english) or english


def _error(sentence: str) -> str | None:
    """Return an error, ``what: reason; remedy.``, where both the reason and the remedy are known."""
    for colon in re.finditer(": ", sentence):
        for semicolon in re.finditer("; ", sentence[colon.end() :]):
            reason = sentence[colon.end() : colon.end() + semicolon.start()]
            remedy = sentence[colon.end() + semicolon.end() :].removesuffix(".")
            said = _phrase(reason), _phrase(remedy)
            if all(said):
                what = sentence[: colon.start()]
                what = re.sub("^album ", "Album ", _SUBJECTS.get(what, what))
                return f"{what}: {'; '.join(map(str, said))}."
    return None


def _phrase(text: str) -> str | None:
    if text in PHRASES:
        return PHRASES[text]
    for pattern, german in _patterns():
        if found := pattern.fullmatch(text):
            values = {name: _value(name, value) for name, value in found.groupdict().items()}
            if None not in values.values():
                return german.format_map(values)
    return None


def _value(name: str, text: str) -> str | None:
    if name in _OTHERS:
        return text
    if _is_number(name):
        return text.translate(str.maketrans(",.", ".,"))
    return _phrase(text) or (text if name in _MAYBE_OTHERS else None)


def _is_number(name: str) -> bool:
    return name.rstrip("0123456789") == "n"


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return those of the phrases that have values: what joins two first, then those with the most words."""
    phrases = sorted(
        (phrase for phrase in PHRASES if "{" in phrase),
        key=lambda phrase: (phrase.endswith("{what}") and "; " in phrase, _words(phrase)),
        reverse=True,
    )
    return [(re.compile(_pattern(phrase), re.DOTALL), PHRASES[phrase]) for phrase in phrases]


def _words(phrase: str) -> int:
    return len(re.sub(r"\{\w+\}", "", phrase))


def _pattern(phrase: str) -> str:
    parts = re.split(r"\{(\w+)\}", phrase)
    return "".join(
        re.escape(part) if place % 2 == 0 else f"(?P<{part}>{_NUMBER if _is_number(part) else _TEXT})"
        for place, part in enumerate(parts)
    )
