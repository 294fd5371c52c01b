// A grid of photos in rows of one height, justified to the width. Cards are kept from one run of the page to
// the next, by photo; what is done with them is shown at once and asked of Python in order.

const HEIGHTS = [[520, 132], [860, 172], [Infinity, 204]]; // pixels of a row, by the width of the grid
const [TALLEST, WIDEST] = [0.62, 2.6]; // frames; what is beyond stands in the middle of one
const NARROWEST = 108; // pixels of a frame: what is said below has to fit
const STRETCH = 1.4; // of a row that cannot be filled otherwise
const WIDE = 230; // pixels of a card that has room for words
const MOST = 1500; // pictures that are kept
const GLIDE = 220; // milliseconds in which a card goes to its new place
const FEW = 150; // cards that glide
const KEYS = { like: "l", dislike: "d", more: "m", select: " " };
const DRAWN = {
  like: "M7 10v11H4a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1h3zM7 10l4-7a2.5 2.5 0 0 1 2.5 2.5V9h5.2a2 2 0 0 1 2 2.3l-1.3 8A2 2 0 0 1 17.4 21H7",
  dislike: "M17 14V3h3a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-3zM17 14l-4 7a2.5 2.5 0 0 1-2.5-2.5V15H5.3a2 2 0 0 1-2-2.3l1.3-8A2 2 0 0 1 6.6 3H17",
  more: "M20 11V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h5M4 15l4-4 3 3M16.5 13a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM19 19l2.5 2.5",
  select: "M5.5 12.5l4.5 4.5 8.5-9.5",
  fold: "M8 8h11a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H10a2 2 0 0 1-2-2zM4 15.5V5a2 2 0 0 1 2-2h10.5",
};

const shared = (globalThis[Symbol.for("simsearch.grid")] ??= { pictures: new Map(), deeds: 0 });
const grids = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let grid = grids.get(parentElement);
  if (!grid) grids.set(parentElement, (grid = new Grid(parentElement)));
  grid.ask = (deeds) => setTriggerValue("asked", deeds);
  grid.show(data);
}

class Grid {
  constructor(parent) {
    this.root = parent.querySelector(".photos");
    this.list = parent.querySelector(".grid");
    this.cards = new Map(); // by photo
    this.order = []; // photos
    this.rows = []; // of photos
    this.pending = []; // deeds that are not done yet
    this.wanted = new Set();
    this.unfolded = new Map(); // what is shown of a photo's copies
    this.current = null; // the photo whose buttons the Tab key reaches
    this.anchor = null; // the photo that was selected last
    this.listen();
  }

  // What there is

  show(data) {
    this.data = data;
    this.pending = this.pending.filter((one) => one.number > data.done);
    this.keep(data.pictures);
    const before = this.whereabouts();
    const focused = this.list.getRootNode().activeElement;
    const place = this.order.indexOf(this.current);
    for (const panel of this.unfolded.values()) panel.remove(); // which is laid out again below
    this.order = data.cards.map((card) => card.id);
    this.root.classList.toggle("faint", data.faint);
    const labels = JSON.stringify([data.labels, data.deeds]);
    for (const card of data.cards) {
      const told = JSON.stringify(card) + labels;
      let node = this.cards.get(card.id);
      if (node?.told !== told) {
        const built = this.build(card);
        if (node) {
          node.replaceWith(built);
          this.unfolded.delete(card.id);
        }
        this.cards.set(card.id, (node = built));
        node.told = told;
      }
    }
    for (const [photo, node] of this.cards) if (!this.has(photo)) this.remove(photo, node);
    this.order.forEach((photo, at) => {
      const node = this.cards.get(photo);
      const there = at ? this.cards.get(this.order[at - 1]).nextElementSibling : this.list.firstElementChild;
      if (there !== node) this.list.insertBefore(node, there);
    });
    if (!this.has(this.current)) this.current = this.order[Math.min(Math.max(place, 0), this.order.length - 1)];
    this.mark();
    this.lay();
    this.glide(before);
    // A card that is moved or gone has lost the focus.
    if (focused && this.list.getRootNode().activeElement !== focused) {
      (focused.isConnected ? focused : this.cards.get(this.current)?.open)?.focus({ preventScroll: true });
    }
    this.want([...this.cards.values()].map((node) => node.card.picture));
    this.tell();
  }

  has(photo) {
    return this.order.includes(photo);
  }

