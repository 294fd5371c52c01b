// Pictures may be dropped anywhere on the page, and pasted: both are handed to Streamlit's own field for files,
// which this also makes speak the visitor's language, as the one for photos from a camera.

const shared = (globalThis[Symbol.for("simsearch.dropping")] ??= {});

export default function ({ data, parentElement }) {
  shared.texts = data;
  const root = parentElement.ownerDocument;
  if (shared.stop) shared.stop();
  const listening = new AbortController();
  shared.stop = () => listening.abort();
  const on = (event, heard) => root.addEventListener(event, heard, { signal: listening.signal });
  on("dragover", (event) => holdsFiles(event) && (event.preventDefault(), mark(root, true)));
  on("dragleave", (event) => event.relatedTarget || mark(root, false));
  on("drop", (event) => {
    mark(root, false);
    if (!holdsFiles(event)) return;
    if (event.target.closest?.('[data-testid="stFileUploaderDropzone"]')) return; // it takes them itself
    event.preventDefault();
    hand(root, event.dataTransfer.files);
  });
  on("paste", (event) => {
    if (!event.clipboardData?.files.length) return;
    // What is copied from a text processor is text and its picture: a field that is typed in takes the text.
    const typing = event.composedPath()[0]?.closest?.("input, textarea, [contenteditable]");
    if (typing && event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    hand(root, event.clipboardData.files);
  });
  speak(root);
  const watching = new MutationObserver(() => speak(root));
  watching.observe(root.body, { childList: true, subtree: true }); // the camera's field comes and goes
  return () => (listening.abort(), watching.disconnect(), mark(root, false));
}

function holdsFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

function mark(root, over) {
  root.body.classList.toggle("simsearch-over", over);
}

function hand(root, files) {
  const field = root.querySelector('.st-key-drop input[type="file"]');
  if (!field || !files.length) return;
  const one = new DataTransfer();
  one.items.add(files[0]);
  field.files = one.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

function speak(root) {
  name(root.querySelector('.st-key-drop [data-testid="stFileUploaderDropzone"] button'), shared.texts.pick);
  name(root.querySelector('[data-testid="stCameraInputButton"]'), shared.texts.take);
}

// The name only: React stumbles over a text that is not the one it wrote.
function name(button, text) {
  if (button && button.getAttribute("aria-label") !== text) button.setAttribute("aria-label", text);
}
