// The explorer of cases: which are listed in which order, and the one that is looked at. Its state stands in
// the address, so that a view can be sent to somebody.
"use strict";
(() => {
  const LISTED = 100; // lines that are shown until more are asked for
  const FILTERS = ["class", "outcome", "of", "size", "place", "score"];
  const PLACES = {
    "left half": (x, y) => x < 0.5, "right half": (x, y) => x >= 0.5,
    "upper half": (x, y) => y < 0.5, "lower half": (x, y) => y >= 0.5,
  };
  const SIZES = { "smallest third": "small", "middle third": "middle", "largest third": "large" };
  const THIRDS = ["small", "middle", "large"];

  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const most = (values) => values.reduce((best, value) => Math.max(best, value), -Infinity);

  // "class=a+b&size=small", in the form of an address's query or as it is.
  const parsed = (text, known) => {
    const encoded = Object.fromEntries(new URLSearchParams(text));
    if (encoded.class === undefined || known(encoded.class)) return encoded;
    const plain = text.match(/^class=(.*)$/s)?.[1];
    return plain !== undefined && known(plain) ? { class: plain } : encoded;
  };

  const explore = (explorer) => {
    const section = explorer.closest("section") ?? document.body;
    const index = JSON.parse(section.querySelector(".case-data").textContent);
    const pages = section.querySelector(".case-pages");
    const film = window.wsbenchFilm(explorer, index);
    const one = (selector) => explorer.querySelector(selector);
    const control = (name) => one(`[data-control="${name}"]`);
    const filters = {};
    const state = { column: 0, method: Math.max(0, index.methods.findIndex((method) => method.maps)), opacity: 0.4, brightness: 1, thresholds: {}, hidden: new Set() };
    // Images are sorted by the methods that read them, if any does.
    const reading = index.methods.map((_, number) => number).filter((number) => !index.methods[number].floor);
    const judged = reading.length ? reading : index.methods.map((_, number) => number);
    let matches = [];
    let without = 0; // cases that match and have no picture
    let position = 0;
    let listed = LISTED;
    let latest = 0;

    // ---- Which cases
    const boxFits = (shown, [label, x0, y0, x1, y1, third], column) =>
      label === column
      && (!filters.size || THIRDS[third] === filters.size)
      && (!filters.place || PLACES[filters.place]((x0 + x1) / 2 / shown.size[0], (y0 + y1) / 2 / shown.size[1]));
    const methodFits = (shown, number, column) =>
      (!filters.of || index.methods[number].letter === filters.of)
      && (!filters.outcome || index.outcomes[shown.outcomes[number][column]] === filters.outcome)
      && (!filters.score || shown.bins[number][column] === filters.score);
    const columnFits = (shown, column) =>
      (!filters.class || index.classes[column] === filters.class)
      && (!(filters.size || filters.place) || shown.truth.some((box) => boxFits(shown, box, column)))
      && index.methods.some((_, number) => methodFits(shown, number, column));
    // A filter for a class alone shows images that have it, or that a method predicts to have it.
    const matters = (shown, column) =>
      filters.outcome || filters.score || !filters.class
      || shown.labels.includes(column) || shown.outcomes.some((codes) => ["tp", "fp"].includes(index.outcomes[codes[column]]));

    const matched = (shown) => {
      const columns = index.classes.map((_, column) => column).filter((column) => columnFits(shown, column) && matters(shown, column));
      if (columns.length === 0) return null;
      const judgements = judged.map((number) => shown.worst[number]);
      const worstOf = (column) => most(judgements.map((values) => values[column]));
      const column = columns.reduce((best, other) => (worstOf(other) > worstOf(best) ? other : best));
      const mean = judgements.reduce((sum, values) => sum + most(columns.map((each) => values[each])), 0) / judgements.length;
      const range = most(columns.map((each) => worstOf(each) + most(judgements.map((values) => -values[each]))));
      const areas = shown.truth.filter(([label]) => columns.includes(label)).map(([, x0, y0, x1, y1]) => ((x1 - x0) * (y1 - y0)) / (shown.size[0] * shown.size[1]));
      return { shown, column, worst: -mean, disagreement: -range, class: shown.labels.length ? Math.min(...shown.labels) : Infinity, size: Math.min(...areas, Infinity) };
    };

    const select = (name) => {
      const key = control("sort").value;
      const all = index.cases.map(matched).filter(Boolean);
      matches = control("pictured")?.checked ? all.filter((match) => match.shown.picture) : all;
      without = all.length - matches.length;
      matches.sort((a, b) => (a[key] === b[key] ? 0 : a[key] - b[key]) || a.worst - b.worst || 0);
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

    const scoreOf = (shown, method, number) => {
      const predicted = shown.details.methods[number];
      const [score, point] = [predicted.scores[state.column], method.points[state.column]];
      const outcome = index.outcomes[shown.outcomes[number][state.column]];
      const isPredicted = outcome === "tp" || outcome === "fp";
      const box = element("input", { type: "checkbox", checked: !state.hidden.has(number) });
      box.addEventListener("change", () => {
        state.hidden[box.checked ? "delete" : "add"](number);
        draw();
      });
      const meter = element("div", { className: `case-meter${isPredicted ? " predicted" : ""}` }, element("span", {}), element("i", {}));
      meter.firstChild.style.width = `${100 * score}%`;
      meter.lastChild.style.left = `calc(${100 * point}% - 1px)`;
      meter.setAttribute("aria-hidden", "true"); // the words below say it
      const words = control("outcome").querySelector(`[value="${outcome}"]`).textContent;
      const iou = predicted.overlaps[state.column];
      const place = shown.unknown.includes(state.column) ? ["Nobody marked where it is."]
        : iou === null ? []
        : [`Its best box overlaps the truth by an IoU of ${iou.toFixed(2)}: `, element("b", { className: iou >= index.hit ? "case-hit" : "case-miss" }, iou >= index.hit ? "a hit" : "a miss"), ` (hit from ${index.hit}).`];
      return element("div", { className: `case-score case-outcome-${outcome}` },
        element("label", {}, box, element("span", { className: `case-tag method-${number}` }, method.letter), element("span", {}, method.name, element("span", { className: "hidden-label" }, ": show boxes"))),
        meter,
        element("div", {}, `Score ${score.toFixed(2)}: ${isPredicted ? "predicted" : "not predicted"} (predicted from ${point.toFixed(2)}). `, element("strong", {}, words), ". ", ...place));
    };
    const allClasses = (shown) => {
      const row = (column) => element("tr", {}, element("th", { scope: "row" }, index.classes[column]), element("td", {}, shown.labels.includes(column) ? "present" : "absent"),
        ...index.methods.map((_, number) => element("td", { className: "number" }, shown.details.methods[number].scores[column].toFixed(2), ["tp", "fp"].includes(index.outcomes[shown.outcomes[number][column]]) ? " \u2713" : "")));
      const head = element("tr", {}, ...["Class", "Truth", ...index.methods.map((method) => method.letter)].map((words) => element("th", { scope: "col" }, words)));
      return element("details", {}, element("summary", {}, "Scores of all classes"), element("div", { className: "scroll" },
        element("table", {}, element("caption", {}, "\u2713: predicted"), element("thead", {}, head), element("tbody", {}, ...index.classes.map((_, column) => row(column))))));
    };
    const drawScores = (shown) => {
      const isOpen = one(".case-scores details")?.open;
      const scores = shown.details ? index.methods.map((method, number) => scoreOf(shown, method, number)) : [];
      const finding = shown.labels.includes(state.column) ? "present" : "absent";
      const head = element("p", {}, `Truth: ${index.classes[state.column]} is `, element("strong", {}, finding), ".");
      one(".case-scores").replaceChildren(head, ...scores, ...(shown.details && index.classes.length > 1 ? [allClasses(shown)] : []));
      if (isOpen) one(".case-scores details").open = true;
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
      drawScores(shown);
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
    const usable = (values) => {
      const size = SIZES[values.size] ?? values.size;
      const known = {
        class: index.classes.includes(values.class), outcome: index.outcomes.includes(values.outcome),
        of: index.methods.some((method) => method.letter === values.of), size: THIRDS.includes(size),
        place: values.place in PLACES, score: /^[0-9]$/.test(values.score ?? ""),
      };
      return Object.fromEntries(FILTERS.map((name) => [name, known[name] ? (name === "size" ? size : values[name]) : ""]));
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
      for (const [key, value] of Object.entries(usable(values))) if (value) filters[key] = value;
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
      explorer.scrollIntoView();
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
      drawScores(matches[position].shown);
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
        filter(usable(parsed(text, (name) => index.classes.includes(name))));
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
