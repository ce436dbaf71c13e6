// Keeps the lists of a page current: listens to /v1/stream, fetches the page again, and puts in what changed. Without it the page works all the same.

const announce = document.querySelector("[data-announce]");
const state = document.querySelector("[data-live]");
const QUIET = 400; // ms: events that come together are one change
const LONGEST = 2000; // ms: and yet the page is never older than this
const AGAIN = 15_000; // ms: a refused stream (too many, or its server is being replaced) is given up by the browser; we ask again after once to twice this

function say(text, values = {}) {
  return Object.entries(values).reduce((said, [name, value]) => said.replace(`{${name}}`, value), text);
}

function show(kind) {
  state.hidden = false;
  state.dataset.kind = kind;
  state.textContent = state.dataset[kind];
}

/** Rows of `old` become those of `fresh`, keyed by alert: untouched rows stay the same elements, so focus and reading place stay too. */
function merge(old, fresh) {
  const have = new Map([...old.children].map((row) => [row.dataset.id, row]));
  let place = old.firstElementChild;
  for (const row of [...fresh.children]) {
    const known = have.get(row.dataset.id);
    const same = known && known.dataset.revision === row.dataset.revision;
    const node = same ? known : document.adoptNode(row);
    if (same) {
      const [was, is] = [known.querySelector(".when"), row.querySelector(".when")];
      if (was && is && was.innerHTML !== is.innerHTML) was.replaceChildren(...is.cloneNode(true).childNodes);
    } else {
      node.classList.add("arrived");
      if (known) {
        const focused = known.contains(document.activeElement);
        if (known === place) place = place.nextElementSibling;
        if ("selected" in known.dataset) node.dataset.selected = "";
        known.remove();
        if (focused) requestAnimationFrame(() => node.querySelector("a")?.focus({ preventScroll: true }));
      }
    }
    have.delete(row.dataset.id ?? node.dataset.id);
    if (node !== place) old.insertBefore(node, place);
    else place = place.nextElementSibling;
  }
  for (const gone of have.values()) if (!gone.contains(document.activeElement)) gone.remove();
}

async function refresh(arrived) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (answer.status === 401) return location.assign("/signed-out");
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [lists, newer] = [document.querySelectorAll("ol.rows"), fresh.querySelectorAll("ol.rows")];
  lists.forEach((list, at) => newer[at] && merge(list, newer[at]));
  for (const part of document.querySelectorAll("[data-fresh]")) {
    const other = fresh.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
    if (!other || part.contains(document.activeElement)) continue;
    part.replaceChildren(...other.childNodes);
  }
  if (document.querySelector("ol.rows > li")) document.querySelector("[data-empty]")?.remove();
  if (!announce || !arrived.length) return;
  const headline = arrived.at(-1);
  announce.textContent = arrived.length === 1 ? say(state.dataset.new, { headline }) : say(state.dataset.many, { headline, count: arrived.length });
}

function listen() {
  let [arrived, timer, since] = [[], 0, 0];
  const settle = async () => {
    const batch = arrived;
    [arrived, since] = [[], 0];
    await refresh(batch).catch(() => show("off"));
  };
  let [last, stream] = [state.dataset.since || 0, null];
  const again = () => refresh([]).catch(() => {}).then(connect);
  const connect = () => {
    stream = new EventSource(`/v1/stream?since=${encodeURIComponent(last)}`);
    stream.addEventListener("open", () => show("on"));
    stream.addEventListener("error", () => {
      show("off");
      if (stream.readyState === EventSource.CLOSED) setTimeout(again, AGAIN * (1 + Math.random()));
    });
    stream.addEventListener("alert", (event) => {
      const alert = JSON.parse(event.data);
      last = event.lastEventId || last;
      arrived.push(alert.headline?.[document.documentElement.lang] || alert.headline?.es || alert.alert_id);
      since ||= Date.now();
      clearTimeout(timer);
      timer = setTimeout(settle, Math.max(0, Math.min(QUIET, since + LONGEST - Date.now())));
    });
  };
  connect();
  addEventListener("pagehide", () => stream.close());
}

/** On a wide screen a row opens beside the list; the address keeps it, and Back undoes it. */
function openBeside() {
  const pane = document.querySelector("[data-pane]");
  const list = document.querySelector("[data-follow]");
  if (!pane || !list) return;
  const wide = matchMedia("(min-width: 1100px)");
  const open = async (id, href, push) => {
    const answer = await fetch(href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    const found = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#alert");
    if (!found) return location.assign(href);
    const sentence = Object.assign(document.createElement("h2"), { id: "h-alert", className: "sentence" });
    sentence.append(...found.querySelector("#h-alert").childNodes);
    found.querySelector("#h-alert").replaceWith(sentence);
    const link = pane.querySelector(".open-page") ?? pane.insertAdjacentElement("afterbegin", document.createElement("p"));
    pane.replaceChildren(link, found);
    link.querySelector("a")?.setAttribute("href", href);
    pane.scrollTop = 0;
    for (const row of list.children) row.toggleAttribute("data-selected", row.dataset.id === id);
    if (push) {
      const place = new URL(location.href);
      place.searchParams.set("selected", id);
      history.pushState({ id, href }, "", place);
      for (const other of document.querySelectorAll(".tools a[hreflang]")) {
        place.searchParams.set("lang", other.hreflang);
        other.href = place;
      }
      pane.focus({ preventScroll: true });
    }
  };
  list.addEventListener("click", (event) => {
    const link = event.target.closest("h3 a");
    if (!link || !wide.matches || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(link.closest("li").dataset.id, link.getAttribute("href"), true).catch(() => location.assign(link.href));
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const row = event.target.closest("li")?.[step];
    if (!row) return;
    event.preventDefault();
    row.querySelector("h3 a")?.focus();
  });
  addEventListener("popstate", () => location.reload());
}

if (state) listen();
openBeside();
