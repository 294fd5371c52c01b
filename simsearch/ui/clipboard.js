// A button that copies a text, and says for a moment that it did.

const SHOWN = 2000; // milliseconds

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const live = parentElement.querySelector(".live");
  const label = button.querySelector(".label");
  const say = (text, done) => {
    label.textContent = text;
    button.classList.toggle("done", done);
  };
  say(data.label, false);
  button.title = data.text;
  button.onclick = async () => {
    const copied = await copy(data.text, parentElement);
    live.textContent = copied ? data.copied : data.failed;
    say(live.textContent, copied);
    clearTimeout(button.timer);
    button.timer = setTimeout(() => {
      say(data.label, false);
      live.textContent = "";
    }, SHOWN);
  };
  return () => clearTimeout(button.timer);
}

async function copy(text, parent) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers give the clipboard to pages from afar only when they are encrypted.
    const area = document.createElement("textarea");
    area.value = text;
    parent.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
