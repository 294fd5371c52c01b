// In a frame of another page, one would click on what one does not see: there is no page there.

export default function ({ parentElement }) {
  const root = parentElement.ownerDocument;
  const view = root.defaultView;
  if (view.top === view.self) return;
  view.stop();
  root.documentElement.replaceChildren();
}
