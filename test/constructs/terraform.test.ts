/** What the constructs write, read by the real Terraform: found offline, valid, planned and applied. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalBackend, Testing, TerraformVariable, type TerraformStack } from "cdktf";
import type * as bundlesModule from "../../lib/placement/bundles";
import { PassthroughProvider, PassthroughVm, PciDevices, Proxmox, VfioBinding } from "../../lib";
import { place } from "../../lib/placement/place";
import { bundleProvider, placeProvider } from "../support/mirror";
import { Terraform } from "../support/terraform";
import { fullSynth, newHost, newStack } from "./support";

let bundled: bundlesModule.Bundles;
jest.mock("../../lib/placement/bundles", () => ({
  ...jest.requireActual<object>("../../lib/placement/bundles"),
  bundles: () => bundled,
}));

jest.setTimeout(120_000);

/** Stands for the reboot command: writes down what it was told. */
const command = `
const told = Object.entries(process.env).filter(([name]) => name.startsWith("PASSTHROUGH_"));
require("node:fs").appendFileSync("events", JSON.stringify({ args: process.argv.slice(2), ...Object.fromEntries(told) }) + "\\n");
`;

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), "stand-in-"));
  bundleProvider(join(__dirname, "standInProvider.ts"), join(folder, "provider.cjs"));
  writeFileSync(join(folder, "passthrough.cjs"), command);
  const { readBundles } = jest.requireActual<typeof bundlesModule>("../../lib/placement/bundles");
  bundled = readBundles(folder);
  rmSync(folder, { recursive: true });
});

let terraform: Terraform;
beforeEach(() => (terraform = new Terraform()));
afterEach(() => terraform.remove());

/** With its state in its own folder: the default may be a place that all of these tests share. */
function withOwnState(stack: TerraformStack): TerraformStack {
  new LocalBackend(stack, { path: "terraform.tfstate" });
  return stack;
}

function put(stack: TerraformStack): void {
  withOwnState(stack);
  cpSync(fullSynth(stack).folder, terraform.directory, { recursive: true });
}

const inStack = (name: string) => join(terraform.directory, name);
const events = () =>
  existsSync(inStack("events"))
    ? readFileSync(inStack("events"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];

function everything(adopt: boolean): TerraformStack {
  const stack = newStack();
  const port = new TerraformVariable(stack, "port", { type: "number", default: 2222 });
  const pve1 = newHost(stack, "pve-1", {
    connection: { host: "10.0.0.11", port: port.numberValue, user: "root", jump: { host: "bastion" } },
    kernelParameters: ["iommu=pt"],
    modprobeOptions: { kvm: "ignore_msrs=1" },
    softdeps: { nouveau: "pre: vfio-pci" },
    blacklist: ["nouveau"],
    adopt,
  });
  const pve2 = newHost(stack, "pve-2", { adopt });
  const gpu = new VfioBinding(stack, "gpu", {
    host: pve1,
    devices: { card: { address: "0000:01:00" }, nvme: { id: "144d:a80a" } },
    adopt,
  });
  new PassthroughVm(stack, "workstation", {
    on: Proxmox.vm(pve1, 100),
    pci: { hostpci0: { device: gpu.device("card"), pcie: true, xVga: true }, hostpci1: { mapping: "hba" } },
    usb: { usb0: { spice: true } },
    machine: "q35",
    bootOrder: ["hostpci1"],
    adopt,
  });
  new PassthroughVm(stack, "media", { on: Proxmox.vm(pve1, 101), adopt });
  new PciDevices(stack, "displays", { host: pve2, select: { class: "03" } });
  return stack;
}

test("a whole stack is found offline, applied, and stands", async () => {
  put(everything(false));
  const lock = readFileSync(inStack(".terraform.lock.hcl"), "utf8");

  await terraform.init();
  await terraform.succeed("validate");
  await terraform.apply();

  expect(readFileSync(inStack(".terraform.lock.hcl"), "utf8")).toBe(lock);
  expect((await terraform.plan()).changes).toBe(false);
  const resources = await terraform.resources();
  expect(resources["passthrough_vm.workstation"]?.values).toMatchObject({
    pci: { hostpci0: { device: "0000:01:00", pcie: true, romfile: null } },
    peers: ["101"],
  });
  expect(events()).toHaveLength(2);
  expect(events()[0]).toEqual({
    args: ["reboot"],
    PASSTHROUGH_HOST: "pve-1",
    PASSTHROUGH_CONNECTION: JSON.stringify({
      host: "10.0.0.11",
      jump: { host: "bastion" },
      port: 2222,
      user: "root",
    }),
    PASSTHROUGH_DIGEST: "declaration_digest of $(the host)",
    PASSTHROUGH_REASON: "reboot_reason of $(the host)",
    PASSTHROUGH_REBOOT_TIMEOUT: "1200",
  });
});

test("the same stack written as HCL declares the same", async () => {
  put(everything(false));
  await terraform.init();
  await terraform.apply();

  rmSync(inStack("cdk.tf.json"));
  writeFileSync(inStack("cdk.tf"), String(Testing.synthHcl(withOwnState(everything(false)))));

  expect((await terraform.plan()).changes).toBe(false);
});

test("null_resource for the events: the registry's provider keeps its place in the lock file", async () => {
  const withNull = () => {
    const stack = newStack();
    new PassthroughProvider(stack, "provider", { events: "null_resource" });
    newHost(stack, "pve1");
    newHost(stack, "pve2");
    return stack;
  };
  put(withNull());
  placeProvider(terraform.directory, {
    entry: join(__dirname, "..", "support", "nullProvider.ts"),
    source: "registry.terraform.io/hashicorp/null",
    version: "3.2.4",
  });
  await terraform.init();
  const lock = readFileSync(inStack(".terraform.lock.hcl"), "utf8");

  place(bundled, terraform.directory);
  await terraform.apply();

  expect(readFileSync(inStack(".terraform.lock.hcl"), "utf8")).toBe(lock);
  expect(lock).toMatch(/^provider "registry.terraform.io\/hashicorp\/null" \{$/m);
  expect(events().map(({ PASSTHROUGH_HOST: host }) => host)).toEqual(["pve1", "pve2"]);
  expect((await terraform.plan()).changes).toBe(false);
});

test("an adopted stack imports everything and changes nothing", async () => {
  put(everything(true));
  await terraform.init();

  const { text } = await terraform.plan();

  // What is created are the reboot events: they prove the hosts.
  expect(text).toMatch(/Plan: 5 to import, 2 to add, 0 to change, 0 to destroy/);
});

test("a provider without constructs still serves the destroy", async () => {
  put(everything(false));
  await terraform.init();
  await terraform.apply();

  const empty = newStack();
  new PassthroughProvider(empty, "provider");
  put(empty);
  await terraform.apply();

  expect(await terraform.resources()).toEqual({});
});

test("a stack's provider block with nothing in it is valid", async () => {
  const stack = newStack();
  new PassthroughProvider(stack, "provider", { whenUnreachable: "assume-state" });
  put(stack);

  await terraform.init();
  await terraform.succeed("validate");
});
