/** A value in the words of an error message: what kind of thing it is, and the thing itself where that is short. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "missing";
    case "string":
      return `the text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value)}`;
    case "number":
    case "boolean":
    case "bigint":
      return String(value);
    case "function":
      return value.name === "" ? "a function" : `the function ${value.name}`;
    case "symbol":
      return "a symbol";
    case "object":
      return showObject(value);
  }
}

function showObject(value: object | null): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  const maker = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  const name = maker?.constructor?.name ?? "Object";
  return name === "Object" ? "an object" : `a ${name}`;
}

/** A path as one would write it in JavaScript. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    const name = String(step);
    if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
