// Streamlit's own words, which are English for all, in the visitor's language: labels, hints, and some texts.

const LABELS = ["aria-label", "placeholder", "title"];
// Where it writes texts of its own; elsewhere, the same words are the visitor's.
const TEXTS = [
  '[data-testid="stSkipToContent"]', '[data-testid="InputInstructions"]', '[data-testid="stTooltipContent"]',
  '[data-testid$="VirtualDropdown"]', '[role="listbox"]', '[data-testid="stDateInputCalendar"]', '[aria-live]',
].join(", ");

const shared = (globalThis[Symbol.for("simsearch.speaking")] ??= {});

export default function ({ data, parentElement }) {
  const root = parentElement.ownerDocument;
  if (shared.stop) shared.stop();
  const say = sayer(data);
  const speak = () => (label(root, say), write(root, say));
  speak();
  const watching = new MutationObserver(speak);
  watching.observe(root.body, {
    childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: LABELS,
  });
  shared.stop = () => watching.disconnect();
  return shared.stop;
}

// What a text is in the visitor's language, or nothing; "{name}" stands for anything.
function sayer(phrases) {
  const whole = new Map(), open = [];
  for (const [english, own] of Object.entries(phrases)) {
    const [before, after] = english.split("{name}");
    if (after === undefined) whole.set(english, own);
    else open.push([before, after, own]);
  }
  return (text, onlyWhole = false) => {
    if (whole.has(text) || onlyWhole) return whole.get(text);
    for (const [before, after, own] of open) {
      if (text.length <= before.length + after.length || !text.startsWith(before) || !text.endsWith(after)) continue;
      return own.replace("{name}", () => text.slice(before.length, text.length - after.length));
    }
  };
}

function label(root, say) {
  for (const node of root.querySelectorAll(LABELS.map((one) => `[${one}]`).join(", "))) {
    for (const one of LABELS) {
      const said = say(node.getAttribute(one) ?? "");
      if (said) node.setAttribute(one, said);
    }
  }
}

// The text's node stays, which React may write to again.
function write(root, say) {
  for (const place of root.querySelectorAll(TEXTS)) {
    const texts = root.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      // Options are folders, cameras and labels, which may begin or end as a phrase does.
      const isOption = texts.currentNode.parentElement?.closest('[role="option"]');
      const said = say(texts.currentNode.nodeValue, Boolean(isOption));
      if (said) texts.currentNode.nodeValue = said;
    }
  }
}
