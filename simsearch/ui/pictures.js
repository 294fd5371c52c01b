// Carries pictures and marks from Python to the map: what is small and changes often, so that the points,
// which are large, are sent once. It stands in a fragment, which alone is run again for pictures.

const MOST = 1500; // pictures that are kept, of 5 to 10 kB each

const shared = (globalThis[Symbol.for("simsearch.map")] ??= { pictures: new Map(), hear: new Set() });

export default function ({ data, setTriggerValue }) {
  shared.marks = data.marks;
  shared.ask = (mark, places) => setTriggerValue("wanted", { mark, places });
  for (const { place, ...picture } of data.pictures) {
    const key = `${data.marks.mark}:${place}`;
    if (!shared.pictures.has(key)) shared.pictures.set(key, picture);
  }
  for (const key of shared.pictures.keys()) {
    if (shared.pictures.size <= MOST) break;
    shared.pictures.delete(key); // the oldest come first
  }
  for (const heard of shared.hear) heard();
}
