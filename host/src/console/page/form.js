// A form for the arguments of a tool, made from its input schema. The host has the last word on what is valid: what it
// says of a value is shown at the field, which is found by its JSON pointer (RFC 6901).
import { h, sentence } from "./dom.js";

const DEEPEST = 6;
let fields = 0;

// A field has a `node`, `read`, which gives its value (`undefined` for none) and notes its place, and `complain`.
export function form(schema) {
  const root = object(schema, undefined, true, { root: schema, depth: 0 });
  const said = h("div", { class: "complaints", role: "alert" });
  let places = new Map();
  return {
    node: h("div", { class: "fields" }, said, root.node),
    // The arguments, or `undefined` where something in them cannot be read.
    read() {
      said.replaceChildren();
      places.forEach((field) => field.complain(""));
      places = new Map();
      const wrong = [];
      const value = root.read("", places, wrong);
      wrong.forEach(({ field, problem }) => field.complain(problem));
      if (wrong.length === 0) return value ?? {};
      wrong[0].field.focus();
      return undefined;
    },
    // Shows what the host says of the arguments.
    complain(mismatches) {
      const found = mismatches.map((mismatch) => ({ ...mismatch, field: place(mismatch, places) }));
      for (const { field, problem } of found) field?.complain(problem);
      said.append(h("p", {}, "The tool was not run: its arguments do not match its input schema."),
        h("ul", {}, found.map(({ field, pointer, problem }) => h("li", {}, field
          ? h("button", { type: "button", class: "link", click: () => field.focus() }, field.name, ": ", problem)
          : `${pointer || "Arguments"}: ${problem}`))));
      const first = found.find(({ field }) => field);
      first?.field.focus();
    },
  };
}

// The field of a mismatch, or the nearest one around it. What is missing has the pointer of the object around it.
function place({ pointer, problem }, places) {
  const missing = /^("(?:[^"\\]|\\.)*") is a required property$/.exec(problem);
  let at = missing ? `${pointer}/${escaped(JSON.parse(missing[1]))}` : pointer;
  while (at !== "") {
    if (places.has(at)) return places.get(at);
    at = at.slice(0, at.lastIndexOf("/"));
  }
  return undefined;
}

const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");

function field(schema, name, required, place) {
  const plain = simplified(schema, place.root);
  const inner = { ...place, depth: place.depth + 1 };
  if (plain.const !== undefined) return fixed(plain, name);
  if (Array.isArray(plain.enum)) return choice(plain, name, required);
  const is = (type) => plain.type === type && place.depth < DEEPEST;
  const mixed = plain.oneOf || plain.anyOf || plain.allOf || plain.$ref;
  if (!mixed) {
    if (is("object") && plain.properties) return object(plain, name, required, inner);
    if (is("array") && plain.items && !plain.prefixItems) return list(plain, name, required, inner);
    if (is("boolean")) return truth(plain, name, required);
    if (is("integer") || is("number")) return figure(plain, name, required);
    if (is("string")) return line(plain, name, required);
  }
  return json(plain, name, required);
}

// Without the ways in which generators write references and values that may be null.
function simplified(schema, root, depth = 0) {
  if (typeof schema !== "object" || schema === null || depth > DEEPEST) return {};
  const { $ref, ...around } = schema;
  if ($ref?.startsWith("#/")) {
    const names = $ref.slice(2).split("/").map(decodeURIComponent)
      .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    const target = names.reduce((at, name) => at && Object.hasOwn(at, name) ? at[name] : undefined, root);
    return target ? simplified({ ...target, ...around }, root, depth + 1) : schema;
  }
  for (const keyword of ["anyOf", "oneOf", "allOf"]) {
    const { [keyword]: options, ...others } = schema;
    if (!Array.isArray(options)) continue;
    const real = options.filter((option) => option?.type !== "null");
    if (real.length === 1 && real.length + 1 >= options.length) {
      return simplified({ ...real[0], ...others }, root, depth + 1);
    }
  }
  if (Array.isArray(schema.type)) {
    const real = schema.type.filter((type) => type !== "null");
    return { ...schema, type: real.length === 1 ? real[0] : undefined };
  }
  return schema;
}

// The label, the hint and the place for a complaint around a control.
function around(control, schema, name, required, read) {
  const id = `field-${fields += 1}`;
  const said = hint(schema);
  const complaint = h("p", { class: "complaint", id: `${id}-complaint`, hidden: true });
  control.id = id;
  control.setAttribute("aria-describedby", [said && `${id}-hint`, complaint.id].filter(Boolean).join(" "));
  if (required && control.type !== "checkbox") control.setAttribute("aria-required", "true");
  const label = h("label", { for: id }, schema.title ?? name, required && h("span", { class: "soft" }, " (required)"));
  const inner = control.type === "checkbox" ? h("div", { class: "check" }, control, label) : [label, control];
  const own = {
    name: schema.title ?? name,
    node: h("div", { class: "field" }, inner, said && h("p", { class: "hint", id: `${id}-hint` }, said), complaint),
    focus: () => control.focus(),
    complain(problem) {
      complaint.textContent = problem;
      complaint.hidden = !problem;
      if (problem) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    },
    read(pointer, places, wrong) {
      places.set(pointer, own);
      return read((problem) => wrong.push({ field: own, problem }));
    },
  };
  return own;
}

