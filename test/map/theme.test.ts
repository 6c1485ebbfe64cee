import { roleNames } from "../../lib/map/roles";
import { schemes } from "../../lib/map/theme";

/** Relative luminance and contrast as WCAG 2 defines them. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

describe.each(Object.entries(schemes))("%s", (_, scheme) => {
  const { page, card, changed, ink, quiet, accent, change, roles } = scheme;
  const inks = {
    ink,
    quiet,
    change: change.ink,
    ...Object.fromEntries(roleNames.map((role) => [role, roles[role].ink])),
  };

  test.each(Object.entries(inks))("%s can be read on everything it stands on", (_name, colour) => {
    for (const ground of [card, changed]) expect(contrast(colour, ground)).toBeGreaterThanOrEqual(4.5);
  });

  test.each(roleNames)("the label of %s can be read, and its strip be seen", (role) => {
    expect(contrast(roles[role].ink, roles[role].ground)).toBeGreaterThanOrEqual(4.5);
    for (const ground of [card, changed]) expect(contrast(roles[role].ink, ground)).toBeGreaterThanOrEqual(3);
  });

  test("so can what stands on the page, and the mark of the focus be seen", () => {
    for (const colour of [ink, quiet]) expect(contrast(colour, page)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(change.ink, change.ground)).toBeGreaterThanOrEqual(4.5);
    for (const ground of [card, page, changed]) expect(contrast(accent, ground)).toBeGreaterThanOrEqual(4.5);
  });
});
