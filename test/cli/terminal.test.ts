import { colorsOf, progressOn } from "../../lib/cli/terminal";

const clear = "\r\u001b[K";

/** A stream that remembers what was written to it, call by call. */
function stream(isTTY?: boolean, columns?: number) {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
}

describe("colours", () => {
  test.each([
    ["a terminal", true, {}, true],
    ["a terminal with NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["a terminal with an empty NO_COLOR", true, { NO_COLOR: "" }, true],
    ["a terminal that can show none", true, { TERM: "dumb" }, false],
    ["a pipe", undefined, {}, false],
    ["a file", false, {}, false],
  ])("%s", (_, isTTY, env, are) => {
    expect(colorsOf(isTTY === undefined ? {} : { isTTY }, env).isColorSupported).toBe(are);
  });
});

describe("progress", () => {
  test("on a terminal is one line that is written over, and goes when the work ends", () => {
    const output = stream(true, 40);
    const progress = progressOn(output, { env: {} });
    progress.doing("pve1: is down", "1 s");
    progress.doing("pve1: is down", "2 s");
    progress.say("pve1: reboot issued");
    progress.doing("pve1: is up");
    progress.end();
    expect(output.written).toEqual([
      "pve1: is down (1 s)",
      clear,
      "pve1: is down (2 s)",
      clear,
      "pve1: reboot issued\n",
      "pve1: is up",
      clear,
    ]);
  });

  test.each([
    ["a pipe", undefined, {}],
    ["a terminal that cannot move its cursor", true, { TERM: "dumb" }],
  ])("on %s is a plain line for each new thing that is done", (_, isTTY, env) => {
    const output = stream(isTTY);
    const progress = progressOn(output, { env });
    progress.doing("pve1: is down", "1 s");
    progress.doing("pve1: is down", "2 s");
    progress.say("pve1: is up");
    progress.end();
    expect(output.written).toEqual(["pve1: is down (1 s)\n", "pve1: is up\n"]);
  });

  test("of short work is for who looks on", () => {
    const piped = stream();
    const shown = stream(true);
    for (const output of [piped, shown]) progressOn(output, { brief: true, env: {} }).doing("reading pve1");
    expect({ piped: piped.written, shown: shown.written }).toEqual({ piped: [], shown: ["reading pve1"] });
  });

  test("is cut where the line would wrap, and not within a character", () => {
    const output = stream(true, 8);
    progressOn(output, { env: {} }).doing("ööö😀😀😀😀😀😀");
    expect(output.written).toEqual(["ööö😀😀😀😀"]);
  });
});
