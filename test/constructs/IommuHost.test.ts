import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Testing, TerraformOutput, type TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { IommuHost, VfioBinding } from "../../lib";
import { fakeBundles, newHost, newStack, synth } from "./support";

jest.mock("../../lib/placement/bundles", () => ({
  ...jest.requireActual<object>("../../lib/placement/bundles"),
  bundles: () => fakeBundles(),
}));

const hostsOf = (stack: TerraformStack) => synth(stack).resource["passthrough_iommu_host"] ?? {};

test("a host with nothing but a connection", () => {
  const stack = newStack();
  newHost(stack, "pve1");

  expect(hostsOf(stack)).toEqual({ pve1: { host: "pve1", owner: "stack/pve1" } });
});

test("a nested host has its path as name, and the name is not mangled in the provider block", () => {
  const stack = newStack();
  new IommuHost(new Construct(stack, "Rack-1"), "pve-1.local", { connection: { host: "a" } });

  const { provider, resource } = synth(stack);

  expect(provider["passthrough"]).toEqual([{ hosts: { "Rack-1.pve-1.local": { host: "a" } } }]);
  expect(Object.values(resource["passthrough_iommu_host"] ?? {})).toEqual([
    { host: "Rack-1.pve-1.local", owner: "stack/Rack-1/pve-1.local" },
  ]);
});

test("the owner holds the project id of cdktf.json", () => {
  const folder = mkdtempSync(join(tmpdir(), "project-"));
  const cdktfJsonPath = join(folder, "cdktf.json");
  writeFileSync(cdktfJsonPath, JSON.stringify({ projectId: "4711" }));
  const stack = newStack("stack", Testing.app({ context: { cdktfJsonPath } }));
  newHost(stack, "pve1");

  expect(hostsOf(stack)["pve1"]).toHaveProperty("owner", "4711/stack/pve1");
  rmSync(folder, { recursive: true });
});

test("bindings give their devices to the boot of their host, in whatever order they are made", () => {
  const stack = newStack();
  const pve1 = newHost(stack, "pve1", { allowCritical: ["0000:00:1f.0"] });
  const pve2 = newHost(stack, "pve2");
  new VfioBinding(stack, "gpu", {
    host: pve1,
    devices: { card: { address: "0000:01:00" }, twin: { id: "10de:2204", address: "0000:02:00" } },
    allowCritical: ["0000:01:00.0", "0000:00:1f.0"],
  });
  new VfioBinding(stack, "nic", { host: pve1, devices: { port: { id: "8086:1521" } }, liveRebind: false });
  new VfioBinding(stack, "other", { host: pve2, devices: { card: { address: "0000:01:00" } } });

  const hosts = hostsOf(stack);

  expect(hosts["pve1"]).toMatchObject({
    devices: {
      "gpu/card": { address: "0000:01:00" },
      "gpu/twin": { id: "10de:2204", address: "0000:02:00" },
      "nic/port": { id: "8086:1521", live_rebind: false },
    },
    allow_critical: ["0000:00:1f.0", "0000:01:00.0"],
  });
  expect(hosts["pve2"]).toMatchObject({ devices: { "other/card": { address: "0000:01:00" } } });
  expect(hosts["pve2"]).not.toHaveProperty("allow_critical");
});

test("an author's own dependencies stand beside ours", () => {
  const stack = newStack();
  newHost(stack, "pve1");
  newHost(stack, "pve2").dependsOn = ["null_resource.mine"];

  expect(hostsOf(stack)["pve2"]).toHaveProperty("depends_on", [
    expect.stringMatching(/^terraform_data\.pve1_reboot_/),
    "null_resource.mine",
  ]);
});

test("what the host tells can be used elsewhere", () => {
  const stack = newStack();
  const host = newHost(stack, "pve1");
  const told = {
    reboot_required: host.rebootRequired,
    reboot_reason: host.rebootReason,
    reboot_generation: host.rebootGeneration,
    declaration_digest: host.declarationDigest,
    files: host.files,
    pending: host.pending,
    boot_loader: host.bootLoader,
    initramfs: host.initramfs,
    cpu_vendor: host.cpuVendor,
    machine_id: host.machineId,
    assumed: host.assumed,
  };
  for (const [name, value] of Object.entries(told)) new TerraformOutput(stack, `out-${name}`, { value });

  const { output } = synth(stack);

  for (const name of Object.keys(told)) {
    expect(output?.[`out-${name}`]?.value).toBe(`\${passthrough_iommu_host.pve1.${name}}`);
  }
});
