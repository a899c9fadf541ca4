"use strict";
document.documentElement.classList.add("scripted");

/* The diagram: what is pointed at shows what it reads, and what reads it. */
for (const explorer of document.querySelectorAll(".explorer")) {
  const picture = explorer.querySelector("svg.explore");
  const inspect = explorer.querySelector(".inspect");
  const spots = [...picture.querySelectorAll(".spot")];
  const wires = [...picture.querySelectorAll(".wire")];

  const show = (spot) => {
    const place = spot.dataset.place;
    const read = new Set(wires.filter((wire) => wire.dataset.target === place).map((wire) => wire.dataset.source));
    for (const wire of wires) {
      wire.classList.toggle("into", wire.dataset.target === place);
      wire.classList.toggle("from", wire.dataset.source === place);
    }
    for (const other of spots) {
      other.classList.toggle("shown", other === spot);
      other.classList.toggle("read", read.has(other.dataset.place));
    }
    const names = spot.dataset.nodes.split(" ");
    const card = document.getElementById(`node-${names[0]}`);
    const copy = card ? card.cloneNode(true) : document.createElement("p");
    copy.removeAttribute("id");
    if (!card) copy.textContent = `${names[0]} does not run for these features.`;
    if (names.length > 1) {
      const note = document.createElement("p");
      note.textContent = `The box stands for ${names.length} layers, ${names[0]} to ${names.at(-1)}; this is the first.`;
      copy.prepend(note);
    }
    inspect.replaceChildren(copy);
  };
  for (const spot of spots) {
    spot.addEventListener("pointerenter", () => show(spot));
    spot.addEventListener("focus", () => show(spot));
  }

  /* Zoom and pan move the part of the plane that is seen. */
  const whole = picture.dataset.view.split(" ").map(Number);
  let view = [...whole];
  const set = (next) => { view = next; picture.setAttribute("viewBox", next.join(" ")); };
  const zoom = (factor, x, y) => {
    const width = Math.min(whole[2], Math.max(whole[2] / 40, view[2] * factor));
    const scale = width / view[2];
    const next = [x - (x - view[0]) * scale, y - (y - view[1]) * scale, width, view[3] * scale];
    set(width === whole[2] ? [...whole] : next);
  };
  const middle = () => [view[0] + view[2] / 2, view[1] + view[3] / 2];
  const at = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    return [point.x, point.y];
  };
  explorer.querySelector(".tools").addEventListener("click", (event) => {
    const action = event.target.dataset.zoom;
    if (action === "fit") set([...whole]);
    else if (action) zoom(action === "in" ? 1 / 1.4 : 1.4, ...middle());
  });
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(event.deltaY / 300), ...at(event));
  }, { passive: false });
  picture.addEventListener("keydown", (event) => {
    const step = view[2] / 10;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key === "+" || event.key === "=") zoom(1 / 1.4, ...middle());
    else if (event.key === "-") zoom(1.4, ...middle());
    else if (event.key === "0") set([...whole]);
    else if (moves[event.key]) set([view[0] + moves[event.key][0], view[1] + moves[event.key][1], view[2], view[3]]);
    else return;
    event.preventDefault();
  });

  let held = null;
  let moved = false;
  picture.addEventListener("pointerdown", (event) => {
    if (event.button === 0) { held = at(event); moved = false; }
  });
  window.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = at(event);
    if (!moved && Math.hypot(x - held[0], y - held[1]) < view[2] / 150) return;
    moved = true;
    picture.classList.add("held");
    set([view[0] - (x - held[0]), view[1] - (y - held[1]), view[2], view[3]]);
  });
  window.addEventListener("pointerup", () => { held = null; picture.classList.remove("held"); });
  /* The end of a drag over a box is no click on it. */
  picture.addEventListener("click", (event) => { if (moved) event.preventDefault(); }, true);
  picture.addEventListener("dragstart", (event) => event.preventDefault());
}

/* Charts: what a mark means is said below them, for the pointer and for keys; each kind of mark is one stop of Tab. */
for (const chart of document.querySelectorAll("svg[data-marks]")) {
  const reading = document.getElementById(chart.dataset.reading);
  chart.setAttribute("role", "group");
  for (const kind of chart.dataset.marks.split("|")) {
    const marks = [...chart.querySelectorAll(kind)];
    const go = (mark) => { if (mark.dataset.node) location.hash = `price-${mark.dataset.node}`; };
    marks.forEach((mark, place) => {
      const text = mark.querySelector("title").textContent;
      mark.setAttribute("tabindex", place ? "-1" : "0");
      mark.setAttribute("role", mark.dataset.node ? "link" : "img");
      mark.setAttribute("aria-label", text);
      mark.addEventListener("pointerenter", () => { reading.textContent = text; });
      mark.addEventListener("focus", () => {
        reading.textContent = text;
        for (const other of marks) other.setAttribute("tabindex", other === mark ? "0" : "-1");
      });
      mark.addEventListener("click", () => go(mark));
      mark.addEventListener("keydown", (event) => {
        const moves = { ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1,
                        Home: 0, End: marks.length - 1 };
        if (event.key === "Enter") go(mark);
        else if (event.key in moves) marks[moves[event.key]]?.focus();
        else return;
        event.preventDefault();
      });
    });
  }
}

/* A link into something that is folded opens it. */
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  let folded = target.closest("details:not([open])");
  while (folded) {
    folded.open = true;
    folded = folded.parentElement.closest("details:not([open])");
  }
  target.scrollIntoView({ block: "center" });
};
window.addEventListener("hashchange", open);
if (location.hash) open();
