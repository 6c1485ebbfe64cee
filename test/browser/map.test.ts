/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The page of `passthrough map --html` in a real browser: from a file, by keyboard, on a phone, in the dark. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { htmlOf } from "../../lib/map/html";
import { pictureOfHosts, pictureOfPlan } from "../../lib/map/picture";
import { svgOf } from "../../lib/map/svg";
import type { PlannedHost } from "../../lib/map/plan";
import type { Picture } from "../../lib/map/views";
import { inspected, largeHost } from "../map/hosts";
import { pciDevice } from "../support/facts";
import { launch } from "./chromium";
import { contrastsOf, unnamed } from "./look";

jest.setTimeout(300_000);

let browser: Browser;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "passthrough map "));
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const bridge = "0000:00:01.0";
const nic = "0000:02:00.0";
const host = inspected({
  hostname: "pve1",
  machineId: "m1",
  devices: [
    pciDevice({ address: bridge, path: [bridge], bridge: true, class: "060400", iommuGroup: "1" }),
    ...["0000:01:00.0", "0000:01:00.1"].map((address) =>
      pciDevice({ address, path: [bridge, address], iommuGroup: "2", driver: "nouveau" }),
    ),
    pciDevice({
      address: nic,
      path: [nic],
      class: "020000",
      iommuGroup: "3",
      driver: "igb",
      name: "Intel Corporation I350 Gigabit Network Connection <script>",
    }),
    pciDevice({
      address: "0000:03:00.0",
      path: ["0000:03:00.0"],
      iommuGroup: "4",
      reservedRegions: ["direct"],
    }),
    pciDevice({ address: "0000:04:00.0", path: ["0000:04:00.0"], iommuGroup: "5", driver: "vfio-pci" }),
  ],
  critical: [
    { address: nic, kind: "network", use: "carries this SSH session (vmbr0 on eno1)", essential: true },
  ],
});

const card = {
  id: "10de:2204",
  class: "0300",
  name: "NVIDIA Corporation GA102 [GeForce RTX 3090]",
  driver: "vfio-pci",
  hostDriver: "nouveau",
  group: "2",
  binding: "gpu/card",
};
const plan: PlannedHost = {
  name: "pve1",
  machineId: "m1",
  reboot: "the running kernel lacks iommu=pt",
  before: { functions: {}, vms: [], unknown: [] },
  after: {
    functions: { "0000:01:00.0": card, "0000:01:00.1": { ...card, class: "0403" } },
    vms: [{ id: "100", settings: { hostpci0: "0000:01:00,pcie=1" }, devices: { hostpci0: ["0000:01:00"] } }],
    unknown: [],
  },
};

const hosts = pictureOfHosts([host]);
const planned = pictureOfPlan([plan], new Map([["pve1", host]]));

/** Opens the page; what it asks of the network or says on the console fails the test. */
async function opened(
  picture: Picture,
  options: BrowserContextOptions,
  test: (page: Page) => Promise<void>,
): Promise<void> {
  const file = join(folder, "map.html");
  writeFileSync(file, htmlOf(picture));
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  // A machine under load takes its time.
  context.setDefaultTimeout(120_000);
  const noise: string[] = [];
  try {
    const page = await context.newPage();
    page.on("console", (message) => noise.push(message.text()));
    page.on("pageerror", (error) => noise.push(error.message));
    page.on("request", (request) => noise.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    await test(page);
    expect(noise).toEqual([pathToFileURL(file).href]);
  } finally {
    await context.close();
  }
}

const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.querySelector(".address")?.textContent);
const shown = (page: Page) => page.locator("summary:visible .address").allTextContents();

describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
  test.each([
    ["hosts", hosts],
    ["a plan", planned],
  ])("%s: everything can be read, and everything has a name", async (_, picture) => {
    await opened(picture, { colorScheme }, async (page) => {
      const contrasts = await contrastsOf(page);
      expect(contrasts.length).toBeGreaterThan(20);
      expect(contrasts.filter(({ ratio, large }) => ratio < (large ? 3 : 4.5))).toEqual([]);
      expect(await unnamed(page)).toEqual([]);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(ground).toBe(colorScheme === "dark" ? "rgb(16, 20, 26)" : "rgb(244, 246, 248)");
    });
  });
});