  remove(photo, node) {
    node.remove();
    this.cards.delete(photo);
    this.unfolded.delete(photo);
  }

  keep(pictures) {
    for (const [name, url] of Object.entries(pictures)) {
      shared.pictures.delete(name);
      shared.pictures.set(name, url);
      this.wanted.delete(name);
      for (const image of this.root.querySelectorAll("img")) if (image.name === name) this.paint(image);
    }
    for (const name of shared.pictures.keys()) {
      if (shared.pictures.size <= MOST) break;
      shared.pictures.delete(name); // the oldest come first
    }
  }

  want(names) {
    const missing = [...new Set(names)].filter(
      (name) => name && !shared.pictures.has(name) && !this.wanted.has(name),
    );
    if (!missing.length) return;
    for (const name of missing) this.wanted.add(name);
    this.deed("want", missing);
  }

  // A card

  build(card) {
    const { labels, deeds } = this.data;
    const node = made("li", "card");
    node.card = card;
    node.dataset.photo = card.id;
    node.open = made("button", "open");
    node.open.type = "button";
    if (card.picture) node.open.append(this.image(card.picture, card.name, card.size));
    else node.open.append(made("span", "tile", card.name));
    const shape = card.size[0] / card.size[1];
    if (card.picture && (shape < TALLEST || shape > WIDEST)) node.open.prepend(this.haze(card.picture));
    if (deeds.open) node.open.title = deeds.open;
    node.append(node.open);
    const row = made("div", "deeds");
    for (const deed of ["select", "like", "dislike", "more"].filter((deed) => deed in deeds)) {
      const button = icon(deed, filled(labels[deed], card.name));
      button.classList.add("do", deed);
      button.title = `${deeds[deed]} (${KEYS[deed] === " " ? "␣" : KEYS[deed].toUpperCase()})`;
      button.setAttribute("aria-keyshortcuts", KEYS[deed] === " " ? "Space" : KEYS[deed].toUpperCase());
      button.onclick = (event) => this.act(deed, card.id, event);
      (deed === "select" ? node : row).append(button);
    }
    if (row.childElementCount) node.append(row);
    node.append(this.facts(card));
    return node;
  }

  image(name, alt, size) {
    const image = made("img");
    [image.name, image.alt, image.draggable, image.decoding] = [name, alt, false, "async"];
    if (size) [image.width, image.height] = size;
    this.paint(image);
    return image;
  }

  // What is seen beside a photo that does not fill its frame.
  haze(name) {
    const image = this.image(name, "");
    image.className = "haze";
    return image;
  }

  paint(image) {
    const url = shared.pictures.get(image.name);
    if (!url) return;
    image.onload = () => image.classList.add("there");
    image.src = url;
  }

  facts(card) {
    const facts = made("div", "facts");
    facts.title = card.path;
    const line = made("div", "line");
    if (card.word) line.append(made("span", `chip ${card.look}`, card.word));
    if (card.score) line.append(made("span", card.word ? "score" : "score alone", card.score));
    if (card.means) line.title = card.means;
    if (card.fold) line.append(this.fold(card));
    const where = made("div", "where", card.where);
    if (card.offline) where.prepend(made("span", "offline", card.offline));
    facts.append(line, made("div", "name", card.name), where);
    if (card.beats) facts.append(made("div", "beats", card.beats));
    return facts;
  }

  fold(card) {
    const button = icon("fold", card.fold);
    button.className = "fold";
    button.title = card.fold;
    button.append(made("span", "short", `+${card.copies.length}`), made("span", "long", card.fold));
    button.onclick = () => this.unfold(card, button);
    button.setAttribute("aria-expanded", String(this.unfolded.has(card.id)));
    return button;
  }

  unfold(card, button) {
    const shown = this.unfolded.get(card.id);
    if (shown) {
      shown.remove();
      this.unfolded.delete(card.id);
    } else {
      const panel = made("li", "copies");
      const head = made("div", "head", filled(this.data.labels.copies, card.name));
      const list = made("ul");
      for (const copy of card.copies) {
        const item = made("li");
        item.title = copy.path;
        const frame = made("div", "frame");
        frame.append(this.image(copy.path, copy.name));
        item.append(frame, made("div", "name", copy.name));
        list.append(item);
      }
      panel.append(head, list);
      this.unfolded.set(card.id, panel);
    }
    const label = shown ? card.fold : this.data.labels.hide;
    button.setAttribute("aria-expanded", String(!shown));
    button.setAttribute("aria-label", label);
    button.title = label;
    this.lay();
    if (!shown) this.want(card.copies.map((copy) => copy.path));
  }