function hint(schema) {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const range = (least, most, what) => least !== undefined && most !== undefined ? `${least} to ${most}${what}`
    : least !== undefined ? `at least ${least}${what}` : most !== undefined ? `at most ${most}${what}` : undefined;
  const bounds = [
    range(minimum, maximum, ""),
    exclusiveMinimum !== undefined && `more than ${exclusiveMinimum}`,
    exclusiveMaximum !== undefined && `less than ${exclusiveMaximum}`,
    schema.multipleOf !== undefined && `a multiple of ${schema.multipleOf}`,
    range(schema.minLength, schema.maxLength, " characters"),
    range(schema.minItems, schema.maxItems, " items"),
    schema.format,
    schema.pattern && `matches ${schema.pattern}`,
    schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
  ].filter(Boolean).join(", ");
  return [schema.description, bounds].filter(Boolean).map(sentence).join(" ");
}

function line(schema, name, required) {
  const isLong = schema.maxLength > 200 || schema.contentMediaType;
  const control = isLong ? h("textarea", { rows: 3 }) : h("input", { type: "text" });
  control.autocomplete = "off";
  control.spellcheck = false;
  return around(control, schema, name, required, () => control.value === "" && !required ? undefined : control.value);
}

function figure(schema, name, required) {
  const step = schema.type === "integer" ? 1 : "any";
  const control = h("input", { type: "number", step, min: schema.minimum, max: schema.maximum, autocomplete: "off" });
  return around(control, schema, name, required, (complain) => {
    if (control.validity.badInput) complain("This is not a number.");
    return control.value === "" ? undefined : Number(control.value);
  });
}

function truth(schema, name, required) {
  if (!required) return choice({ ...schema, enum: [true, false] }, name, false);
  const control = h("input", { type: "checkbox" });
  return around(control, schema, name, true, () => control.checked);
}

function choice(schema, name, required) {
  const options = schema.enum.map((value, index) => h("option", { value: index },
    typeof value === "string" ? value : JSON.stringify(value)));
  const control = h("select", {}, !required && h("option", { value: "" }, "not set"), options);
  return around(control, schema, name, required, () => control.value === "" ? undefined : schema.enum[control.value]);
}

function fixed(schema, name) {
  const control = h("input", { type: "text", readonly: true, value: JSON.stringify(schema.const) });
  return around(control, schema, name, false, () => schema.const);
}

function json(schema, name, required) {
  const control = h("textarea", { rows: 3, class: "code", spellcheck: "false" });
  const about = { ...schema, description: [schema.description, "as JSON"].filter(Boolean).map(sentence).join(" ") };
  return around(control, about, name, required, (complain) => {
    if (control.value.trim() === "") return undefined;
    try {
      return JSON.parse(control.value);
    } catch (error) {
      complain(`This is not JSON: ${error.message}`);
      return undefined;
    }
  });
}

function object(schema, name, required, place) {
  const needed = new Set(schema.required);
  // What has to be there comes first: the order in which the schema was written is lost on the way.
  const members = Object.entries(schema.properties ?? {})
    .sort(([one], [other]) => needed.has(other) - needed.has(one))
    .map(([key, member]) => [key, field(member, key, needed.has(key), place)]);
  const own = group(schema, name, required, members.map(([, member]) => member.node));
  own.read = (pointer, places, wrong) => {
    places.set(pointer, own);
    if (!required && !filled(own.node)) return undefined;
    const values = members.map(([key, member]) => [key, member.read(`${pointer}/${escaped(key)}`, places, wrong)]);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  };
  own.focus = () => members[0]?.[1].focus();
  return own;
}

// Whether anybody wrote or chose something in a group. One that may be left out is left out with all that it requires.
function filled(node) {
  return [...node.querySelectorAll("input:not([readonly]), select, textarea, .items > li")].some((control) =>
    control.matches("li") || control.checked || control.selectedIndex > 0
      || (control.type !== "checkbox" && !control.matches("select") && control.value !== ""));
}

function list(schema, name, required, place) {
  const items = [];
  const holder = h("ol", { class: "items" });
  const title = schema.title ?? name;
  const add = h("button", { type: "button", class: "quiet", click: () => more().focus() }, `Add to ${title}`);
  const more = () => {
    const item = field(schema.items, `${title} ${items.length + 1}`, true, place);
    items.push(item);
    const row = h("li", {}, item.node, h("button", {
      type: "button",
      class: "quiet",
      "aria-label": `Remove ${item.name}`,
      click: () => {
        items.splice(items.indexOf(item), 1);
        row.remove();
        add.focus();
      },
    }, "Remove"));
    holder.append(row);
    return item;
  };
  const own = group(schema, name, required, [holder, add]);
  own.read = (pointer, places, wrong) => {
    places.set(pointer, own);
    const values = items.map((item, index) => item.read(`${pointer}/${index}`, places, wrong) ?? null);
    return values.length === 0 && !required ? undefined : values;
  };
  own.focus = () => add.focus();
  return own;
}

// A group of fields; the outermost has no name, and so no frame.
function group(schema, name, required, inner) {
  if (name === undefined) return { name: "Arguments", node: h("div", { class: "fields" }, inner), complain() {} };
  const said = hint(schema);
  const complaint = h("p", { class: "complaint", hidden: true });
  const title = schema.title ?? name;
  const legend = h("legend", {}, title, required && h("span", { class: "soft" }, " (required)"));
  return {
    name: title,
    node: h("fieldset", {}, legend, said && h("p", { class: "hint" }, said), complaint,
      h("div", { class: "fields" }, inner)),
    complain(problem) {
      complaint.textContent = problem;
      complaint.hidden = !problem;
    },
  };
}
