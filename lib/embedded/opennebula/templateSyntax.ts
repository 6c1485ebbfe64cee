/**
 * OpenNebula's template syntax as its lexer reads it: names, `=`, values in quotation marks or bare, sections in
 * brackets. `\"` is the only escape, and of several ends the last possible one ends a value.
 */

export type Section = Record<string, string>;
export type Attributes = [name: string, value: string | Section][];

/** @throws an Error in the parser's own manner */
export function parseTemplate(text: string): Attributes {
  const reader = new Reader(text);
  const attributes: Attributes = [];
  while (!reader.atEnd()) attributes.push(reader.attribute());
  return attributes;
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  atEnd(): boolean {
    this.take(/(?:[ \t]*#.*\n|[ \t\n]+)*/y);
    return this.at >= this.text.length;
  }

  attribute(): [string, string | Section] {
    const name = this.expect(/\w+/y, "VARIABLE").toUpperCase();
    if (this.take(/[ \t]*=[ \t]*\n/y) !== null) return [name, ""];
    this.expect(/[ \t]*=[ \t]*/y, "EQUAL");
    if (this.take(/[ \t]*\[[ \t\n]*/y) === null) return [name, this.value()];
    const section: Section = {};
    if (this.take(/\]/y) !== null) return [name, section];
    do {
      const key = this.expect(/\w+/y, "VARIABLE").toUpperCase();
      this.expect(/[ \t]*=[ \t]*/y, "EQUAL");
      // The first of two attributes of one name stays.
      section[key] ??= this.value();
    } while (this.take(/[ \t\n]*,[ \t\n]*/y) !== null);
    this.expect(/[ \t\n]*\][ \t\n]*/y, "CBRACKET");
    return [name, section];
  }

  private value(): string {
    if (this.take(/.*\]\]>.*/y) !== null) throw this.error("CCDATA");
    // Of two forms that fit, the longer one is meant.
    const quoted = this.look(/"(?:\\"|[^"])*"/y);
    const bare = this.look(/[^=#\s,[\]]+/y);
    const found = quoted.length >= bare.length ? quoted : bare;
    if (found === "") throw this.error("STRING");
    this.at += found.length;
    return found === quoted ? quoted.slice(1, -1).replaceAll('\\"', '"') : bare;
  }

  private look(form: RegExp): string {
    form.lastIndex = this.at;
    return form.exec(this.text)?.[0] ?? "";
  }

  private take(form: RegExp): string | null {
    form.lastIndex = this.at;
    const found = form.exec(this.text)?.[0];
    if (found === undefined) return null;
    this.at += found.length;
    return found;
  }

  private expect(form: RegExp, token: string): string {
    const found = this.take(form);
    if (found === null) throw this.error(token);
    return found;
  }

  private error(token: string): Error {
    const before = this.text.slice(0, this.at).split("\n");
    return new Error(
      `syntax error, unexpected $end, expecting ${token} at line ${before.length}, columns ${(before.at(-1) ?? "").length}:${this.text.length}`,
    );
  }
}
