// Plots, drawn at the size at which they are shown. Failed calls differ in shape, not in colour alone.
import { bytes, h, plural, svg, time } from "./dom.js";

const LEFT = 56;
const BOTTOM = 20;
const TOP = 8;

// A plot that `update` gives other data.
function plot(height, draw) {
  const node = h("div", { class: "plot" });
  let data;
  const redraw = () => {
    if (data && node.clientWidth > 0) node.replaceChildren(draw(data, node.clientWidth, height));
  };
  new ResizeObserver(redraw).observe(node);
  return {
    node,
    update(next) {
      data = next;
      redraw();
    },
  };
}

function frame(width, height, label, ...marks) {
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, marks);
}

// Lines at zero, at the middle and at the top, with their values.
function grid(width, height, top, words) {
  return [0, 0.5, 1].map((part) => {
    const y = Math.round(TOP + (height - TOP - BOTTOM) * (1 - part)) + 0.5;
    return [
      svg("line", { class: "grid", x1: LEFT, x2: width, y1: y, y2: y }),
      svg("text", { class: "tick", x: LEFT - 8, y: y + 4, "text-anchor": "end" }, words(top * part)),
    ];
  });
}

function bottom(width, height, left, right) {
  return [
    svg("text", { class: "tick", x: LEFT, y: height - 4 }, left),
    svg("text", { class: "tick", x: width, y: height - 4, "text-anchor": "end" }, right),
  ];
}

// The next value above that reads well, for each half of the plot.
function roundTop(value, base = 10) {
  if (!(value > 0)) return 1;
  const power = base ** Math.floor(Math.log(value) / Math.log(base));
  const steps = base === 10 ? [1, 2, 4, 6, 8, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  return power * steps.find((step) => step * power >= value);
}

// How many calls were answered and failed in each of the last spans of time.
export function columns(minutes) {
  return plot(132, (data, width, height) => {
    const [answered, failed] = [0, 1].map((which) => data.reduce((sum, column) => sum + column[which], 0));
    const top = Math.max(2, roundTop(Math.max(...data.map(([good, bad]) => good + bad))));
    const room = height - TOP - BOTTOM;
    const step = (width - LEFT) / data.length;
    const bars = data.flatMap(([good, bad], index) => {
      const bar = (kind, count, below) => count > 0 && svg("rect", {
        class: kind,
        x: (LEFT + index * step + 0.5).toFixed(1),
        width: Math.max(1, step - 1.5).toFixed(1),
        y: (TOP + room * (1 - (count + below) / top)).toFixed(1),
        height: Math.max(1, room * count / top).toFixed(1),
      });
      return [bar("good", good, 0), bar("bad", bad, good)];
    });
    const label = `In the last ${minutes} minutes ${plural(answered, "call")} answered and ${failed} failed`;
    return frame(width, height, label, grid(width, height, top, (value) => String(value)), bars,
      bottom(width, height, `${minutes} min ago`, "now"));
  });
}

// One mark for each call, the newest at the right.
function calls(what, value, words, base) {
  return plot(168, (points, width, height) => {
    const values = points.map(value);
    const top = roundTop(Math.max(...values, 0), base);
    const step = (width - LEFT - 12) / Math.max(1, points.length - 1);
    const at = (index) => points.length === 1 ? (width + LEFT) / 2 : LEFT + 6 + index * step;
    const marks = points.map((point, index) => {
      const [x, y] = [at(index), TOP + (height - TOP - BOTTOM) * (1 - values[index] / top)];
      const tip = svg("title", {}, `${words(values[index])}${point.failed ? ", failed" : ""}`);
      const cross = `M${x - 3.5} ${y - 3.5}l7 7m0 -7l-7 7`;
      return point.failed ? svg("path", { class: "cross", d: cross }, tip)
        : svg("circle", { class: "dot", cx: x, cy: y, r: 2.75 }, tip);
    });
    const sorted = [...values].sort((a, b) => a - b);
    const label = points.length === 0 ? `${what}: no call yet`
      : `${what} of the last ${plural(points.length, "call")}: median ${words(sorted[(sorted.length - 1) >> 1])}, `
        + `most ${words(sorted.at(-1))}, ${points.filter((point) => point.failed).length} failed`;
    return frame(width, height, label, grid(width, height, top, words), marks,
      bottom(width, height, points.length > 1 ? `${points.length} calls ago` : "", "newest"));
  });
}

export const latency = () => calls("Time", (point) => point.elapsedMs, time, 10);
export const memory = () => calls("Memory", (point) => point.memory, bytes, 1024);

// A line of the newest values, beside which the figures stand.
export function small(values, width = 96, height = 22) {
  const top = Math.max(...values, 0) || 1;
  const at = (value, index) => {
    const x = values.length === 1 ? width : index * width / (values.length - 1);
    return `${x.toFixed(1)} ${(height - 2 - (height - 4) * value / top).toFixed(1)}`;
  };
  const places = values.length === 1 ? [`0 ${at(values[0], 0).split(" ")[1]}`, at(values[0], 0)] : values.map(at);
  return svg("svg", { class: "small", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    places.length > 0 && svg("path", { d: `M${places.join("L")}` }));
}
