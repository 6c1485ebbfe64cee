/** `passthrough map` as somebody types it: a live host, a recorded one, and Terraform's own plan. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { passthrough, target } from "../support/command";
import { connect, Rig } from "../support/rig";

jest.setTimeout(240_000);

const rig = new Rig();
const at = (name: string) => join(rig.folder, name);
let host: EmbeddedHost;
beforeAll(async () => {
  host = await rig.host("proxmox-amd");
});
afterAll(() => rig.close());

test("a live host and its record give the same picture", async () => {
  const live = await passthrough([
    "map",
    ...target(host),
    "--svg",
    at("live.svg"),
    "--html",
    at("live.html"),
  ]);
  expect(live).toEqual({ code: 0, stdout: `${at("live.svg")}\n${at("live.html")}\n`, stderr: "" });

  const { stdout } = await passthrough(["inspect", ...target(host), "--json"]);
  writeFileSync(at("pve1.json"), stdout);
  const recorded = ["--facts", at("pve1.json"), "--svg", at("recorded.svg"), "--html", at("recorded.html")];
  expect(await passthrough(["map", ...recorded])).toMatchObject({ code: 0, stderr: "" });
  for (const kind of ["svg", "html"])
    expect(readFileSync(at(`recorded.${kind}`), "utf8")).toBe(readFileSync(at(`live.${kind}`), "utf8"));
  expect(readFileSync(at("live.svg"), "utf8")).toContain("is in the ZFS pool rpool");
});

test("a plan of Terraform's, with the host beside it and without", async () => {
  await rig.stack((stack) => {
    const pve1 = new IommuHost(stack, "first", { connection: connect(host), kernelParameters: ["iommu=pt"] });
    const gpu = new VfioBinding(stack, "gpu", { host: pve1, devices: { card: { address: "0000:01:00" } } });
    new PassthroughVm(stack, "vm", {
      on: Proxmox.vm(pve1, 100),
      pci: { hostpci0: { device: gpu.device("card"), pcie: true } },
    });
  });
  await rig.plan();
  writeFileSync(at("plan.json"), await rig.tf.succeed("show", "-json", at("plan")));

  const alone = await passthrough(["map", "--plan", at("plan.json"), "--html", at("plan.html")]);
  expect(alone).toMatchObject({ code: 0, stderr: "" });
  const page = readFileSync(at("plan.html"), "utf8");
  for (const words of [
    "the running kernel lacks iommu=pt",
    "driver becomes vfio-pci",
    "joins VM 100 hostpci0",
    "joins binding gpu/card",
    "0000:01:00,pcie=1",
  ])
    expect(page).toContain(words);
  expect(page).not.toContain("0000:03:00.0");

  // The plan calls it `first`, the host itself pve1: the machine-id tells.
  const both = await passthrough([
    ...["map", "--plan", at("plan.json"), "--facts", at("pve1.json"), "--html", at("both.html")],
  ]);
  expect(both).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(at("both.html"), "utf8")).toContain("0000:03:00.0");

  const wrong = { ...(JSON.parse(readFileSync(at("pve1.json"), "utf8")) as object), machineId: "another" };
  writeFileSync(at("another.json"), JSON.stringify(wrong));
  const { code, stderr } = await passthrough([
    ...["map", "--plan", at("plan.json"), "--facts", at("another.json"), "--html", at("another.html")],
  ]);
  expect(stderr).toContain("is of host pve1, which the plan does not have; it has first.");
  expect(stderr).toContain(`--facts first=${at("another.json")}`);
  expect({ code, written: existsSync(at("another.html")) }).toEqual({ code: 1, written: false });
});

test.each<[string[], number, string]>([
  [["map"], 2, "Where to?"],
  [["map", "--svg", "x.svg"], 2, "What to draw?"],
  [["map", "--facts", "/not/there", "--svg", "x.svg"], 1, "Unable to read /not/there: ENOENT"],
  [["map", "--plan", "/not/there", "--svg", "x.svg"], 1, "Unable to read /not/there: ENOENT"],
  [["map", "--facts", __filename, "--svg", "x.svg"], 1, "it is not what `passthrough inspect --json` prints"],
])("%j is refused in words", async (args, exitCode, words) => {
  const { code, stdout, stderr } = await passthrough(args, { cwd: rig.folder });
  expect(stderr).toMatch(/^passthrough: /);
  expect(stderr).toContain(words);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: "" });
});

test("a file that cannot be written is named", async () => {
  const { code, stderr } = await passthrough([
    "map",
    "--facts",
    at("pve1.json"),
    "--svg",
    at("not/there.svg"),
  ]);
  expect(stderr).toContain(`Unable to write ${at("not/there.svg")}: ENOENT`);
  expect(code).toBe(1);
});
