import ts from "typescript";
import { stackOf } from "../../../lib/cli/scaffold/stack";
import type { HostFacts } from "../../../lib/model/facts";
import { hostdev, kvm } from "../../hypervisors/libvirt/host";
import { node } from "../../hypervisors/proxmox/node";
import { hostFacts, pciDevice } from "../../support/facts";

const connection = { host: "10.0.0.11", user: "root" };

test("a host with a bound card and a VM that has it", () => {
  const facts = node(
    {
      100: {
        config:
          "name: Work Station\nmachine: q35\nhostpci0: 0000:01:00,pcie=1,x-vga=1\nusb0: host=046d:c52b\n",
      },
    },
    {
      distribution: { id: "debian", idLike: [], versionId: "12", prettyName: "Debian GNU/Linux 12" },
      kernel: { release: "6.8", commandLine: "ro intel_iommu=on iommu=pt", next: "6.8", installed: ["6.8"] },
      grubForeign: { linux: "", linuxDefault: "intel_iommu=on iommu=pt" },
      files: {
        "/etc/modprobe.d/vfio.conf": "options vfio-pci ids=10de:2204,10de:1aef\nblacklist nouveau\n",
        "/etc/modules": "vfio\nvfio_iommu_type1\nvfio_pci\n",
      },
      devices: [
        pciDevice({ address: "0000:01:00.0", driver: "vfio-pci", iommuGroup: "1" }),
        pciDevice({
          address: "0000:01:00.1",
          device: "1aef",
          driver: "vfio-pci",
          iommuGroup: "1",
          name: "GA102 audio",
        }),
      ],
    },
  );
  expect(stackOf(facts, connection).source).toBe(`import { App, TerraformStack } from "cdktf";
import {
  IommuHost,
  PassthroughVm,
  Proxmox,
  VfioBinding,
} from "cdktf-passthrough";

// pve1 as it was found: Debian GNU/Linux 12, Linux 6.8, Proxmox VE 8.2.4.
// \`adopt\` imports what is there: the first deploy changes nothing. From then on
// this is where the host's passthrough is changed.
const app = new App();
const stack = new TerraformStack(app, "pve1");

const host = new IommuHost(stack, "pve1", {
  connection: { host: "10.0.0.11", user: "root" },
  kernelParameters: ["iommu=pt"],
  blacklist: ["nouveau"],
  adopt: true,
});

const gpu = new VfioBinding(stack, "gpu", {
  host,
  devices: {
    // NVIDIA Corporation GA102 [GeForce RTX 3090], GA102 audio
    card: { address: "0000:01:00" },
  },
  adopt: true,
});

new PassthroughVm(stack, "work-station", {
  on: Proxmox.vm(host, 100),
  machine: "q35",
  pci: {
    hostpci0: { device: gpu.device("card"), pcie: true, xVga: true },
  },
  usb: {
    usb0: { host: "046d:c52b" },
  },
  adopt: true,
});

app.synth();
`);
});

describe("a hostile host", () => {
  const evil = [
    '"); reboot(); ("',
    "\n reboot(); //",
    "*/ reboot() /*",
    "\u2028 reboot();",
    "${reboot()}",
    "`${reboot()}`",
  ];
  const configuredWith = (line: string): Partial<HostFacts> => ({
    grubForeign: { linux: "", linuxDefault: line },
    kernel: { release: line, commandLine: line, next: null, installed: [] },
  });

  const cases = evil.flatMap((text): [string, HostFacts][] => [
    ["hostname", hostFacts({ hostname: text })],
    [
      "distribution",
      hostFacts({ distribution: { id: text, idLike: ["debian"], versionId: text, prettyName: text } }),
    ],
    ["command line", hostFacts(configuredWith(`video="${text.replaceAll('"', "")}"`))],
    ["modprobe options", hostFacts({ files: { "/etc/modprobe.d/a.conf": `options kvm a="${text}"\n` } })],
    ["module", hostFacts({ files: { "/etc/modules": `vfio_${text}\n` } })],
    [
      "device",
      hostFacts({
        files: { "/etc/modprobe.d/a.conf": "options vfio-pci ids=10de:2204\n" },
        devices: [pciDevice({ address: "0000:01:00.0", driver: "vfio-pci", iommuGroup: "1", name: text })],
      }),
    ],
    ["domain", kvm({ [text]: { devices: hostdev("0000:02:00.0"), live: "" } })],
    [
      "VM",
      node({
        100: { config: `name: ${text}\nhostpci0: 01:00,romfile=${text}\nhostpci1: 02:00\ncpu: ${text}\n` },
      }),
    ],
  ]);

  test.each(cases)("writes nothing into its stack but data: %s", (_, facts) => {
    const { source } = stackOf(facts, connection);
    const file = ts.createSourceFile("main.ts", source, ts.ScriptTarget.ES2022, true);
    const words = new Set<string>();
    const templates: string[] = [];
    const visit = (found: ts.Node): void => {
      if (ts.isIdentifier(found)) words.add(found.text);
      if (ts.isStringLiteral(found) && /[$%]\{/.test(found.text)) templates.push(found.text);
      ts.forEachChild(found, visit);
    };
    visit(file);
    expect((file as unknown as { parseDiagnostics: unknown[] }).parseDiagnostics).toEqual([]);
    expect([...words]).not.toContain("reboot");
    expect(templates).toEqual([]);
    expect(source).toMatch(/^[\x20-\x7e\n]*$/);
  });
});

test("domains and the devices that they hold themselves", () => {
  const facts = kvm({
    "mail & web": { devices: hostdev("0000:02:00.0", { managed: "no" }), live: hostdev("0000:02:00.0") },
    日本: { devices: [0, 1].map((fn) => hostdev(`0000:03:00.${fn}`)).join("") },
    "${evil}": { devices: hostdev("0000:01:00.0") },
  });
  const { source, leftOut } = stackOf(facts, connection);
  expect(source).toContain(`new PassthroughVm(stack, "mail-web", {
  on: Libvirt.domain(host, "mail & web"),
  pci: {
    storage: { device: { address: "0000:02:00.0" }, managed: false },
  },
  adopt: true,
});

new PassthroughVm(stack, "vm", {
  on: Libvirt.domain(host, "\\u65e5\\u672c"),
  pci: {
    network: { device: { address: "0000:03:00" } },
  },
  adopt: true,
});
`);
  // The card on vfio-pci that no running domain has is missing; the one that a domain took is not.
  expect(leftOut).toEqual([
    expect.stringMatching(/0000:01:00\.0.*, on vfio-pci now, but nothing was found/),
    expect.stringMatching(/0000:01:00\.1.*, on vfio-pci now, but nothing was found/),
    "the VM ${evil}, whose name is a template to Terraform",
  ]);
});

test("names are made of what a host says, and each is given once", () => {
  const { source } = stackOf(
    node({
      100: { config: "name: 42\nhostpci0: 01:00\n" },
      101: { config: "name: pve1\nhostpci0: 02:00\n" },
    }),
    connection,
  );
  const ids = [...source.matchAll(/new PassthroughVm\(stack, "(.*)"/g)].map(([, id]) => id);
  expect(ids).toEqual(["vm100", "pve1-2"]);
});
