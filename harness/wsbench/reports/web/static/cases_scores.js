// The scores of a case beside its film: each method's class score on its operating point, and what that means.
"use strict";
(() => {
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  // `changed` is called when somebody shows or hides the boxes of a method.
  window.wsbenchScores = (explorer, index, state, changed) => {
    const place = explorer.querySelector(".case-scores");
    const wordsOf = (outcome) => explorer.querySelector(`[data-control="outcome"] [value="${outcome}"]`).textContent;

    const scoreOf = (shown, method, number) => {
      const predicted = shown.details.methods[number];
      const [score, point] = [predicted.scores[state.column], method.points[state.column]];
      const outcome = index.outcomes[shown.outcomes[number][state.column]];
      const isPredicted = outcome === "tp" || outcome === "fp";
      const box = element("input", { type: "checkbox", checked: !state.hidden.has(number) });
      box.addEventListener("change", () => {
        state.hidden[box.checked ? "delete" : "add"](number);
        changed();
      });
      const meter = element("div", { className: `case-meter${isPredicted ? " predicted" : ""}` }, element("span", {}), element("i", {}));
      meter.firstChild.style.width = `${100 * score}%`;
      meter.lastChild.style.left = `calc(${100 * point}% - 1px)`;
      meter.setAttribute("aria-hidden", "true"); // the words below say it
      const iou = predicted.overlaps[state.column];
      const overlap = shown.unknown.includes(state.column) ? ["Nobody marked where it is."]
        : iou === null ? []
        : [`Its best box overlaps the truth by an IoU of ${iou.toFixed(2)}: `, element("b", { className: iou >= index.hit ? "case-hit" : "case-miss" }, iou >= index.hit ? "a hit" : "a miss"), ` (hit from ${index.hit}).`];
      return element("div", { className: `case-score case-outcome-${outcome}` },
        element("label", {}, box, element("span", { className: `case-tag method-${number}` }, method.letter), element("span", {}, method.name, element("span", { className: "hidden-label" }, ": show boxes"))),
        meter,
        element("div", {}, `Score ${score.toFixed(2)}: ${isPredicted ? "predicted" : "not predicted"} (predicted from ${point.toFixed(2)}). `, element("strong", {}, wordsOf(outcome)), ". ", ...overlap));
    };
    const allClasses = (shown) => {
      const row = (column) => element("tr", {}, element("th", { scope: "row" }, index.classes[column]), element("td", {}, shown.labels.includes(column) ? "present" : "absent"),
        ...index.methods.map((_, number) => element("td", { className: "number" }, shown.details.methods[number].scores[column].toFixed(2), ["tp", "fp"].includes(index.outcomes[shown.outcomes[number][column]]) ? " \u2713" : "")));
      const head = element("tr", {}, ...["Class", "Truth", ...index.methods.map((method) => method.letter)].map((words) => element("th", { scope: "col" }, words)));
      return element("details", {}, element("summary", {}, "Scores of all classes"), element("div", { className: "scroll" },
        element("table", {}, element("caption", {}, "\u2713: predicted"), element("thead", {}, head), element("tbody", {}, ...index.classes.map((_, column) => row(column))))));
    };
    const drawScores = (shown) => {
      const isOpen = place.querySelector("details")?.open;
      const scores = shown.details ? index.methods.map((method, number) => scoreOf(shown, method, number)) : [];
      const finding = shown.labels.includes(state.column) ? "present" : "absent";
      const head = element("p", {}, `Truth: ${index.classes[state.column]} is `, element("strong", {}, finding), ".");
      place.replaceChildren(head, ...scores, ...(shown.details && index.classes.length > 1 ? [allClasses(shown)] : []));
      if (isOpen) place.querySelector("details").open = true;
    };
    return { draw: drawScores };
  };
  window.wsbenchScores.element = element;
})();
