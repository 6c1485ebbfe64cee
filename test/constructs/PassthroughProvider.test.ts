import { type TerraformStack } from "cdktf";
import {
  PassthroughProvider,
  PassthroughVm,
  Proxmox,
  RebootGroup,
  VfioBinding,
  type PassthroughProviderProps,
} from "../../lib";
import { fakeBundles, newHost, newStack, synth } from "./support";

jest.mock("../../lib/placement/bundles", () => ({
  ...jest.requireActual<object>("../../lib/placement/bundles"),
  bundles: () => fakeBundles(),
}));

/** Three hosts, each with what depends on it. */
function cluster(props?: PassthroughProviderProps): TerraformStack {
  const stack = newStack();
  if (props) new PassthroughProvider(stack, "provider", props);
  for (const id of ["a", "b", "c"]) {
    const host = newHost(stack, id);
    const gpu = new VfioBinding(stack, `${id}-gpu`, { host, devices: { card: { address: "0000:01:00" } } });
    new PassthroughVm(stack, `${id}-vm`, {
      on: Proxmox.vm(host, 100),
      pci: { hostpci0: { device: gpu.device("card") } },
    });
  }
  return stack;
}

/** `depends_on` by resource, without the hashes. */
function dependencies(stack: TerraformStack): Record<string, string[]> {
  return Object.fromEntries(
    Object.values(synth(stack).resource).flatMap((resources) =>
      Object.entries(resources).map(([name, { depends_on }]) => [
        name.replace(/_[0-9A-F]{8}$/, ""),
        ((depends_on ?? []) as string[]).map((on) => on.replace(/^\w+\.(.*?)(_[0-9A-F]{8})?$/, "$1")),
      ]),
    ),
  );
}

test("rolling: no host is touched before the one before it is proven", () => {
  expect(dependencies(cluster())).toEqual({
    a: [],
    a_reboot: [],
    "a-gpu": ["a_reboot"],
    "a-vm": ["a_reboot", "a-gpu"],
    b: ["a_reboot"],
    b_reboot: [],
    "b-gpu": ["b_reboot"],
    "b-vm": ["b_reboot", "b-gpu"],
    c: ["b_reboot"],
    c_reboot: [],
    "c-gpu": ["c_reboot"],
    "c-vm": ["c_reboot", "c-gpu"],
  });
});

test("a group goes in turns of its size, and a turn waits for everybody in the one before", () => {
  const stack = newStack();
  const rebootGroup = new RebootGroup(stack, "rack", { maxUnavailable: 2 });
  for (const id of ["a", "b", "c", "d", "e"]) newHost(stack, id, { rebootGroup });
  for (const id of ["x", "y"]) newHost(stack, id);

  const found = dependencies(stack);

  expect(["a", "b", "c", "d", "e", "x", "y"].map((id) => found[id])).toEqual([
    [],
    [],
    ["a_reboot", "b_reboot"],
    ["a_reboot", "b_reboot"],
    ["c_reboot", "d_reboot"],
    [],
    ["x_reboot"],
  ]);
});

test("a group of no hosts is an error", () => {
  expect(() => new RebootGroup(newStack(), "rack", { maxUnavailable: 0.5 })).toThrow(
    "rack: maxUnavailable: 0.5 is not a number of hosts",
  );
});

test("not rolling: hosts do not know each other", () => {
  expect(dependencies(cluster({ rolling: false }))).toMatchObject({ a: [], b: [], c: [] });
});

test("rolling with null_resource", () => {
  expect(dependencies(cluster({ events: "null_resource" }))).toMatchObject({
    b: ["a_reboot"],
    c: ["b_reboot"],
  });
});

test("one provider for each stack, with its own hosts", () => {
  const [one, two] = [newStack("one"), newStack("two")];
  newHost(one, "pve1");
  newHost(two, "pve2");

  expect(synth(one).provider["passthrough"]).toEqual([{ hosts: { pve1: { host: "pve1.example" } } }]);
  expect(synth(two).provider["passthrough"]).toEqual([{ hosts: { pve2: { host: "pve2.example" } } }]);
});

test("the provider outlives its last construct, with the connections that the state does not hold", () => {
  const stack = newStack();
  new PassthroughProvider(stack, "provider", {
    whenUnreachable: "assume-state",
    hosts: { old: { host: "old.example", port: 2222 } },
  });

  const { provider, terraform } = synth(stack);

  expect(provider["passthrough"]).toEqual([
    { when_unreachable: "assume-state", hosts: { old: { host: "old.example", port: 2222 } } },
  ]);
  expect(terraform.required_providers["passthrough"]).toEqual({
    source: "cdktf-passthrough.local/cdktf/passthrough",
    version: fakeBundles().version,
  });
});

test("VMs of one host know each other", () => {
  const stack = newStack();
  const [pve1, pve2] = [newHost(stack, "pve1"), newHost(stack, "pve2")];
  new PassthroughVm(stack, "one", { on: Proxmox.vm(pve1, 100) });
  new PassthroughVm(stack, "two", { on: Proxmox.vm(pve1, 101) });
  new PassthroughVm(stack, "three", { on: Proxmox.vm(pve2, 102) });

  expect(synth(stack).resource["passthrough_vm"]).toMatchObject({
    one: { peers: ["101"] },
    two: { peers: ["100"] },
    three: expect.not.objectContaining({ peers: expect.anything() }),
  });
});
