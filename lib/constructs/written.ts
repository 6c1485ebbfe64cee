/** What a construct declares, as it is written into the stack. */

export type Written = { [name: string]: unknown };

/** The same without what is not set: null is for Terraform to fill in. */
export function withoutUnset(declared: object): Written {
  return Object.fromEntries(
    Object.entries(declared).flatMap(([name, value]) =>
      value === undefined || value === null
        ? []
        : [[name, isPlainObject(value) ? withoutUnset(value) : value]],
    ),
  );
}

/** As `cdktf synth --hcl` asks for it: the value, and that it is an attribute and not a block. */
export function asHcl(written: Written): Written {
  return Object.fromEntries(
    Object.entries(written).map(([name, value]) => [
      name,
      { value, isBlock: false, type: "any", storageClassType: "any" },
    ]),
  );
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
