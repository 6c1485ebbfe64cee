/** Names made from what a host says: letters, digits and dashes, and each one once. */
export class FreshNames {
  private readonly given = new Set<string>();

  /** `wanted` as far as it can be a name, else `fallback`; numbered where it is taken. */
  give(wanted: string, fallback: string): string {
    const clean = cleaned(wanted) || fallback;
    let name = clean;
    for (let number = 2; this.given.has(name); number += 1)
      name = `${clean}${/\d$/.test(clean) ? "-" : ""}${number}`;
    this.given.add(name);
    return name;
  }
}

/** Empty where nothing is left. */
function cleaned(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 30)
    .replace(/-+$/, "");
  return name;
}
