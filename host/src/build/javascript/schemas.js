// TypeScript's types as JSON Schema 2020-12.

import ts from "typescript";

/** Keywords that stand in comments as `@minimum 1`, the type of JSON they are about, and how they are read. */
const KEYWORDS = {
  minimum: ["number", Number],
  maximum: ["number", Number],
  exclusiveMinimum: ["number", Number],
  exclusiveMaximum: ["number", Number],
  multipleOf: ["number", Number],
  minLength: ["string", Number],
  maxLength: ["string", Number],
  pattern: ["string", String],
  format: ["string", String],
  minItems: ["array", Number],
  maxItems: ["array", Number],
  uniqueItems: ["array", () => true],
};

/** Types of types, one within the other. */
const DEEPEST = 32;

/** Why there is no schema, and where. */
export class Unwritable extends Error {
  constructor(message, node) {
    super(message);
    this.node = node;
  }
}

export class Schemas {
  /** The types whose schemas are being written. */
  #open = [];
  /** Those that are within themselves: by type their name and schema. */
  #definitions = new Map();

  /** `sdk` has the symbols of the SDK by their names. */
  constructor(checker, program, sdk) {
    Object.assign(this, { checker, program, sdk });
  }

  /** Of a function's only parameter. */
  ofArguments({ parameters, declaration }) {
    const { checker } = this;
    const [symbol] = parameters;
    if (symbol === undefined) {
      return undefined;
    }
    const parameter = symbol.valueDeclaration;
    if (parameters.length > 1) {
      throw new Unwritable("its function has more parameters than the one object of arguments", parameter);
    }
    if (parameter.type === undefined && ts.getJSDocType(parameter) === undefined) {
      throw new Unwritable("the parameter has no type: write it, or a schema as `input`", parameter);
    }
    const schema = this.#root(checker.getTypeOfSymbolAtLocation(symbol, declaration), parameter.type ?? parameter);
    for (const { name, propertyName = name, initializer } of parameter.name.elements ?? []) {
      const member = schema.properties?.[propertyName.text];
      const value = initializer && valueOf(checker.getTypeAtLocation(initializer), checker);
      if (member !== undefined && value !== undefined && !schema.required?.includes(propertyName.text)) {
        member.default ??= value;
      }
    }
    return schema;
  }

  /** Of what a function says that it returns. What may be text or an `Output` has no schema. */
  ofResult(signature) {
    const { checker, sdk } = this;
    const { StringLike, VoidLike, AnyOrUnknown, NonPrimitive } = ts.TypeFlags;
    const node = signature.declaration.type ?? ts.getJSDocReturnType(signature.declaration);
    const type = node && checker.getAwaitedType(checker.getReturnTypeOfSignature(signature));
    const isFree = ({ flags, symbol }) =>
      flags & (StringLike | VoidLike | AnyOrUnknown | NonPrimitive)
      || symbol !== undefined && symbol === sdk.get("Output");
    return type === undefined || partsOf(type).some(isFree) ? undefined : this.#root(type, node);
  }

  /** An object that is none of several: clients take no other. */
  #root(type, node) {
    const written = this.#of(type, node);
    const definitions = [...this.#definitions.values()];
    const { schema = written } = definitions.find(({ $ref }) => $ref === written.$ref) ?? {};
    if (schema.type !== "object") {
      throw new Unwritable(`\`${this.checker.typeToString(type)}\` is not the type of one object`, node);
    }
    // The comment of the function says what a tool takes and returns.
    const { description: _, ...rest } = schema;
    const $defs = Object.fromEntries(definitions.map(({ name, schema }) => [name, schema]));
    return definitions.length === 0 ? rest : { ...rest, $defs };
  }

  /** `node` is where the type is written, as far as that is known. */
  #of(type, node) {
    const { Undefined, Void, Null, BooleanLiteral, StringLiteral, NumberLiteral } = ts.TypeFlags;
    const parts = partsOf(type).filter(({ flags }) => !(flags & (Undefined | Void)));
    const rest = parts.filter(({ flags }) => !(flags & (Null | BooleanLiteral | StringLiteral | NumberLiteral)));
    const values = parts.filter(({ flags }) => flags & (StringLiteral | NumberLiteral | BooleanLiteral));
    const schemas = rest.map((part) => this.#single(part, node));
    if (values.length > 0) {
      schemas.push(choice(values.map((value) => valueOf(value, this.checker))));
    }
    const isNullable = parts.some(({ flags }) => flags & Null);
    if (isNullable && schemas.length === 1 && typeof schemas[0].type === "string" && schemas[0].enum === undefined) {
      return { ...schemas[0], type: [schemas[0].type, "null"] };
    }
    if (isNullable) {
      schemas.push({ type: "null" });
    }
    if (schemas.length === 0) {
      throw new Unwritable(`\`${this.checker.typeToString(type)}\` has no values`, node);
    }
    return schemas.length === 1 ? schemas[0] : { anyOf: schemas };
  }

