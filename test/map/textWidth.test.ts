import fc from "fast-check";
import { clipped, widthOf } from "../../lib/map/textWidth";

test("a text that fits stays, one that does not ends in an ellipsis and fits", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.integer({ min: 20, max: 300 }),
      fc.boolean(),
      (text, room, code) => {
        const shown = clipped(text, room, 13, code);
        if (widthOf(text, 13, code) <= room) expect(shown).toBe(text);
        else expect(shown).toMatch(/…$/);
        expect(widthOf(shown, 13, code)).toBeLessThanOrEqual(room);
      },
    ),
  );
});

test("no letter is cut in half", () => {
  expect(clipped("🂡".repeat(40), 100, 13)).toMatch(/^🂡+…$/u);
});
