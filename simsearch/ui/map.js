// The map: photos as points on a canvas, to be moved about in, looked at and opened.
//
// Points are written into the canvas pixel by pixel: 100,000 take a few milliseconds in any browser, and
// nothing depends on a graphics card. What is said by names comes as text and stays text.

const MOST_ZOOM = 64; // beyond, the 16 bits that a coordinate has would show
const MARGIN = 28; // pixels around all photos
const REACH = 12; // pixels from the pointer to the photo that it means; of a finger twice as many
const STILL = 90; // milliseconds after which the pointer rests, and pictures are asked for
const PICTURES = 60; // shown in place at once
const SIDE = 68; // pixels of a picture in place; on a narrow screen ...
const NARROW = [500, 48]; // ... that is not as wide as this, it has these
const FEW = 240; // photos in view from which on pictures take the place of points
const AT_ONCE = 20; // pictures in one question: the first are there while the next are made
const PATIENCE = 4000; // milliseconds after which a question counts as lost
const FAINT = 40; // of 255: what the legend turned down

const shared = (globalThis[Symbol.for("simsearch.map")] ??= { pictures: new Map(), hear: new Set() });
const maps = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let map = maps.get(parentElement);
  if (!map) maps.set(parentElement, (map = new PhotoMap(parentElement)));
  map.open = (place) => setTriggerValue("opened", { mark: map.data.mark, places: [place] });
  map.show(data);
}

class PhotoMap {
  constructor(parent) {
    this.root = parent.querySelector(".map");
    this.plot = this.root.querySelector(".plot");
    this.canvas = this.root.querySelector("canvas");
    this.tip = this.root.querySelector(".tip");
    this.live = this.root.querySelector(".live");
    this.context = this.canvas.getContext("2d");
    this.data = {};
    this.view = { zoom: 1, x: 0.5, y: 0.5 }; // how much larger than all of it, and what is in the middle
    this.hovered = -1;
    this.aimed = false; // with the keys rather than the pointer
    this.only = null; // the code that the legend was asked for
    this.always = false; // pictures, however many photos are in view
    this.chosen = []; // places of photos whose pictures are shown
    this.boxes = []; // where these are
    this.asked = { places: new Set(), at: 0 };
    this.fingers = new Map();
    this.listen();
  }

  // What there is

  show(data) {
    const before = this.data;
    this.data = data;
    if (before.points !== data.points || before.ids !== data.ids) {
      this.points = new Uint16Array(bytes(data.points).buffer);
      this.ids = new Uint32Array(bytes(data.ids).buffer);
      this.count = this.ids.length;
      this.hover(-1);
      this.chosen = [];
      this.asked = { places: new Set(), at: 0 };
    }
    if (before.codes !== data.codes || before.points !== data.points) {
      this.codes = bytes(data.codes);
      this.only = null;
    }
    this.colours = new Uint32Array(256).fill(packed("#888888"));
    data.palette.forEach((colour, code) => (this.colours[code] = packed(colour)));
    this.name(data.texts);
    const told = JSON.stringify([data.legend, data.palette]);
    if (this.told !== told) this.showLegend(); // else who is on one of its buttons would lose it
    this.told = told;
    this.pressLegend();
    this.later();
  }

  name({ label, role, keys, colours, tools }) {
    this.canvas.setAttribute("aria-label", label);
    this.canvas.setAttribute("aria-roledescription", role);
    this.root.querySelector("#keys").textContent = keys;
    this.root.querySelector(".legend").setAttribute("aria-label", colours);
    for (const [tool, [name, longer]] of Object.entries(tools)) {
      const button = this.root.querySelector(`[data-do=${tool}]`);
      button.setAttribute("aria-label", name);
      button.title = longer;
    }
  }