  /** Of a type that is no union. */
  #single(type, node) {
    const { checker } = this;
    const { flags } = type;
    if (flags & ts.TypeFlags.AnyOrUnknown) {
      return {};
    }
    if (flags & ts.TypeFlags.StringLike) {
      return { type: "string" };
    }
    if (flags & ts.TypeFlags.NumberLike) {
      return { type: this.#isInteger(node) ? "integer" : "number" };
    }
    if (flags & ts.TypeFlags.NonPrimitive) {
      return { type: "object" };
    }
    // A primitive type with a mark that exists for the compiler only.
    const marked = flags & ts.TypeFlags.Intersection
      && type.types.find((part) => part.flags & (ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike));
    if (marked) {
      return this.#single(marked, node);
    }
    if (!(flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) || this.#isForeign(type)) {
      throw new Unwritable(`JSON has no \`${checker.typeToString(type)}\``, node);
    }
    return this.#entered(type, node);
  }

  /** Functions, and the language's own classes. */
  #isForeign(type) {
    const isNamed = type.symbol !== undefined && type.symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface);
    const isBuiltIn = isNamed && !this.#isList(type) && this.#isOfLanguage(type.symbol);
    return type.getCallSignatures().length > 0 || isBuiltIn;
  }

  #isOfLanguage({ declarations = [] }) {
    return declarations.some((declaration) => this.program.isSourceFileDefaultLibrary(declaration.getSourceFile()));
  }

  /** The comment above a declaration of the author's, with its lines joined to paragraphs. */
  #commentOf(symbol) {
    if (symbol === undefined || this.#isOfLanguage(symbol)) {
      return undefined;
    }
    const text = ts.displayPartsToString(symbol.getDocumentationComment(this.checker)).trim();
    return text === "" ? undefined : text.replace(/(\S)[ \t]*\n[ \t]*(?![\s*-])/g, "$1 ");
  }

  /** Writes the schema of an object or a list, and refers to it where it is within itself. */
  #entered(type, node) {
    if (this.#definitions.has(type) || this.#isWithin(type)) {
      return { $ref: this.#definition(type).$ref };
    }
    if (this.#open.length >= DEEPEST) {
      throw new Unwritable(`it is deeper than ${DEEPEST} types`, node);
    }
    this.#open.push(type);
    const schema = this.#isList(type) ? this.#list(type, node) : this.#object(type, node);
    this.#open.pop();
    if (!this.#definitions.has(type)) {
      return schema;
    }
    const definition = this.#definition(type);
    definition.schema = schema;
    return { $ref: definition.$ref };
  }

  /** Whether a type is within itself. A list that is so by way of an object leaves that to the object. */
  #isWithin(type) {
    const at = this.#open.indexOf(type);
    return at >= 0 && (!this.#isList(type) || this.#open.slice(at).every((open) => this.#isList(open)));
  }

  #definition(type) {
    const known = this.#definitions.get(type);
    if (known !== undefined) {
      return known;
    }
    const { name: given } = type.aliasSymbol ?? type.symbol;
    const word = given === ts.InternalSymbolName.Type ? "Object" : given;
    const names = [...this.#definitions.values()].map(({ name }) => name);
    const name = names.includes(word) ? `${word}${names.length + 1}` : word;
    const definition = { name, $ref: `#/$defs/${name}` };
    this.#definitions.set(type, definition);
    return definition;
  }

  #isList(type) {
    return this.checker.isArrayType(type) || this.checker.isTupleType(type);
  }

  #list(type, node) {
    const { checker } = this;
    const types = checker.getTypeArguments(type);
    if (checker.isArrayType(type)) {
      return { type: "array", items: this.#of(types[0], itemOf(node, 0)) };
    }
    const { elementFlags } = type.target;
    const isRest = elementFlags.map((flag) => (flag & ts.ElementFlags.Variable) !== 0);
    const items = types.map((item, index) => this.#of(item, itemOf(node, index)));
    const rest = items.find((_, index) => isRest[index]);
    const minItems = elementFlags.filter((flag) => flag & ts.ElementFlags.Required).length;
    return {
      type: "array",
      prefixItems: items.filter((_, index) => !isRest[index]),
      items: rest ?? false,
      ...(minItems > 0 ? { minItems } : {}),
    };
  }

  #object(type, node) {
    const { checker } = this;
    const schema = { type: "object" };
    const description = this.#commentOf(type.aliasSymbol ?? type.symbol);
    if (description !== undefined) {
      schema.description = description;
    }
    const others = checker.getIndexInfosOfType(type)[0];
    if (others !== undefined) {
      schema.additionalProperties = this.#of(others.type, node);
    }
    const members = checker.getPropertiesOfType(type);
    if (members.length > 0) {
      schema.properties = Object.fromEntries(members.map((member) => [member.name, this.#member(member, node)]));
    }
    const required = members.filter(({ flags }) => !(flags & ts.SymbolFlags.Optional)).map(({ name }) => name);
    if (required.length > 0) {
      schema.required = required;
    }
    return schema;
  }

  #member(symbol, place) {
    const { checker } = this;
    const declaration = symbol.valueDeclaration ?? symbol.declarations?.[0];
    const node = declaration?.type ?? declaration?.typeExpression?.type ?? declaration ?? place;
    const schema = { ...this.#of(checker.getTypeOfSymbol(symbol), node) };
    const description = this.#commentOf(symbol);
    if (description !== undefined) {
      schema.description = description;
    }
    for (const { name, text } of symbol.getJsDocTags(checker)) {
      applied(schema, name, ts.displayPartsToString(text).trim(), declaration);
    }
    return schema;
  }

  /** Whether a type is written as the SDK's `Integer`, which is `number` to the compiler. */
  #isInteger(node) {
    if (node === undefined) {
      return false;
    }
    if (ts.isUnionTypeNode(node)) {
      return node.types.some((part) => this.#isInteger(part));
    }
    if (ts.isParenthesizedTypeNode(node)) {
      return this.#isInteger(node.type);
    }
    const name = ts.isTypeReferenceNode(node) ? node.typeName : ts.isImportTypeNode(node) ? node.qualifier : undefined;
    return name !== undefined && meant(name, this.checker) === this.sdk.get("Integer");
  }
}

/** The symbol that a name stands for, where it was declared. */
export function meant(name, checker) {
  const symbol = checker.getSymbolAtLocation(name);
  return symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

const partsOf = (type) => (type.isUnion() ? type.types : [type]);

/** The value of a type that has only one. */
function valueOf(type, checker) {
  if (type.isStringLiteral() || type.isNumberLiteral()) {
    return type.value;
  }
  return type.flags & ts.TypeFlags.BooleanLiteral ? checker.typeToString(type) === "true" : undefined;
}

/** The schema of these values alone. */
function choice(values) {
  if (values.length === 2 && values.includes(true) && values.includes(false)) {
    return { type: "boolean" };
  }
  const types = [...new Set(values.map((value) => (Number.isInteger(value) ? "integer" : typeof value)))];
  return { type: types.length === 1 ? types[0] : types, enum: values };
}

/** Where the type of an item of a list is written. */
function itemOf(node, index) {
  if (node === undefined || ts.isArrayTypeNode(node)) {
    return node?.elementType;
  }
  if (ts.isTypeOperatorNode(node)) {
    return itemOf(node.type, index);
  }
  const item = (node.elements ?? node.typeArguments)?.[index];
  return item?.type?.elementType ?? item?.type ?? item;
}

/** Adds what a comment's tag says to a schema. */
function applied(schema, tag, text, node) {
  if (tag === "default" || tag === "defaultValue") {
    schema.default = json(text);
  } else if (tag === "example") {
    schema.examples = [...(schema.examples ?? []), json(text)];
  } else if (tag === "deprecated") {
    schema.deprecated = true;
  } else if (Object.hasOwn(KEYWORDS, tag)) {
    const [about, read] = KEYWORDS[tag];
    const types = [schema.type ?? []].flat().map((type) => (type === "integer" ? "number" : type));
    if (!types.includes(about)) {
      throw new Unwritable(`\`@${tag}\` is about a type that is \`${about}\` in JSON`, node);
    }
    schema[tag] = read(text);
    if (text === "" && read === Number || Number.isNaN(schema[tag])) {
      throw new Unwritable(`\`@${tag} ${text}\` does not have a number`, node);
    }
  }
}

/** What is written as JSON; anything else is text. */
function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
