import { createHash } from "node:crypto";
import { DOMParser } from "@xmldom/xmldom";
import { htmlOf } from "../../lib/map/html";
import { pictureOfHosts, pictureOfPlan } from "../../lib/map/picture";
import { svgOf } from "../../lib/map/svg";
import type { PlannedHost } from "../../lib/map/plan";
import type { Inspection } from "../../lib/map/inspection";
import { inspected, inspectedDevice, largeHost } from "./hosts";

const onError = (level: string, message: string) => {
  if (level !== "warning") throw new Error(message);
};

const hostile = `</text></title></style><script>alert(1)</script>"'&<img src=x onerror=alert(1)>\u0000\u202e]]>`;

/** A host whose every word is somebody else's attack. */
const enemy: Inspection = {
  ...inspected({ hostname: hostile, unresolved: [hostile] }),
  distribution: hostile,
  owner: hostile,
  kernel: { release: hostile },
  devices: [
    inspectedDevice({
      address: "0000:01:00.0",
      name: hostile,
      driver: hostile,
      driverOverride: hostile,
      iommuGroup: hostile,
      binding: hostile,
      subsystemVendor: hostile,
      critical: [{ kind: "disk", use: hostile, essential: true }],
      vms: [
        {
          vmId: hostile,
          vmName: hostile,
          slot: hostile,
          running: true,
          inUse: true,
          configured: true,
          shared: false,
        },
      ],
    }),
  ],
};

const side = {
  functions: {
    "0000:01:00.0": {
      id: "10de:2204",
      class: "0300",
      name: hostile,
      driver: hostile,
      hostDriver: hostile,
      group: hostile,
      binding: hostile,
    },
  },
  vms: [{ id: hostile, settings: { [hostile]: hostile }, devices: { [hostile]: [hostile] } }],
  unknown: [hostile],
};
const plan: PlannedHost = {
  name: hostile,
  machineId: null,
  reboot: hostile,
  before: { functions: {}, vms: [], unknown: [] },
  after: side,
};

const pictures = {
  "of hosts": pictureOfHosts([enemy, enemy]),
  "of a plan": pictureOfPlan([plan], new Map()),
  "of a plan and its host": pictureOfPlan([plan], new Map([[hostile, enemy]])),
};

describe.each(Object.entries(pictures))("hostile words in a picture %s", (_, picture) => {
  const svg = svgOf(picture);
  const html = htmlOf(picture);

  test("are text in the SVG, which stays well-formed", () => {
    // The replacement character that is there on purpose is worth a warning to the parser.
    const document = new DOMParser({ onError }).parseFromString(svg, "image/svg+xml");
    const names = new Set(Array.from(document.getElementsByTagName("*"), ({ localName }) => localName));
    expect(names).not.toContain("script");
    expect(names).not.toContain("img");
    expect(document.getElementsByTagName("title")[0]?.textContent).not.toBe("");
    expect(svg).toContain("&lt;/text&gt;");
  });

  test("are text in the page: no element and no attribute but its own", () => {
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html.match(/<style/g)).toHaveLength(1);
    expect(html).not.toContain("<img");
    expect(html).toContain("&lt;img src=x");
    for (const text of [svg, html]) {
      expect(text).not.toContain("\u0000");
      expect(text).not.toContain("\u202e");
    }
  });
});

describe("the page", () => {
  const html = htmlOf(pictureOfHosts([largeHost("pve1", 40)]));
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1] ?? "";

  test("allows by its policy what it is made of, and nothing else", () => {
    const hashOf = (element: string) => {
      const content = new RegExp(`<${element}>([^]*?)</${element}>`).exec(html)?.[1] ?? "";
      return `&#39;sha256-${createHash("sha256").update(content).digest("base64")}&#39;`;
    };
    expect(policy.split("; ")).toEqual([
      "default-src &#39;none&#39;",
      `style-src ${hashOf("style")}`,
      `script-src ${hashOf("script")}`,
      "base-uri &#39;none&#39;",
      "form-action &#39;none&#39;",
    ]);
  });

  test("names nothing outside of itself, and has no attribute that its policy would refuse", () => {
    expect(html).not.toMatch(/\b(?:src|srcset|action|ping|poster)=/);
    expect(html).not.toMatch(/\b(?:href)="(?!#)/);
    expect(html).not.toMatch(/ (?:style|on[a-z]+)=/);
    expect(html).not.toMatch(/url\((?!#)|@import/);
  });

  test("has each id once", () => {
    const ids = Array.from(html.matchAll(/ id="([^"]+)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("has headings that leave out no level", () => {
    const levels = Array.from(html.matchAll(/<h([1-6])/g), ([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    for (const [at, level] of levels.entries()) expect(level - (levels[at - 1] ?? 0)).toBeLessThanOrEqual(1);
  });
});

test("the same hosts give the same bytes", () => {
  const draw = () => pictureOfHosts([largeHost("pve1", 60)]);
  expect(svgOf(draw())).toBe(svgOf(draw()));
  expect(htmlOf(draw())).toBe(htmlOf(draw()));
});

test("twenty hosts of two hundred devices stay small enough for a mail", () => {
  const picture = pictureOfHosts(Array.from({ length: 20 }, (_, at) => largeHost(`pve${at}`, 200)));
  expect(htmlOf(picture).length).toBeLessThan(8_000_000);
  expect(svgOf(picture).length).toBeLessThan(8_000_000);
});
