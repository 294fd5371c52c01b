// Carries pictures and marks from Python to the map: what is small and changes often, so that the points,
// which are large, are sent once. It stands in a fragment, which alone is run again for pictures.

const MOST = 1500; // pictures that are kept, of 5 to 10 kB each

const shared = (globalThis[Symbol.for("simsearch.map")] ??= { pictures: new Map(), hear: new Set() });

export default function ({ data, setTriggerValue }) {
  shared.marks = data.marks;
  shared.ask = (mark, places) => setTriggerValue("wanted", { mark, places });
  for (const { photo, ...picture } of data.pictures) {
    if (!shared.pictures.has(photo)) shared.pictures.set(photo, picture);
  }
  for (const photo of shared.pictures.keys()) {
    if (shared.pictures.size <= MOST) break;
    shared.pictures.delete(photo); // the oldest come first
  }
  for (const heard of shared.hear) heard();
}