test.each([
  ["hosts on a phone", 360, hosts],
  ["a plan on a phone", 360, planned],
  // A window of 1280 pixels at 400 %: WCAG 2, reflow.
  ["hosts, enlarged as far as it goes", 320, hosts],
  ["a plan, enlarged as far as it goes", 320, planned],
])("%s: nothing is wider than the screen, nor cut off", async (_, width, picture) => {
  await opened(picture, { viewport: { width, height: 740 } }, async (page) => {
    const wide = await page.evaluate((limit) => {
      const all = [...document.querySelectorAll("main *, header *, footer *")];
      const out = all.filter((element) => element.getBoundingClientRect().right > limit);
      return {
        scrolls: document.documentElement.scrollWidth,
        out: out.map((element) => element.outerHTML.slice(0, 80)),
      };
    }, width);
    expect(wide).toEqual({ scrolls: width, out: [] });
    await page.locator("summary").first().click();
    expect(await page.locator("details[open] dl").first().isVisible()).toBe(true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    const small = await page
      .locator("summary:visible, input:visible, select:visible, nav a:visible")
      .evaluateAll(
        (elements) => elements.filter((element) => element.getBoundingClientRect().height < 18).length,
      );
    expect(small).toBe(0);
  });
});

test("by keyboard: past the head, from device to device, into the details and out again", async () => {
  await opened(hosts, {}, async (page) => {
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the devices");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    const walked = [await focused(page)];
    for (let step = 1; step < 5; step += 1) {
      await page.keyboard.press("ArrowDown");
      walked.push(await focused(page));
    }
    expect(walked).toEqual(["0000:01:00.0", "0000:01:00.1", nic, "0000:03:00.0", "0000:04:00.0"]);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    expect(await focused(page)).toBe(nic);

    const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
    expect(outline).toBe("solid");
    const open = page.locator("details[open]");
    expect(await open.count()).toBe(0);
    await page.keyboard.press("Enter");
    expect(await open.locator("dl").innerText()).toContain("carries this SSH session (vmbr0 on eno1)");
    expect(await open.locator("dl").innerText()).toContain("Connection <script>");
    await page.keyboard.press("Escape");
    expect(await open.count()).toBe(0);
    expect(await focused(page)).toBe(nic);
  });
});

test("the details cover their neighbours, and nothing covers them", async () => {
  await opened(hosts, {}, async (page) => {
    await page.locator("summary").first().click();
    const covered = await page.locator("details[open] dd").evaluateAll(
      (values) =>
        values.filter((value) => {
          const { left, top } = value.getBoundingClientRect();
          return !value.contains(document.elementFromPoint(left + 2, top + 4));
        }).length,
    );
    expect(covered).toBe(0);
  });
});

test("the filter shows what fits, says how much, and gives everything back", async () => {
  await opened(hosts, {}, async (page) => {
    const all = await shown(page);
    const words = page.getByRole("searchbox", { name: "Filter" });
    await words.fill("nvidia NOUVEAU");
    expect(await shown(page)).toEqual(["0000:01:00.0", "0000:01:00.1"]);
    expect(await page.getByRole("status").textContent()).toBe("2 of 6 shown");
    await words.fill("ssh session");
    expect(await shown(page)).toEqual([nic]);
    await words.fill("no such device");
    expect(await shown(page)).toEqual([]);
    expect(await page.getByText("No device fits the filter.").isVisible()).toBe(true);
    await words.fill("");
    expect(await shown(page)).toEqual(all);
    await page.getByRole("combobox", { name: "Show" }).selectOption("blocked");
    expect(await shown(page)).toEqual(["0000:03:00.0"]);
  });
});

test("a plan stands side by side, line by line, and only what changes where that is asked for", async () => {
  await opened(planned, {}, async (page) => {
    const before = page.getByRole("region", { name: "Before" });
    const after = page.getByRole("region", { name: "After the apply" });
    const boxes = async (side: typeof before) =>
      side.locator("summary").evaluateAll((all) => all.map((row) => row.getBoundingClientRect().top));
    expect(await boxes(before)).toEqual(await boxes(after));
    const [left, right] = [await before.boundingBox(), await after.boundingBox()];
    expect(right!.x).toBeGreaterThan(left!.x + left!.width);
    expect(await page.getByText("the running kernel lacks iommu=pt").isVisible()).toBe(true);
    expect(await after.locator(".said", { hasText: "joins VM 100 hostpci0" }).count()).toBe(2);
    expect(await after.getByRole("row", { name: "hostpci0 0000:01:00,pcie=1 added" }).isVisible()).toBe(true);
    await page.getByRole("checkbox", { name: "Only what changes" }).check();
    expect(await shown(page)).toEqual(["0000:01:00.0", "0000:01:00.1", "0000:01:00.0", "0000:01:00.1"]);
  });
});

test("on paper it is a light list without controls", async () => {
  await opened(hosts, { colorScheme: "dark", viewport: { width: 720, height: 1000 } }, async (page) => {
    await page.emulateMedia({ media: "print" });
    expect(await page.locator("form").isVisible()).toBe(false);
    expect(await page.locator("svg.edges").first().isVisible()).toBe(false);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(720);
    const ink = await page
      .locator(".address")
      .first()
      .evaluate((element) => getComputedStyle(element).color);
    expect(ink).toBe("rgb(24, 32, 43)");
  });
});

test("without scripts it is still all there", async () => {
  await opened(hosts, { javaScriptEnabled: false }, async (page) => {
    expect(await shown(page)).toHaveLength(5);
    await page.locator("summary").first().click();
    expect(await page.locator("details[open] dl").isVisible()).toBe(true);
    expect(await page.locator("form").isVisible()).toBe(false);
  });
});

test("a tree deeper than the window is wide scrolls by itself, also by keyboard", async () => {
  const way = Array.from({ length: 9 }, (_, depth) => `0000:0${depth}:00.0`);
  const devices = way.map((address, depth) =>
    pciDevice({
      address,
      path: way.slice(0, depth + 1),
      bridge: depth < way.length - 1,
      iommuGroup: String(depth),
    }),
  );
  await opened(pictureOfHosts([inspected({ devices })]), {}, async (page) => {
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(1280);
    const tree = page.getByRole("group", { name: "Root bus 0000:00, scrolls" });
    await tree.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => (document.activeElement?.scrollLeft ?? 0) > 0);
    await page.locator("summary").focus();
    const right = await page.locator("summary").evaluate((row) => row.getBoundingClientRect().right);
    expect(right).toBeLessThanOrEqual(1280);
  });
});

test("twenty hosts of two hundred devices can be filtered and walked through", async () => {
  const many = pictureOfHosts(Array.from({ length: 20 }, (_, at) => largeHost(`pve${at}`, 200)));
  await opened(many, {}, async (page) => {
    await page.getByRole("searchbox", { name: "Filter" }).fill("pve7 0000:05:00.0");
    expect(await page.getByRole("status").textContent()).toMatch(/^[1-9] of 4000 shown$/);
    await page
      .getByRole("link", { name: /^pve19/ })
      .first()
      .isVisible();
  });
});

test("the picture shows in a page of somebody else's, light and dark", async () => {
  const file = join(folder, "other.html");
  writeFileSync(join(folder, "map.svg"), svgOf(planned));
  writeFileSync(file, `<!doctype html><img src="map.svg" alt="The map">`);
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await page.goto(pathToFileURL(file).href);
    const size = await page
      .locator("img")
      .evaluate((image: HTMLImageElement) =>
        image.decode().then(() => [image.naturalWidth, image.naturalHeight]),
      );
    expect(Math.min(...size)).toBeGreaterThan(500);
    await context.close();
  }
});
