import { runInNewContext } from "node:vm";
import fc from "fast-check";
import * as estree from "prettier/plugins/estree";
import * as typescript from "prettier/plugins/typescript";
import { format } from "prettier/standalone";
import { commentLine, literal, print, type Value } from "../../../lib/cli/scaffold/typescript";

const formatted = (code: string) => format(code, { parser: "typescript", plugins: [estree, typescript] });

const texts = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.constantFrom("'\"'", '"', "\\", "\n", "\u2028", "`", "*/", "//", "</script>", "$(reboot)", "__proto__"),
);
const untemplated = texts.filter((text) => !/[$%]\{/.test(text));

describe("a literal", () => {
  test("is the text, whatever it is", () => {
    fc.assert(
      fc.property(untemplated, (text) => {
        expect(runInNewContext(literal(text))).toBe(text);
        expect(literal(text)).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });

  test.each(['${file("/etc/passwd")}', "a%{ if true }", "$${x}"])("refuses the template %s", (text) => {
    expect(() => literal(text)).toThrow("Terraform would evaluate");
  });
});

test("a comment is one line, whatever the text", () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(commentLine(text)).toMatch(/^\/\/[\x20-\x7e]*$/);
    }),
  );
});

describe("what is printed", () => {
  const { value } = fc.letrec<{ value: Value; leaf: Value }>((tie) => ({
    leaf: fc.oneof(untemplated, fc.integer({ min: 0 }), fc.boolean()),
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("leaf"),
      fc.array(untemplated, { maxLength: 5 }),
      fc.record({
        fields: fc.uniqueArray(
          fc.record({
            name: fc.oneof(
              fc.stringMatching(/^[a-z][a-z0-9]{2,12}$/),
              fc.stringMatching(/^[a-z]{1,5}-[a-z]{1,5}$/),
            ),
            value: tie("value"),
            comment: fc.option(fc.stringMatching(/^[a-z]{1,9}$/), { nil: undefined }),
          }),
          { selector: ({ name }) => name, maxLength: 4 },
        ),
        expanded: fc.boolean(),
      }),
    ),
  }));

  test("is as Prettier has it", async () => {
    await fc.assert(
      fc.asyncProperty(value, async (inner) => {
        const object: Value = { fields: [{ name: "value", value: inner }], expanded: true };
        const code = `${print(object, "new Thing(stack, ", ");")}\n`;
        expect(await formatted(code)).toBe(code);
      }),
      { numRuns: 200 },
    );
  });
});
