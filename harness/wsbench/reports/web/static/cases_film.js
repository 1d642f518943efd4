// The film of a case: the radiograph, a heatmap over it, and boxes at any threshold.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const TEXT = 13; // pixels on the screen
  const INFERNO = [[0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];

  // Red, green, blue and opacity of every level: where a map says nothing, the film is seen.
  const COLOURS = Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) * (INFERNO.length - 1);
    const first = Math.min(Math.floor(place), INFERNO.length - 2);
    const mixed = INFERNO[first].map((value, part) => value + (INFERNO[first + 1][part] - value) * (place - first));
    return [...mixed.map(Math.round), Math.round(255 * (level / 255) ** 0.6)];
  });

  window.wsbenchFilm = (explorer, index) => {
    const frame = explorer.querySelector(".case-frame");
    const picture = frame.querySelector("img");
    const canvas = frame.querySelector("canvas");
    const svg = frame.querySelector("svg");
    const maps = new WeakMap(); // by stored heatmap: decoding one takes a while

    const mapOf = (stored) => {
      if (!maps.has(stored)) maps.set(stored, window.wsbenchBoxes.mapOf(stored));
      return maps.get(stored);
    };

    // The boxes of a method for a class: the harness's own, or redrawn at a threshold.
    const boxesOf = (shown, method, column, threshold) => {
      const predicted = shown.details?.methods[method];
      if (!predicted) return [];
      if (threshold === undefined) return predicted.boxes[column] ?? [];
      const minimumArea = index.methods[method].rules[column][1];
      if (predicted.own[column]) return window.wsbenchBoxes.boxesKept(predicted.own[column], threshold, minimumArea, shown.size);
      const stored = predicted.maps[column];
      return stored ? window.wsbenchBoxes.boxesOfMap(mapOf(stored), stored.score, threshold, minimumArea, shown.size) : [];
    };

    const drawHeatmap = (shown, method, column, opacity) => {
      const stored = shown.details?.methods[method]?.maps[column];
      canvas.hidden = !stored || opacity === 0;
      if (canvas.hidden) return;
      const { shape: [rows, columns], levels, region: [x0, y0, x1, y1] } = mapOf(stored);
      canvas.width = columns;
      canvas.height = rows;
      const pixels = new ImageData(columns, rows);
      levels.forEach((level, cell) => pixels.data.set(COLOURS[level], 4 * cell));
      canvas.getContext("2d").putImageData(pixels, 0, 0);
      const [width, height] = shown.size;
      Object.assign(canvas.style, {
        left: `${(100 * x0) / width}%`, top: `${(100 * y0) / height}%`,
        width: `${(100 * (x1 - x0)) / width}%`, height: `${(100 * (y1 - y0)) / height}%`, opacity,
      });
    };

    const drawBox = ([x0, y0, x1, y1], words, name, unit, above, size) => {
      const group = document.createElementNS(SVG, "g");
      group.setAttribute("class", name);
      const rect = document.createElementNS(SVG, "rect");
      const corners = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
      for (const [key, value] of Object.entries(corners)) rect.setAttribute(key, value);
      const text = document.createElementNS(SVG, "text");
      const height = TEXT * unit;
      const outside = above ? y0 - height * 0.35 : y1 + height * 1.05;
      const fits = above ? outside - height > 0 : outside < size[1];
      text.setAttribute("x", Math.max(x0 + (fits ? 0 : height * 0.3), 0));
      text.setAttribute("y", fits ? outside : above ? y0 + height * 1.1 : y1 - height * 0.35);
      text.setAttribute("font-size", height);
      text.textContent = words;
      group.append(rect, text);
      svg.append(group);
    };

    const drawBoxes = (shown, state) => {
      const [width, height] = shown.size;
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.replaceChildren();
      if (state.withoutBoxes) return [];
      const unit = width / (frame.clientWidth || width);
      for (const [label, ...corners] of shown.truth) {
        if (label === state.column) drawBox(corners, "truth", "truth", unit, true, shown.size);
      }
      return index.methods.map((method, number) => {
        const boxes = state.hidden.has(number) ? [] : boxesOf(shown, number, state.column, state.thresholds[number]);
        for (const box of boxes) drawBox(box, `${method.letter} ${box[4].toFixed(2)}`, `method-${number}`, unit, false, shown.size);
        return boxes.length;
      });
    };

    const drawPicture = (shown, address) => {
      frame.style.setProperty("--ratio", shown.size[0] / shown.size[1]);
      frame.querySelector(".case-missing")?.remove();
      picture.hidden = !address;
      if (address && picture.getAttribute("src") !== address) picture.src = address;
      picture.alt = `Radiograph ${shown.name}`;
      if (address) return;
      const missing = document.createElement("div");
      missing.className = "case-missing";
      missing.textContent = `${shown.size[0]} × ${shown.size[1]} pixels, not in this page`;
      frame.prepend(missing);
    };

    // Draws a case and returns how many boxes each method has on it.
    const draw = (shown, address, state) => {
      drawPicture(shown, address);
      picture.style.filter = state.brightness === 1 ? "" : `brightness(${state.brightness})`;
      drawHeatmap(shown, state.method, state.column, state.withoutHeatmap ? 0 : state.opacity);
      const counts = drawBoxes(shown, state);
      const truth = shown.truth.filter(([label]) => label === state.column).length;
      const parts = counts.map((count, number) => `${count} of ${index.methods[number].letter}`);
      frame.setAttribute("aria-label", `Film ${shown.name}, ${index.classes[state.column]}. Boxes: ${[`${truth} of the truth`, ...parts].join(", ")}.`);
      return counts;
    };
    return { draw, boxesOf, frame };
  };
})();
