// JSON Schema 2020-12, written as functions from which TypeScript infers the types of arguments. A schema is the plain
// object that JSON Schema means, so that both can be mixed.

/** Marks a member that may be left out. A symbol, so that it is no part of the JSON. */
const OPTIONAL = Symbol("optional");

function typed(type, description, keywords) {
  return { type, ...(description === undefined ? {} : { description }), ...keywords };
}

export const string = (description, keywords) => typed("string", description, keywords);
export const integer = (description, keywords) => typed("integer", description, keywords);
export const number = (description, keywords) => typed("number", description, keywords);
export const boolean = (description, keywords) => typed("boolean", description, keywords);

export function choice(values, description) {
  const types = [...new Set(values.map((value) => (Number.isInteger(value) ? "integer" : typeof value)))];
  return typed(types.length === 1 ? types[0] : types, description, { enum: [...values] });
}

export const array = (items, description, keywords) => typed("array", description, { items, ...keywords });
export const record = (values, description) => typed("object", description, { additionalProperties: values });
export const anyOf = (schemas, description) => ({
  ...(description === undefined ? {} : { description }),
  anyOf: [...schemas],
});
export const json = (description) => (description === undefined ? {} : { description });

export function nullable(schema) {
  if (typeof schema.type !== "string" || schema.enum !== undefined) {
    return { anyOf: [schema, { type: "null" }] };
  }
  return { ...schema, type: [schema.type, "null"] };
}

export const optional = (schema) => ({ ...schema, [OPTIONAL]: true });

export function object(properties, description) {
  const required = Object.keys(properties).filter((name) => !properties[name][OPTIONAL]);
  return typed("object", description, { properties, ...(required.length > 0 ? { required } : {}) });
}
