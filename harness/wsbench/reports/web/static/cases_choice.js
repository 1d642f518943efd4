// Which cases are listed, and in which order.
"use strict";
(() => {
  const FILTERS = ["class", "outcome", "of", "size", "place", "score"];
  const PLACES = {
    "left half": (x, y) => x < 0.5, "right half": (x, y) => x >= 0.5,
    "upper half": (x, y) => y < 0.5, "lower half": (x, y) => y >= 0.5,
  };
  const SIZES = { "smallest third": "small", "middle third": "middle", "largest third": "large" };
  const THIRDS = ["small", "middle", "large"];

  const most = (values) => values.reduce((best, value) => Math.max(best, value), -Infinity);

  // "class=a+b&size=small", in the form of an address's query or as it is.
  const parsed = (text, known) => {
    const encoded = Object.fromEntries(new URLSearchParams(text));
    if (encoded.class === undefined || known(encoded.class)) return encoded;
    const plain = text.match(/^class=(.*)$/s)?.[1];
    return plain !== undefined && known(plain) ? { class: plain } : encoded;
  };

  window.wsbenchChoice = (index, filters) => {
    // Images are sorted by the methods that read them, if any does.
    const reading = index.methods.map((_, number) => number).filter((number) => !index.methods[number].floor);
    const judged = reading.length ? reading : index.methods.map((_, number) => number);

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

    // The cases that match the filters, in an order: the image, and the class that methods are worst about.
    const matches = (order) =>
      index.cases.map(matched).filter(Boolean)
        .sort((a, b) => (a[order] === b[order] ? 0 : a[order] - b[order]) || a.worst - b.worst || 0);

    // Of the values of filters, those that mean something; others are empty.
    const usable = (values) => {
      const size = SIZES[values.size] ?? values.size;
      const known = {
        class: index.classes.includes(values.class), outcome: index.outcomes.includes(values.outcome),
        of: index.methods.some((method) => method.letter === values.of), size: THIRDS.includes(size),
        place: Object.hasOwn(PLACES, values.place ?? ""), score: /^[0-9]$/.test(values.score ?? ""),
      };
      return Object.fromEntries(FILTERS.map((name) => [name, known[name] ? (name === "size" ? size : values[name]) : ""]));
    };

    const fromText = (text) => usable(parsed(text, (name) => index.classes.includes(name)));
    return { matches, usable, fromText };
  };
  window.wsbenchChoice.FILTERS = FILTERS;
})();