  showLegend() {
    const legend = this.root.querySelector(".legend");
    legend.replaceChildren();
    const { scale, kinds } = this.data.legend;
    if (scale) {
      const bar = made("span", "scale");
      bar.style.background = `linear-gradient(90deg, ${scale.colours.join(",")})`;
      legend.append(made("span", "end", scale.first), bar, made("span", "end", scale.last));
    }
    for (const kind of kinds) {
      const button = made("button");
      button.type = "button";
      button.title = kind.title ?? kind.name;
      const dot = made("i");
      dot.style.background = this.data.palette[kind.code];
      button.append(dot, made("span", "name", kind.name), made("span", "count", kind.counted));
      button.dataset.code = kind.code;
      button.onclick = () => {
        this.only = this.only === kind.code ? null : kind.code;
        this.pressLegend();
        this.later();
      };
      legend.append(button);
    }
  }

  pressLegend() {
    for (const button of this.root.querySelectorAll(".legend button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.code) === this.only));
    }
  }

  // Where things are

  get scale() {
    const [width, height] = this.data.size;
    const fit = Math.min((this.width - 2 * MARGIN) / width, (this.height - 2 * MARGIN) / height);
    return Math.max(fit, 1e-6) * this.view.zoom;
  }

  get offset() {
    const [width, height] = this.data.size;
    return [this.width / 2 - this.view.x * width * this.scale, this.height / 2 - this.view.y * height * this.scale];
  }

  at(place) {
    const [left, top] = this.offset;
    return [this.points[2 * place] * this.scale + left, this.points[2 * place + 1] * this.scale + top];
  }

  nearest(x, y, reach) {
    for (const [place, left, top, width, height] of this.boxes.toReversed()) {
      if (x >= left && x <= left + width && y >= top && y <= top + height) return place;
    }
    const [scale, [left, top]] = [this.scale, this.offset];
    const [px, py] = [(x - left) / scale, (y - top) / scale];
    let [best, least] = [-1, (reach / scale) ** 2];
    for (let place = 0; place < this.count; place++) {
      const [dx, dy] = [this.points[2 * place] - px, this.points[2 * place + 1] - py];
      const distance = dx * dx + dy * dy;
      if (distance < least && (this.only === null || this.codes[place] === this.only)) {
        [best, least] = [place, distance];
      }
    }
    return best;
  }

  zoom(times, x = this.width / 2, y = this.height / 2) {
    const before = this.scale;
    this.view.zoom = Math.min(Math.max(this.view.zoom * times, 1), MOST_ZOOM);
    const grown = 1 / before - 1 / this.scale; // what is at (x, y) stays there
    this.move((this.width / 2 - x) * grown * before, (this.height / 2 - y) * grown * before, before);
  }

  move(dx, dy, scale = this.scale) {
    const [width, height] = this.data.size;
    this.view.x = Math.min(Math.max(this.view.x - dx / (width * scale || 1), 0), 1);
    this.view.y = Math.min(Math.max(this.view.y - dy / (height * scale || 1), 0), 1);
    this.later();
  }

  reset() {
    this.view = { zoom: 1, x: 0.5, y: 0.5 };
    this.hover(-1);
    this.later();
  }

  // Drawing

  later() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), STILL);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  rest() {
    if (!this.image || !this.canvas.isConnected) return;
    this.choose();
    this.draw();
    this.want([...(this.hovered >= 0 ? [this.hovered] : []), ...this.chosen]);
    this.root.dataset.zoom = this.view.zoom.toFixed(2);
    this.root.dataset.inView = this.inView;
  }

  fitCanvas() {
    const dots = devicePixelRatio || 1;
    [this.width, this.height] = [this.plot.clientWidth, this.plot.clientHeight];
    const [width, height] = [Math.round(this.width * dots), Math.round(this.height * dots)];
    if (width && height && (!this.image || this.image.width !== width || this.image.height !== height)) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.dots = dots;
    return width > 0 && height > 0;
  }

  draw() {
    if (!this.fitCanvas()) return;
    this.pixels.fill(0);
    if (this.only !== null) this.stampAll((code) => code !== this.only, FAINT);
    this.inView = 0;
    this.stampAll(this.only === null ? null : (code) => code === this.only, 255);
    this.context.putImageData(this.image, 0, 0);
    this.context.setTransform(this.dots, 0, 0, this.dots, 0, 0);
    const style = getComputedStyle(this.root);
    this.ink = style.color;
    this.paper = style.getPropertyValue("--st-background-color") || "#fff";
    this.drawPictures();
    this.drawQuery();
    if (this.marks.opened >= 0) this.ring(this.marks.opened, 7, this.ink, 3);
    if (this.hovered >= 0) this.ring(this.hovered, 6, this.ink, 2);
    this.showTip();
  }

  radius() {
    const alone = Math.min(Math.max(7 - 1.25 * Math.log10(Math.max(this.count, 1)), 1.1), 5);
    return Math.min(alone * this.view.zoom ** 0.3, 6) * this.dots;
  }

  stampAll(wanted, strength) {
    const { points, codes, pixels, colours } = this;
    const [width, height] = [this.image.width, this.image.height];
    const scale = this.scale * this.dots;
    const [left, top] = this.offset.map((value) => value * this.dots);
    const { reach, inner, rim, covers } = stamp(this.radius(), width);
    const alphas = covers.map((cover) => Math.round(cover * strength) << 24);
    const full = strength << 24;
    for (let place = 0; place < this.count; place++) {
      const code = codes[place];
      if (wanted && !wanted(code)) continue;
      const x = Math.round(points[2 * place] * scale + left);
      const y = Math.round(points[2 * place + 1] * scale + top);
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      this.inView++;
      const [at, colour] = [y * width + x, colours[code] & 0xffffff];
      for (let i = 0; i < inner.length; i++) pixels[at + inner[i]] = colour | full;
      for (let i = 0; i < rim.length; i++) {
        const pixel = at + rim[i]; // the rim is soft, but covers no other photo
        if (pixels[pixel] >>> 24 < alphas[i] >>> 24) pixels[pixel] = colour | alphas[i];
      }
    }
  }

  ring(place, radius, colour, width) {
    const [x, y] = this.at(place);
    const box = this.boxes.find((box) => box[0] === place);
    const { context } = this;
    for (const [stroke, style] of [[width + 2.5, this.paper], [width, colour]]) {
      context.beginPath();
      if (box) context.rect(box[1] - 2, box[2] - 2, box[3] + 4, box[4] + 4);
      else context.arc(x, y, radius, 0, 2 * Math.PI);
      [context.lineWidth, context.strokeStyle] = [stroke, style];
      context.stroke();
    }
  }

  drawQuery() {
    const { query } = this.marks;
    if (!query) return;
    for (const place of query.near) this.ring(place, 5.5, "#e6820d", 2);
    const [left, top] = this.offset;
    const [x, y] = [query.x * this.scale + left, query.y * this.scale + top];
    const { context } = this;
    for (const [width, style] of [[6, this.paper], [2.5, "#e6820d"]]) {
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 9 * dx, y + 9 * dy);
        context.lineTo(x + 24 * dx, y + 24 * dy);
      }
      context.moveTo(x + 13, y);
      context.arc(x, y, 13, 0, 2 * Math.PI);
      [context.lineWidth, context.strokeStyle] = [width, style];
      context.stroke();
    }
  }

  // Pictures

  get side() {
    return this.width < NARROW[0] ? NARROW[1] : SIDE;
  }

  choose() {
    const [step, taken] = [this.side + 6, []];
    const inside = (x, y) => x > 0 && y > 0 && x < this.width && y < this.height;
    const take = (place) => {
      const [x, y] = this.at(place);
      if (!inside(x, y) || (this.only !== null && this.codes[place] !== this.only)) return false;
      const near = taken.some(([ox, oy]) => Math.abs(ox - x) < step && Math.abs(oy - y) < step);
      if (!near) taken.push([x, y]);
      return !near;
    };
    if (!this.always && this.inView > FEW) {
      this.chosen = [];
      return;
    }
    const before = this.chosen.filter(take); // what was shown stays, where it can
    const kept = new Set(before);
    // In an order that has nothing to do with folders, and is the same every time.
    const stride = coprime(this.count);
    for (let i = 0, place = 0; i < this.count && before.length < PICTURES; i++) {
      place = (place + stride) % this.count;
      if (!kept.has(place) && take(place)) before.push(place);
    }
    this.chosen = before;
  }

  drawPictures() {
    this.boxes = [];
    const { context } = this;
    for (const place of this.chosen) {
      const picture = this.picture(place);
      if (!picture?.image?.naturalWidth) continue;
      const { naturalWidth: width, naturalHeight: height } = picture.image;
      const shrink = this.side / Math.max(width, height);
      const [w, h] = [width * shrink, height * shrink];
      const [x, y] = this.at(place);
      context.fillStyle = this.data.palette[this.codes[place]];
      context.fillRect(x - w / 2 - 2, y - h / 2 - 2, w + 4, h + 4);
      context.drawImage(picture.image, x - w / 2, y - h / 2, w, h);
      this.boxes.push([place, x - w / 2, y - h / 2, w, h]);
    }
    this.root.dataset.awaited = this.chosen.length - this.boxes.length;
  }

  get marks() {
    return shared.marks?.mark === this.data.mark ? shared.marks : {};
  }

  picture(place) {
    const picture = shared.pictures.get(this.ids[place]);
    if (picture?.url && !picture.image) {
      picture.image = new Image();
      picture.image.onload = () => this.later();
      picture.image.src = picture.url;
    }
    return picture;
  }

  want(places) {
    const now = performance.now();
    if (this.asked.places.size && now - this.asked.at < PATIENCE) return; // one question at a time
    const missing = places.filter((place) => !this.picture(place)).slice(0, AT_ONCE);
    if (!missing.length || !shared.ask) return;
    this.asked = { places: new Set(missing), at: now };
    shared.ask(this.data.mark, missing);
    setTimeout(() => this.rest(), PATIENCE + 1);
  }

  heard() {
    for (const place of this.asked.places) if (this.picture(place)) this.asked.places.delete(place);
    this.later();
  }

  // The photo that is meant

  hover(place, aimed = false) {
    if (place === this.hovered && aimed === this.aimed) return;
    this.aimed = aimed;
    this.hovered = place;
    this.root.dataset.meant = place;
    this.canvas.classList.toggle("on-photo", place >= 0);
    this.later();
  }

  showTip() {
    const picture = this.hovered >= 0 ? this.picture(this.hovered) : null;
    this.tip.classList.toggle("shown", Boolean(picture));
    this.tip.dataset.place = picture ? this.hovered : -1;
    if (!picture) return;
    const image = this.tip.querySelector("img");
    if (picture.url && image.src !== picture.url) image.src = picture.url;
    if (!picture.url) image.removeAttribute("src");
    this.tip.querySelector(".name").textContent = picture.name;
    this.tip.querySelector(".where").textContent = picture.where;
    const said = `${picture.name}, ${picture.where}`;
    if (this.aimed && this.live.textContent !== said) this.live.textContent = said;
    const [x, y] = this.at(this.hovered);
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = x + 14 + width > this.width ? x - 14 - width : x + 14;
    const top = Math.min(Math.max(y - height / 2, 6), this.height - height - 6);
    this.tip.style.transform = `translate(${Math.max(left, 6)}px, ${Math.max(top, 6)}px)`;
  }

  // Pointer, fingers and keys

  listen() {
    const { canvas } = this;
    const heard = () => (canvas.isConnected ? this.heard() : shared.hear.delete(heard));
    shared.hear.add(heard);
    new ResizeObserver(() => this.later()).observe(this.plot);
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.lift(event));
    canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.hover(-1));
    canvas.addEventListener("dblclick", () => this.byMouse && this.reset()); // two taps are two photos
    canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && this.aim());
    canvas.addEventListener("keydown", (event) => this.key(event));
    const actions = { in: () => this.zoom(1.6), out: () => this.zoom(1 / 1.6), all: () => this.reset() };
    for (const [name, action] of Object.entries(actions)) this.root.querySelector(`[data-do=${name}]`).onclick = action;
    const pictures = this.root.querySelector("[data-do=pictures]");
    pictures.onclick = () => {
      this.always = !this.always;
      pictures.setAttribute("aria-pressed", String(this.always));
      this.later();
    };
  }

  where(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    // A pinch on a touchpad comes as a wheel with the control key, in smaller steps.
    this.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), ...this.where(event));
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, this.where(event));
    this.byMouse = event.pointerType === "mouse";
    this.pressed = this.fingers.size === 1 ? this.where(event) : null;
  }

  drag(event) {
    const [x, y] = this.where(event);
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      this.hover(this.nearest(x, y, REACH));
      return;
    }
    if (this.pressed && Math.hypot(x - this.pressed[0], y - this.pressed[1]) > 5) this.pressed = null;
    const others = [...this.fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    this.fingers.set(event.pointerId, [x, y]);
    if (this.pressed) return;
    this.canvas.classList.add("moving");
    this.hover(-1);
    if (others.length === 1) {
      const [[ox, oy]] = others;
      const times = Math.hypot(x - ox, y - oy) / Math.max(Math.hypot(before[0] - ox, before[1] - oy), 1);
      this.zoom(times, (x + ox) / 2, (y + oy) / 2);
      this.move((x - before[0]) / 2, (y - before[1]) / 2);
    } else if (!others.length) {
      this.move(x - before[0], y - before[1]);
    }
  }

  lift(event) {
    this.fingers.delete(event.pointerId);
    this.canvas.classList.remove("moving");
    if (event.type === "pointerup" && this.pressed) {
      const reach = event.pointerType === "mouse" ? REACH : 2 * REACH;
      const place = this.nearest(...this.pressed, reach);
      if (event.pointerType !== "mouse") this.hover(place); // a finger does not hover
      if (place >= 0) this.open(place);
    }
    this.pressed = null;
  }

  key(event) {
    const steps = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) this.move(...steps[event.key].map((step) => step * this.width * 0.1));
    else if (event.key === "+" || event.key === "=") this.zoom(1.4);
    else if (event.key === "-") this.zoom(1 / 1.4);
    else if (event.key === "0" || event.key === "Home") this.reset();
    else if (event.key !== "Enter") return;
    event.preventDefault();
    this.aim();
    if (event.key === "Enter" && this.hovered >= 0) this.open(this.hovered);
  }

  aim() {
    this.hover(this.nearest(this.width / 2, this.height / 2, Math.min(this.width, this.height) / 2), true);
  }
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function packed(colour) {
  const number = parseInt(colour.slice(1), 16); // as memory has it: red comes first
  return ((number & 0xff) << 16) | (number & 0xff00) | (number >> 16);
}

function made(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

// A disc as steps from its middle in a picture so many pixels wide: those inside, and those of the soft rim.
function stamp(radius, width) {
  const reach = Math.ceil(radius + 0.5);
  const [inner, rim, covers] = [[], [], []];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const cover = radius + 0.5 - Math.hypot(x, y);
      if (cover >= 1) inner.push(y * width + x);
      else if (cover > 0) {
        rim.push(y * width + x);
        covers.push(cover);
      }
    }
  }
  return { reach, inner, rim, covers };
}

function coprime(count) {
  const divides = (a, b) => (b ? divides(b, a % b) : a);
  let stride = Math.max(Math.floor(count * 0.618), 1);
  while (count && divides(stride, count) !== 1) stride++;
  return stride;
}
