// The explorer of cases: which are listed in which order, and the one that is looked at. Its state stands in
// the address, so that a view can be sent to somebody.
"use strict";
(() => {
  const LISTED = 100; // lines that are shown until more are asked for
  const { FILTERS } = window.wsbenchChoice;
  const { element } = window.wsbenchScores;

  const explore = (explorer) => {
    const section = explorer.closest("section") ?? document.body;
    const index = JSON.parse(section.querySelector(".case-data").textContent);
    const pages = section.querySelector(".case-pages");
    const film = window.wsbenchFilm(explorer, index);
    const one = (selector) => explorer.querySelector(selector);
    const control = (name) => one(`[data-control="${name}"]`);
    const filters = {};
    const choice = window.wsbenchChoice(index, filters);
    const state = { column: 0, method: Math.max(0, index.methods.findIndex((method) => method.maps)), opacity: 0.4, brightness: 1, thresholds: {}, hidden: new Set() };
    const scores = window.wsbenchScores(explorer, index, state, () => draw());
    let matches = [];
    let without = 0; // cases that match and have no picture
    let position = 0;
    let listed = LISTED;
    let latest = 0;

    const select = (name) => {
      const all = choice.matches(control("sort").value);
      matches = control("pictured")?.checked ? all.filter((match) => match.shown.picture) : all;
      without = all.length - matches.length;
      listed = LISTED;
      position = Math.max(0, matches.findIndex((match) => match.shown.name === name));
      state.column = matches[position]?.column ?? 0;
      state.thresholds = {};
    };

    // ---- The list
    const outcomeWords = (match) =>
      index.methods.map((method, number) => `${method.letter} ${index.outcomes[match.shown.outcomes[number][match.column]]}`).join(" ");
    const drawList = () => {
      const lines = matches.slice(0, Math.max(listed, position + 1)).map((match, number) => {
        const words = index.classes.length > 1 ? `${index.classes[match.column]}: ${outcomeWords(match)}` : outcomeWords(match);
        const button = element("button", { type: "button" }, match.shown.name, element("small", {}, words));
        if (number === position) button.setAttribute("aria-current", "true");
        button.addEventListener("click", () => go(number));
        return element("li", {}, button);
      });
      one(".case-list ol").replaceChildren(...lines);
      one("[data-more]").hidden = matches.length <= lines.length;
      const hidden = without ? ` with a picture, ${without} more without one` : "";
      const beyond = index.cases.length < index.images ? `. This page has ${index.cases.length} of ${index.images} images` : "";
      one(".case-count").textContent = `${matches.length} case${matches.length === 1 ? "" : "s"}${hidden}${beyond}.`;
    };
    const showLine = () => {
      const list = one(".case-list");
      const line = list.querySelector("[aria-current]");
      if (!line) return;
      const [top, bottom] = [line.offsetTop - list.offsetTop, line.offsetTop - list.offsetTop + line.offsetHeight];
      if (top < list.scrollTop) list.scrollTop = top;
      if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
    };

    const drawChips = () => {
      const chips = Object.entries(filters).map(([name, value]) => {
        const button = element("button", { type: "button", ariaLabel: `Remove the filter ${name} ${value}` }, `${name === "of" ? "method" : name}: ${name === "score" ? `${value / 10} to ${(Number(value) + 1) / 10}` : value}`);
        button.addEventListener("click", () => {
          filter({ [name]: "" });
          explorer.querySelector("[data-control=sort]").focus();
        });
        return element("li", {}, button);
      });
      one(".case-chips").replaceChildren(...chips);
      for (const name of FILTERS) if (control(name)) control(name).value = filters[name] ?? "";
    };

    // ---- The case
    const detailsOf = async (shown) => {
      if (!shown.details && index.details) {
        const answer = await fetch(index.details + shown.id);
        if (!answer.ok) throw new Error(`${shown.name}: the server answered ${answer.status}`);
        shown.details = await answer.json();
      }
    };
    const addressOf = (shown) => (index.pictures ? index.pictures + shown.id : pages.querySelector(`[data-page="${shown.id}"] img`)?.src ?? "");

    const hasMap = (shown) => Boolean(shown.details?.methods[state.method].maps[state.column]);
    const drawControls = (shown, counts) => {
      const predicted = shown.details?.methods[state.method];
      const [threshold, minimumArea] = index.methods[state.method].rules[state.column];
      const chosen = state.thresholds[state.method];
      const redrawn = Boolean(predicted?.maps[state.column] || predicted?.own[state.column]);
      control("threshold").value = chosen ?? threshold;
      control("threshold").disabled = !redrawn;
      control("opacity").disabled = !hasMap(shown);
      control("method").value = state.method;
      one('[data-shown="threshold"]').textContent = Number(chosen ?? threshold).toFixed(2);
      one('[data-shown="opacity"]').textContent = hasMap(shown) ? `${Math.round(100 * state.opacity)} %` : "none";
      one('[data-shown="brightness"]').textContent = `${Math.round(100 * state.brightness)} %`;
      one("[data-reset]").hidden = chosen === undefined;
      const count = counts[state.method] ?? 0;
      const rule = minimumArea ? `boxes larger than ${+(100 * minimumArea).toFixed(2)} % of the image` : "boxes of any size";
      one(".case-rule").textContent = chosen === undefined
        ? `${count} box${count === 1 ? "" : "es"} at the harness's threshold ${threshold.toFixed(2)}, ${rule}.${redrawn ? "" : " This page cannot redraw them."}`
        : `${count} box${count === 1 ? "" : "es"} at ${chosen.toFixed(2)}, ${rule}. The harness chose ${threshold.toFixed(2)}.`;
    };

    const drawFindings = (shown) => {
      const columns = shown.details?.columns ?? [];
      if (shown.details && !columns.includes(state.column)) state.column = columns[0];
      const options = (columns.length ? columns : [state.column]).map((column) => element("option", { value: column }, `${index.classes[column]}${shown.labels.includes(column) ? " (present)" : ""}`));
      control("finding").replaceChildren(...options);
      control("finding").value = state.column;
    };

    const draw = () => {
      const shown = matches[position]?.shown;
      one(".case-stage").hidden = !shown;
      if (!shown) return;
      const counts = film.draw(shown, addressOf(shown), state);
      drawControls(shown, counts);
    };
    const show = async () => {
      const shown = matches[position]?.shown;
      const turn = ++latest;
      draw();
      if (!shown) return;
      one(".case-name").textContent = `${position + 1} of ${matches.length}: ${shown.name}`;
      try {
        await detailsOf(shown);
      } catch (error) {
        one(".case-rule").textContent = String(error.message ?? error);
        return;
      }
      if (turn !== latest) return;
      drawFindings(shown);
      draw();
      scores.draw(shown);
    };

    const go = (number) => {
      if (matches.length === 0) return;
      position = (number + matches.length) % matches.length;
      state.column = matches[position].column;
      state.thresholds = {};
      const isInList = one(".case-list").contains(document.activeElement);
      drawList();
      showLine();
      if (isInList) one(".case-list [aria-current]").focus({ preventScroll: true });
      remember();
      show();
    };

    // ---- Filters and the address
    const filter = (changes) => {
      const before = matches[position]?.shown.name;
      for (const [name, value] of Object.entries(changes)) {
        if (value) filters[name] = value;
        else delete filters[name];
      }
      select(before);
      drawChips();
      drawList();
      showLine();
      remember();
      show();
    };
    const remember = () => {
      const values = new URLSearchParams(filters);
      if (control("sort").value !== "worst") values.set("sort", control("sort").value);
      if (matches[position]) values.set("case", matches[position].shown.name);
      if (matches[position] && state.column !== matches[position].column) values.set("finding", index.classes[state.column]);
      if (state.thresholds[state.method] !== undefined) {
        values.set("method", index.methods[state.method].letter);
        values.set("threshold", state.thresholds[state.method]);
      }
      try {
        history.replaceState(null, "", `#${section.id}?${values}`);
      } catch {
        // a page in a frame without rights: the view cannot be linked
      }
    };
    const recall = async () => {
      const [name, query] = location.hash.slice(1).split(/\?(.*)/s);
      if (name !== section.id || !query) return false;
      const values = Object.fromEntries(new URLSearchParams(query));
      for (const key of FILTERS) delete filters[key];
      for (const [key, value] of Object.entries(choice.usable(values))) if (value) filters[key] = value;
      if ([...control("sort").options].some((option) => option.value === values.sort)) control("sort").value = values.sort;
      const linked = index.cases.find((shown) => shown.name === values.case);
      if (linked && !linked.picture && control("pictured")) control("pictured").checked = false;
      select(values.case);
      if (index.classes.includes(values.finding)) state.column = index.classes.indexOf(values.finding);
      const method = index.methods.findIndex((each) => each.letter === values.method);
      const threshold = Number(values.threshold);
      if (method >= 0 && threshold > 0 && threshold < 1) {
        state.method = method;
        state.thresholds = { [method]: threshold };
      }
      drawChips();
      drawList();
      explorer.scrollIntoView({ behavior: "instant" });
      showLine();
      await show();
      return true;
    };

    // ---- What is pressed and moved
    for (const name of FILTERS) control(name)?.addEventListener("change", () => filter({ [name]: control(name).value }));
    const again = () => {
      select();
      drawList();
      showLine();
      remember();
      show();
    };
    control("sort").addEventListener("change", again);
    control("pictured")?.addEventListener("change", again);
    control("finding").addEventListener("change", () => {
      state.column = Number(control("finding").value);
      state.thresholds = {};
      draw();
      scores.draw(matches[position].shown);
      remember();
    });
    control("method").addEventListener("change", () => {
      state.method = Number(control("method").value);
      draw();
    });
    control("opacity").addEventListener("input", () => {
      state.opacity = control("opacity").value / 100;
      state.withoutHeatmap = false;
      draw();
    });
    control("brightness").addEventListener("input", () => {
      state.brightness = control("brightness").value / 100;
      draw();
    });
    control("threshold").addEventListener("input", () => {
      state.thresholds[state.method] = Number(control("threshold").value);
      draw();
    });
    control("threshold").addEventListener("change", remember);
    one("[data-reset]").addEventListener("click", () => {
      delete state.thresholds[state.method];
      draw();
      remember();
      control("threshold").focus();
    });
    one("[data-more]").addEventListener("click", () => {
      listed += LISTED;
      drawList();
    });
    for (const button of explorer.querySelectorAll("[data-step]")) button.addEventListener("click", () => go(position + Number(button.dataset.step)));
    const keys = {
      ArrowLeft: () => go(position - 1), ArrowRight: () => go(position + 1),
      ArrowUp: () => go(position - 1), ArrowDown: () => go(position + 1),
      b: () => { state.withoutBoxes = !state.withoutBoxes; draw(); },
      h: () => { state.withoutHeatmap = !state.withoutHeatmap; draw(); },
    };
    for (const place of [film.frame, one(".case-list")]) {
      place.addEventListener("keydown", (event) => {
        if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        keys[event.key]();
      });
    }
    new ResizeObserver(draw).observe(film.frame);
    addEventListener("hashchange", recall);

    explorer.hidden = false;
    pages.hidden = true;
    select();
    drawChips();
    drawList();
    recall().then((was) => was || show());
    return {
      section,
      // A filter from elsewhere in the page replaces those that were active.
      open: (text) => {
        filter(choice.fromText(text));
        explorer.scrollIntoView();
        film.frame.focus({ preventScroll: true });
      },
    };
  };

  const explorers = [...document.querySelectorAll(".case-explorer")].map(explore);
  // <a data-filter="class=NAME">: the first explorer below it, or the one that its address names.
  const explorerOf = (source) =>
    explorers.find(({ section }) => source.getAttribute("href") === `#${section.id}`)
    ?? explorers.find(({ section }) => source.compareDocumentPosition(section) & Node.DOCUMENT_POSITION_FOLLOWING)
    ?? explorers[0];
  const open = (event) => {
    const source = event.target.closest?.("[data-filter]");
    if (!source || explorers.length === 0) return;
    if (event.type === "keydown" && !(source.hasAttribute("tabindex") && ["Enter", " "].includes(event.key))) return;
    event.preventDefault();
    explorerOf(source).open(source.dataset.filter);
  };
  if (explorers.length) {
    document.addEventListener("click", open);
    document.addEventListener("keydown", open);
    for (const source of document.querySelectorAll("[data-filter]:not(a, button)")) {
      source.setAttribute("tabindex", "0");
      source.setAttribute("role", "button");
      if (!source.hasAttribute("aria-label") && !source.textContent.trim()) {
        source.setAttribute("aria-label", `Show the cases of ${source.dataset.filter.replaceAll(/[=&+]/g, " ")}`);
      }
      source.style.cursor = "pointer";
    }
  }
})();
