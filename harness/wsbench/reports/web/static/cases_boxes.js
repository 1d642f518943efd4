// From heatmaps to boxes, by the rule of wsbench.geometry: the same operations in the same order, so that
// the boxes have the same bits. A test compares them in a browser.
"use strict";
(() => {
  // Half-precision numbers in base64, little-endian, as doubles.
  const numbersOf = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const halves = new DataView(bytes.buffer);
    return Float64Array.from({ length: bytes.length / 2 }, (_, index) => {
      const bits = halves.getUint16(2 * index, true);
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
      return bits >> 15 ? -size : size;
    });
  };

  // The cells on both sides of each new cell's centre, and the weight of the second.
  const neighbours = (cells, count) =>
    Array.from({ length: count }, (_, index) => {
      const place = Math.min(Math.max((index + 0.5) * (cells / count) - 0.5, 0), cells - 1);
      const first = Math.floor(place);
      return [first, Math.min(first + 1, cells - 1), place - first];
    });

  const resized = (values, [rows, columns], [newRows, newColumns]) => {
    const across = neighbours(columns, newColumns);
    const lines = Array.from({ length: rows }, (_, row) =>
      across.map(([left, right, weight]) =>
        values[row * columns + left] * (1 - weight) + values[row * columns + right] * weight));
    const result = new Float64Array(newRows * newColumns);
    neighbours(rows, newRows).forEach(([top, bottom, weight], row) => {
      for (let column = 0; column < newColumns; column++) {
        result[row * newColumns + column] = lines[top][column] * (1 - weight) + lines[bottom][column] * weight;
      }
    });
    return result;
  };

  // A stored heatmap on the grid that boxes are cut from: its shape, its values, and its levels from 0 to 255.
  const mapOf = (stored) => {
    const values = numbersOf(stored.values);
    if (stored.grid === null) {
      const levels = Uint8Array.from(values, (value) => Math.floor(Math.fround(Math.fround(value * 255) + 0.5)));
      return { shape: stored.shape, values, levels, region: stored.region };
    }
    const onGrid = resized(values, stored.shape, stored.grid);
    const levels = Uint8Array.from(onGrid, (value) => Math.min(255, Math.max(0, Math.floor(value * 255 + 0.5))));
    for (let index = 0; index < stored.changes.length; index += 2) {
      levels[stored.changes[index]] = stored.changes[index + 1];
    }
    return { shape: stored.grid, values: onGrid, levels, region: stored.region };
  };

  // Bounding rectangles [left, top, right, bottom] of the 8-connected parts at or above a threshold, in cells.
  const rectangles = (levels, [rows, columns], threshold) => {
    const lowest = Math.max(1, Math.ceil(255 * threshold - 1e-9)); // a level of 0 is never foreground
    const seen = new Uint8Array(levels.length);
    const found = [];
    for (let start = 0; start < levels.length; start++) {
      if (seen[start] || levels[start] < lowest) continue;
      const box = [columns, rows, 0, 0];
      const open = [start];
      seen[start] = 1;
      while (open.length) {
        const cell = open.pop();
        const row = Math.floor(cell / columns);
        const column = cell % columns;
        box[0] = Math.min(box[0], column);
        box[1] = Math.min(box[1], row);
        box[2] = Math.max(box[2], column + 1);
        box[3] = Math.max(box[3], row + 1);
        for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
          for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
            const next = y * columns + x;
            if (!seen[next] && levels[next] >= lowest) {
              seen[next] = 1;
              open.push(next);
            }
          }
        }
      }
      found.push(box);
    }
    return found.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3]);
  };

  const area = ([x0, y0, x1, y1]) => Math.max(x1 - x0, 0) * Math.max(y1 - y0, 0);
  const clipped = (value, most) => Math.min(Math.max(value, 0), most);

  // The boxes of a heatmap, [x0, y0, x1, y1, score] in pixels and in single precision, as they are scored.
  const boxesOfMap = (map, classScore, threshold, minimumArea, [width, height]) => {
    const [rows, columns] = map.shape;
    const [left, top, right, bottom] = map.region;
    const cellWidth = (right - left) / columns;
    const cellHeight = (bottom - top) / rows;
    const boxes = [];
    for (const [x0, y0, x1, y1] of rectangles(map.levels, map.shape, threshold)) {
      const corners = [
        clipped(x0 * cellWidth + left, width), clipped(y0 * cellHeight + top, height),
        clipped(x1 * cellWidth + left, width), clipped(y1 * cellHeight + top, height),
      ];
      if (!(area(corners) > 0)) continue; // it lies outside of the image
      let peak = 0;
      for (let y = y0; y < y1; y++) {
        for (let x = x0; x < x1; x++) peak = Math.max(peak, map.values[y * columns + x]);
      }
      boxes.push([...corners, classScore * peak].map(Math.fround));
    }
    return boxes.filter((box) => area(box) > minimumArea * (width * height));
  };

  // The boxes that a rule keeps of a method's own, [x0, y0, x1, y1, score, share of the best score].
  const boxesKept = (own, threshold, minimumArea, [width, height]) =>
    own.filter((box) => box[5] >= threshold && area(box) > minimumArea * (width * height))
      .map((box) => box.slice(0, 5));

  window.wsbenchBoxes = { mapOf, rectangles, boxesOfMap, boxesKept };
})();