  mark() {
    const on = { like: this.marked("liked", "like"), dislike: this.marked("disliked", "dislike") };
    on.select = this.marked("selected", "select");
    for (const [photo, node] of this.cards) {
      node.classList.toggle("selected", on.select.has(photo));
      for (const [deed, photos] of Object.entries(on)) {
        node.querySelector(`.${deed}`)?.setAttribute("aria-pressed", String(photos.has(photo)));
      }
      for (const button of node.querySelectorAll("button")) button.tabIndex = photo === this.current ? 0 : -1;
    }
  }

  // The photos that are marked, once what is asked for is done.
  marked(name, deed) {
    const photos = new Set(this.data[name]);
    for (const one of this.pending) {
      if (one.deed === deed && !photos.delete(one.about)) photos.add(one.about);
    }
    return photos;
  }

  // Where things are

  lay() {
    this.width = this.list.clientWidth - 6.5; // its padding, and what is lost in rounding
    if (this.width <= 0) return;
    const gap = parseFloat(getComputedStyle(this.list).columnGap) || 0;
    const high = HEIGHTS.find(([width]) => this.width < width)[1];
    const least = Math.max(TALLEST, NARROWEST / high);
    const shapes = this.order.map((photo) => {
      const [width, height] = this.cards.get(photo).card.size;
      return Math.min(Math.max(width / height || 1, least), WIDEST);
    });
    this.rows = rows(shapes, this.width, gap, high).map(([from, to, height]) => {
      for (let at = from; at < to; at++) {
        const { style, classList } = this.cards.get(this.order[at]);
        const wide = Math.floor(shapes[at] * height * 50) / 50;
        style.setProperty("--wide", `${wide}px`);
        style.setProperty("--high", `${height.toFixed(2)}px`);
        classList.toggle("wide", wide >= WIDE);
      }
      return this.order.slice(from, to);
    });
    for (const row of this.rows) {
      let last = this.cards.get(row.at(-1));
      for (const panel of row.map((photo) => this.unfolded.get(photo)).filter(Boolean)) {
        if (last.nextElementSibling !== panel) last.after(panel);
        last = panel;
      }
    }
  }

