import { TerraformVariable } from "cdktf";
import type { TerraformStack } from "cdktf";
import { Libvirt, Ovirt, OvirtEngine, OvirtHost, PassthroughVm, VfioBinding } from "../../lib";
import type { OvirtEngineProps, PassthroughVmProps } from "../../lib";
import { messageOf, newHost, newStack, synth } from "./support";

let stack: TerraformStack;
beforeEach(() => (stack = newStack()));

const url = "https://engine.example";
const pci = { gpu: { device: { address: "0000:04:00" } } };

test("the provider block has the engine, the VM names it, and no host is needed", () => {
  const password = new TerraformVariable(stack, "password", { ephemeral: true } as never);
  const lab = new OvirtEngine(stack, "lab", {
    ...{ url, user: "admin@internal", caFile: "/etc/pki/ca.pem", timeout: 60 },
    password: password.stringValue,
  });
  new PassthroughVm(stack, "vm", {
    on: Ovirt.vm(lab, "workstation", { pinTo: "kvm1" }),
    ...{ pci, nics: { fast0: { profile: "sriov" } }, restart: true },
  });
  new PassthroughVm(stack, "other", { on: Ovirt.vm(lab, "render"), pci });
  const { provider, resource } = synth(stack);
  expect(provider["passthrough"]?.[0]).toMatchObject({
    engines: {
      lab: {
        url,
        user: "admin@internal",
        password: "${var.password}",
        ca_file: "/etc/pki/ca.pem",
        timeout: 60,
      },
    },
  });
  expect(resource["passthrough_vm"]?.["vm"]).toMatchObject({
    ...{ host: "lab", hypervisor: "ovirt", vm_id: "workstation", pin_to: "kvm1", restart: true },
    pci: { gpu: { device: "0000:04:00" } },
    nics: { fast0: { profile: "sriov" } },
    peers: ["render"],
  });
  expect(resource["passthrough_vm"]?.["vm"]).not.toHaveProperty("depends_on");
});

test("a host at the engine waits for the host itself, a VM for its binding", () => {
  const lab = new OvirtEngine(stack, "lab", { url });
  const kvm1 = newHost(stack, "kvm1", { kernelParameters: ["iommu=pt"] });
  new OvirtHost(stack, "at-engine", { host: kvm1, engine: lab, name: "kvm1" });
  const gpu = new VfioBinding(stack, "gpu", { host: kvm1, devices: { card: { address: "0000:04:00" } } });
  new PassthroughVm(stack, "vm", {
    on: Ovirt.vm(lab, "workstation"),
    pci: { gpu: { device: gpu.device("card") } },
  });
  const { resource } = synth(stack);
  expect(resource["passthrough_ovirt_host"]?.["at-engine"]).toMatchObject({
    ...{ engine: "lab", name: "kvm1", kernel_parameters: ["iommu=pt"] },
    depends_on: [expect.stringMatching(/^terraform_data\.kvm1_reboot/)],
  });
  expect(resource["passthrough_vm"]?.["vm"]).toMatchObject({ depends_on: ["passthrough_vfio_binding.gpu"] });
});

describe("what cannot be meant", () => {
  const pem = "-----BEGIN CERTIFICATE-----";
  test.each<[string, Partial<OvirtEngineProps>, string]>([
    ["plain HTTP", { url: "http://engine.example" }, "Expected https://"],
    ["a login in the URL", { url: "https://a:b@engine.example" }, "without a login"],
    ["no URL", { url: "engine.example" }, '"engine.example" is not the address'],
    ["a relative CA file", { caFile: "ca.pem" }, "relative"],
    ["a path as CA", { ca: "/etc/ca.pem" }, "a path goes into `caFile`"],
    ["a short fingerprint", { fingerprint: "AA:BB" }, "64 hex digits"],
    ["two ways to trust", { ca: pem, caFile: "/ca.pem" }, "ca and caFile"],
    ["no time at all", { timeout: 0 }, "above 0"],
  ])("%s", (_, props, words) => {
    expect(messageOf(() => new OvirtEngine(stack, "lab", { url, ...props }))).toContain(words);
  });

  test.each(["", "a b", "a/b", "..", "a,b", 'a"', "$(x)", "a\nb"])("the VM or host %j", (name) => {
    const lab = new OvirtEngine(stack, "lab", { url });
    expect(messageOf(() => Ovirt.vm(lab, name))).toContain("is not a name of an engine");
    expect(messageOf(() => Ovirt.vm(lab, "vm", { pinTo: name }))).toContain("pinTo");
  });

  test.each<[string, Partial<PassthroughVmProps>, string]>([
    [
      "an option of another system",
      { pci: { gpu: { device: { address: "04:00" }, pcie: true } } },
      "oVirt has no `pcie`",
    ],
    ["a setting of another system", { machine: "q35" }, "oVirt has no `machine`"],
    ["a USB mapping", { usb: { key: { mapping: "key" } } }, "oVirt has no `mapping`"],
    ["a network card without a profile", { nics: { n: {} } }, "nics.n has no profile, and oVirt needs it"],
    ["a bridge", { nics: { n: { profile: "sriov", bridge: "vmbr0" } } }, "oVirt has no `bridge`"],
    ["a network card that is no name", { nics: { "a b": { profile: "sriov" } } }, "a name of the engine"],
    ["a profile that is no name", { nics: { n: { profile: "a b" } } }, "nics.n.profile"],
  ])("%s", (_, props, words) => {
    const lab = new OvirtEngine(stack, "lab", { url });
    expect(messageOf(() => new PassthroughVm(stack, "vm", { on: Ovirt.vm(lab, "vm"), ...props }))).toContain(
      words,
    );
  });

  test("a bound device for a VM of an engine and for one of the host itself, or for two of one engine", () => {
    const lab = new OvirtEngine(stack, "lab", { url });
    const kvm1 = newHost(stack, "kvm1");
    const gpu = new VfioBinding(stack, "gpu", { host: kvm1, devices: { card: { address: "0000:04:00" } } });
    const card = { pci: { gpu: { device: gpu.device("card") } } };
    new PassthroughVm(stack, "vm", { on: Ovirt.vm(lab, "workstation"), ...card });
    for (const on of [Libvirt.domain(kvm1, "web"), Ovirt.vm(lab, "render")])
      expect(messageOf(() => new PassthroughVm(stack, on.vmId, { on, ...card }))).toMatch(
        /vm: pci\.gpu and .*kvm1/s,
      );
  });

  test("one engine twice, one VM twice, one device of one host twice", () => {
    const lab = new OvirtEngine(stack, "lab", { url });
    expect(messageOf(() => new OvirtEngine(stack, "again", { url: `${url}/ovirt-engine/api` }))).toContain(
      "lab",
    );
    const on = (name: string, pinTo: string) => Ovirt.vm(lab, name, { pinTo });
    new PassthroughVm(stack, "one", { on: on("one", "kvm1"), pci });
    expect(messageOf(() => new PassthroughVm(stack, "same", { on: on("one", "kvm1"), pci }))).toContain(
      "VM one",
    );
    expect(messageOf(() => new PassthroughVm(stack, "two", { on: on("two", "kvm1"), pci }))).toContain(
      "0000:04:00",
    );
    expect(() => new PassthroughVm(stack, "three", { on: on("three", "kvm2"), pci })).not.toThrow();
  });
});
