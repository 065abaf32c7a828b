// Everything here is a shortcut to what the page can do without it: reading, links and forms work when this does not run.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (words) => { const place = one("#said"); if (place) place.textContent = words; };

  // Ages go on by themselves.
  const span = (s) => s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min`
    : s < 172800 ? `${Math.floor(s / 3600)} h ${String(Math.floor(s % 3600 / 60)).padStart(2, "0")} min`
    : `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
  let skew = 0; // of this machine's clock against the service's
  const age = () => {
    for (const time of all("time[data-age]")) {
      const s = Math.trunc((Date.now() + skew - Date.parse(time.dateTime)) / 1000);
      time.textContent = s === 0 ? "now" : s > 0 ? `${span(s)} ago` : `in ${span(-s)}`;
    }
  };
  const mended = (at) => { if (at) skew = Date.parse(at) - Date.now(); };
  mended(one("main")?.dataset.at);
  setInterval(age, 1000);

  // Live: the stream says that something is new, the page is fetched and its part put in.
  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" } });
    if (!answer.ok || answer.redirected) { location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const from = one("#live", fresh), into = one("#live");
    if (!from || !into) return;
    if (into.contains(document.activeElement) && document.activeElement.matches("input, textarea, select") && document.activeElement.value) return;
    const held = current()?.dataset.row, focus = document.activeElement?.id;
    into.replaceChildren(...from.childNodes);
    one("main").dataset.at = one("main", fresh).dataset.at;
    one("main").dataset.mark = one("main", fresh).dataset.mark || "";
    mended(one("main").dataset.at);
    const stamp = one("#stamp", fresh);
    if (stamp) one("#stamp").replaceChildren(...stamp.childNodes);
    if (held) select(one(`[data-row="${CSS.escape(held)}"]`));
    if (focus && document.getElementById(focus)) document.getElementById(focus).focus({ preventScroll: true });
    age();
  };
  const main = one("main");
  if (main?.dataset.live && window.EventSource) {
    const stream = new EventSource(`/console/live?of=${encodeURIComponent(main.dataset.live)}`);
    stream.onmessage = (message) => {
      const told = JSON.parse(message.data);
      mended(told.at);
      const others = one("#others");
      if (others) others.textContent = told.others ? `${told.others === 1 ? "One other looks" : `${told.others} others look`} at this, too.` : "";
      if (told.mark !== main.dataset.mark) refresh();
      else { const stamp = one("#stamp time"); if (stamp) stamp.dateTime = told.at; age(); }
    };
  }

  // Lists by one hand: arrows move, a letter picks an act, s does it, n does it and goes on.
  const current = () => one("[data-row][aria-current]");
  const rows = () => all("[data-row]");
  const select = (row) => {
    for (const other of all("[data-row][aria-current]")) if (other !== row) other.removeAttribute("aria-current");
    unpick();
    if (!row) return;
    row.setAttribute("aria-current", "true");
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  const unpick = () => { for (const button of all("[data-picked]")) button.removeAttribute("data-picked"); };
  const move = (by) => {
    const there = rows();
    if (!there.length) return false;
    const at = there.indexOf(current());
    select(there[at < 0 ? (by > 0 ? 0 : there.length - 1) : Math.min(there.length - 1, Math.max(0, at + by))]);
    return true;
  };
  const pick = (key) => {
    const within = current() || one("[data-acts]");
    const target = within && one(`[data-key="${CSS.escape(key)}"]`, within) || all(`main [data-key="${CSS.escape(key)}"]`).find((each) => !each.closest("[data-row]"));
    if (!target) return false;
    unpick();
    if (target.matches("button")) {
      target.setAttribute("data-picked", "");
      target.scrollIntoView({ block: "nearest" });
      say(`${target.textContent.trim()} picked: s does it, n does it and goes on`);
    } else { target.closest("details")?.setAttribute("open", ""); target.focus(); }
    return true;
  };
  const send = async (goOn) => {
    const button = one("[data-picked]");
    if (!button) return false;
    if (!button.form.reportValidity()) return true;
    const row = button.closest("[data-row]");
    if (!row || !one("#live")) { button.form.requestSubmit(button); return true; }
    const next = goOn ? rows()[rows().indexOf(row) + 1]?.dataset.row : row.dataset.row;
    const form = new FormData(button.form, button);
    const answer = await fetch(button.form.action, { method: "POST", body: new URLSearchParams(form) });
    if (!answer.ok) { say("That was not done."); const page = await answer.text(); document.documentElement.replaceWith(new DOMParser().parseFromString(page, "text/html").documentElement); return true; }
    say(`${button.textContent.trim()}: done`);
    await refresh();
    select((next && one(`[data-row="${CSS.escape(next)}"]`)) || rows()[0]);
    return true;
  };

  const goes = { n: "now", c: "cases", a: "audit", r: "rulebook", o: "roster", e: "events", w: "writeback", k: "keys", p: "reports", t: "patterns" };
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey) {
      event.preventDefault();
      const box = one("#paste");
      box?.focus(); box?.select();
      return;
    }
    const field = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (field) { if (event.key === "Escape") field.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    const key = event.key;
    let did = true;
    if (Date.now() - going < 1500 && goes[key] && one(`.top nav a[href$="/${goes[key]}"]`)) { going = 0; location.href = `/console/${goes[key]}`; }
    else if (key === "?") one("#keys")?.showModal();
    else if (key === "/") one("#find, #paste")?.focus();
    else if (key === "ArrowDown" || key === "j") did = move(1);
    else if (key === "ArrowUp" || key === "k") did = move(-1);
    else if (key === "Enter" && document.activeElement?.matches("[data-row]")) { const link = one("a.open", current()); if (link) link.click(); }
    else if (key === "Escape") { unpick(); select(null); }
    else if (key === "g") going = Date.now();
    else if (key === "s") { did = !!one("[data-picked]"); if (did) send(false); }
    else if (key === "n") { did = !!one("[data-picked]"); if (did) send(true); }
    else did = /^[a-z0-9]$/.test(key) && pick(key);
    if (did) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-show-keys]")) one("#keys")?.showModal();
    const at = event.target.closest?.("[data-line]"), text = one("#text");
    if (at && text) {
      event.preventDefault();
      const lines = text.value.split("\n"), line = Number(at.dataset.line) - 1;
      const start = lines.slice(0, line).reduce((sum, each) => sum + each.length + 1, 0);
      text.focus(); text.setSelectionRange(start, start + (lines[line] || "").length);
    }
    const row = event.target.closest?.("[data-row]");
    if (row && row !== current()) { for (const other of all("[data-row][aria-current]")) other.removeAttribute("aria-current"); row.setAttribute("aria-current", "true"); }
  });
  // Search as you type: the address follows, so that it can be shared.
  let typing = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form?.matches("[data-typed]")) return;
    clearTimeout(typing);
    typing = setTimeout(async () => {
      const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      history.replaceState(null, "", `${form.getAttribute("action")}?${asked}`);
      const answer = await fetch(location.href);
      if (!answer.ok) return;
      const from = one("#live", new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (from) { one("#live").replaceChildren(...from.childNodes); age(); }
    }, 250);
  });
  // A filter that is chosen is asked for at once; the button beside it is there for everybody else.
  document.addEventListener("change", (event) => { if (event.target.matches?.("form[data-at-once] select")) event.target.form.requestSubmit(); });
  age();
})();