  whereabouts() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still || !this.cards.size || this.cards.size > FEW) return null;
    return new Map([...this.cards].map(([photo, node]) => [photo, node.getBoundingClientRect()]));
  }

  glide(before) {
    if (!before || this.order.length > FEW) return;
    for (const [photo, node] of this.cards) {
      const [was, is] = [before.get(photo), node.getBoundingClientRect()];
      if (!was) node.animate([{ opacity: 0 }, { opacity: 1 }], GLIDE);
      else if (Math.abs(was.x - is.x) + Math.abs(was.y - is.y) > 1) {
        const from = `translate(${was.x - is.x}px, ${was.y - is.y}px)`;
        node.animate([{ transform: from }, { transform: "none" }], { duration: GLIDE, easing: "ease-out" });
      }
    }
  }

  // What is done

  act(deed, photo, event = {}) {
    if (!(deed in this.data.deeds)) return;
    this.stand(photo);
    if (deed !== "select") {
      if (deed === "open") this.awaitReturn(photo);
      this.deed(deed, photo);
    } else {
      for (const one of this.range(photo, event.shiftKey)) this.pend(deed, one);
      this.anchor = photo;
      this.ask(this.pending);
    }
    this.mark();
  }

  // A dialog that closes gives the focus back, but does not look for who had it inside a component.
  awaitReturn(photo) {
    const page = this.root.ownerDocument;
    let seen = false;
    this.returning?.disconnect();
    this.returning = new MutationObserver(() => {
      const open = Boolean(page.querySelector('[role="dialog"]'));
      seen ||= open;
      if (!seen || open) return;
      this.returning.disconnect();
      setTimeout(() => {
        const lost = page.activeElement === page.body || page.activeElement?.contains(this.root);
        if (lost) this.cards.get(photo)?.open.focus({ preventScroll: true });
      }, 50); // once the dialog has done so
    });
    this.returning.observe(page.body, { childList: true, subtree: true });
  }

  // With Shift all photos from the last one that was selected on; else one.
  range(photo, shift) {
    const [from, to] = [this.order.indexOf(this.anchor), this.order.indexOf(photo)];
    if (!shift || from < 0) return [photo];
    const selected = this.marked("selected", "select");
    const photos = this.order.slice(Math.min(from, to), Math.max(from, to) + 1);
    return photos.filter((one) => !selected.has(one));
  }

  deed(deed, about) {
    this.pend(deed, about);
    this.ask(this.pending);
  }

  pend(deed, about) {
    this.pending.push({ number: ++shared.deeds, deed, about });
    this.tell();
  }

  tell() {
    this.root.dataset.pending = this.pending.length;
  }

  stand(photo, focus = false) {
    this.current = photo;
    if (focus) {
      this.mark();
      this.cards.get(photo).open.focus();
    }
  }

  listen() {
    let width = 0;
    new ResizeObserver(() => {
      if (this.data && width !== (width = this.list.clientWidth)) this.lay();
    }).observe(this.list);
    this.list.addEventListener("click", (event) => {
      const node = event.target.closest(".open")?.closest(".card");
      if (!node) return;
      const select = "select" in this.data.deeds && (event.shiftKey || event.ctrlKey || event.metaKey);
      this.act(select ? "select" : "open", node.card.id, event);
    });
    this.list.addEventListener("focusin", (event) => {
      const node = event.target.closest(".card");
      if (!node || node.card.id === this.current) return;
      this.stand(node.card.id);
      this.mark();
    });
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("keyup", (event) => {
      if (event.key === " " && event.target.matches(".open")) event.preventDefault(); // it has selected
    });
  }

  key(event) {
    const node = event.target.closest(".card");
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = this.neighbour(node.card.id, event.key);
    if (next !== undefined) {
      this.stand(next, true);
    } else {
      const deed = Object.keys(KEYS).find((deed) => KEYS[deed] === event.key.toLowerCase());
      const pressed = event.key === " " && !event.target.matches(".open"); // a button that has the focus
      if (!deed || pressed || !(deed in this.data.deeds) || event.repeat) return;
      this.act(deed, node.card.id, event);
    }
    event.preventDefault();
  }

  neighbour(photo, key) {
    const at = this.order.indexOf(photo);
    const row = this.rows.findIndex((photos) => photos.includes(photo));
    const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.order.length - 1 };
    if (key in steps) return this.order[Math.min(Math.max(steps[key], 0), this.order.length - 1)];
    if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
    const middle = (one) => this.cards.get(one).offsetLeft + this.cards.get(one).offsetWidth / 2;
    const others = this.rows[row + (key === "ArrowUp" ? -1 : 1)] ?? [photo];
    const apart = (one) => Math.abs(middle(one) - middle(photo));
    return others.reduce((best, one) => (apart(one) < apart(best) ? one : best));
  }
}

// Break shapes (width by height) into rows, each [from, to, height], so that heights stay close to what is
// wished for; the last row is not stretched.
function rows(shapes, width, gap, wished) {
  const cost = [0, ...shapes.map(() => Infinity)];
  const start = [0];
  const height = (from, to) => {
    const sum = shapes.slice(from, to).reduce((sum, shape) => sum + shape, 0);
    return (width - gap * (to - from - 1)) / sum;
  };
  for (let to = 1; to <= shapes.length; to++) {
    for (let from = to - 1; from >= 0; from--) {
      const high = height(from, to);
      if (to - from > 1 && high < wished / 2) break;
      const last = to === shapes.length && high > wished;
      const one = last ? 0 : Math.log(high / wished) ** 2;
      if (cost[from] + one < cost[to]) [cost[to], start[to]] = [cost[from] + one, from];
    }
  }
  const found = [];
  for (let to = shapes.length; to > 0; to = start[to]) found.unshift([start[to], to, height(start[to], to)]);
  return found.map(([from, to, high], row) => {
    const most = to < shapes.length ? wished * STRETCH : Math.max(wished, row ? found[row - 1][2] : 0);
    return [from, to, Math.min(high, most, wished * STRETCH)];
  });
}

function made(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

function icon(drawn, label) {
  const button = made("button");
  button.type = "button";
  button.setAttribute("aria-label", label);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", DRAWN[drawn]);
  svg.append(path);
  button.append(svg);
  return button;
}

function filled(label, name) {
  return label.replace("{name}", () => name);
}
