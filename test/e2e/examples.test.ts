/** The examples as they stand in the repository, deployed by the real `cdktf` to embedded hosts. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startEmbeddedEngine, type EmbeddedEngine, type EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { placeProviderAtHome } from "../support/mirror";
import { Account, hostVariables, Project } from "../support/project";
import { fileOf, Rig } from "../support/rig";

jest.setTimeout(300_000);

const rig = new Rig();
afterAll(() => rig.close());

/** The places of these words in the text; each must be there. */
function places(text: string, words: readonly string[]): number[] {
  return words.map((word) => {
    expect(text).toContain(word);
    return text.indexOf(word);
  });
}

describe("cluster", () => {
  let pve1: EmbeddedHost;
  let pve2: EmbeddedHost;
  let project: Project;
  let env: Record<string, string>;

  beforeAll(async () => {
    pve1 = await rig.host("proxmox-amd", "pve1");
    pve2 = await rig.host("proxmox-intel-systemd-boot", "pve2");
    const account = new Account(join(rig.folder, "home"));
    // Stands in for the registry.
    placeProviderAtHome(account.home, {
      entry: join(__dirname, "..", "support", "nullProvider.ts"),
      source: "registry.terraform.io/hashicorp/null",
      version: "3.2.4",
    });
    project = new Project("cluster", join(rig.folder, "cluster"), account);
    env = { ...hostVariables("PVE1", pve1), ...hostVariables("PVE2", pve2) };
  });

  test("the first deploy reboots one host after the other, and the author's check comes last", async () => {
    const { stdout, stderr } = await project.cdktf(["deploy", "--auto-approve"], env);
    expect(stderr).toBe("");
    const order = places(stdout, [
      "pve1: reboot issued",
      "pve1: proven: iommu=pt running, 2 of 2 functions on vfio-pci",
      "passthrough_iommu_host.pve2: Creating...",
      "pve2: reboot issued",
      "pve2: proven: intel_iommu=on iommu=pt running, 4 of 4 functions on vfio-pci",
    ]);
    expect(order).toEqual([...order].sort((one, other) => one - other));
    const [attached, checked] = places(stdout, [
      "passthrough_vm.render-vm: Creation complete",
      "render-vm has its card",
    ]);
    expect(checked).toBeGreaterThan(attached ?? Infinity);
    expect([pve1.counters().reboots, pve2.counters().reboots]).toEqual([1, 1]);
    expect(fileOf(pve2, "proc/cmdline")).toContain("intel_iommu=on iommu=pt");
    expect(await sh(pve1, "qm config 100")).toMatch(/^hostpci0: 0000:01:00,pcie=1$/m);
    expect(await sh(pve2, "qm config 200")).toMatch(/^hostpci0: 0000:03:00,pcie=1$/m);
  });

  test("the next one has nothing to do, also with another release and with the CLI's own lock switched off", async () => {
    const lock = () => readFileSync(join(project.stack("cluster"), ".terraform.lock.hcl"), "utf8");
    const ofNull = () => /^provider "registry.terraform.io\/hashicorp\/null" \{[^}]*\}/m.exec(lock())?.[0];
    const [before, kept] = [lock(), ofNull()];
    expect(kept).toMatch(/"h1:/);
    project.update("another release");

    const { stdout, stderr } = await project.cdktf(["deploy", "--auto-approve"], {
      ...env,
      CDKTF_SKIP_PROVIDER_LOCK: "true",
    });

    expect(stderr).toBe("");
    expect(stdout).toContain("0 added, 0 changed, 0 destroyed");
    expect(lock()).not.toBe(before);
    expect(ofNull()).toBe(kept);
    expect([pve1.counters().reboots, pve2.counters().reboots]).toEqual([1, 1]);
  });
});

describe("opennebula", () => {
  test("one deploy: the node holds the card, the front end lists it, the VM has every function of it", async () => {
    const node1 = await rig.host("debian-intel", "node1");
    const one = await rig.host("opennebula-frontend", "one");
    const account = new Account(join(rig.folder, "home-opennebula"));
    const project = new Project("opennebula", join(rig.folder, "opennebula"), account);

    const { stdout, stderr } = await project.cdktf(["deploy", "--auto-approve"], {
      ...hostVariables("NODE1", node1),
      ...hostVariables("ONE", one),
    });

    expect(stderr).toBe("");
    const order = places(stdout, [
      "4 of 4 functions on vfio-pci",
      "passthrough_opennebula_pci.pci: Creating...",
      "passthrough_opennebula_pci.pci: Creation complete",
      "passthrough_vm.workstation: Creating...",
    ]);
    expect(order).toEqual([...order].sort((first, second) => first - second));
    expect(await sh(one, "onehost show -j node1")).toMatch(/"SHORT_ADDRESS": "01:00\.3",[^}]*"VMID": "42"/);
    expect(await sh(one, "onetemplate show -j 7")).toContain('"CDKTF_PASSTHROUGH": "gpu"');
  });
});

/** An engine with one host, which has a card of four functions, and one VM. */
const engineOf = (name: string, more: { readonly customKernelCommandLine?: string } = {}) =>
  startEmbeddedEngine({
    world: {
      hosts: [
        {
          name,
          devices: [0, 1, 2, 3].map((fn) => ({
            ...{ address: `0000:01:00.${fn}`, id: "10de:1e84", name: "TU104", group: 2 },
          })),
          ...more,
        },
      ],
      vms: [{ name: "workstation" }],
    },
  });

describe("ovirt", () => {
  let engine: EmbeddedEngine;
  afterAll(() => engine.stop());

  test("one deploy: the host reboots and proves, the engine knows its parameters, the VM has the card", async () => {
    const kvm1 = await rig.host("debian-intel", "kvm1");
    engine = await engineOf("kvm1", { customKernelCommandLine: "nosmt" });
    const caFile = join(rig.folder, "engine.pem");
    writeFileSync(caFile, engine.ca);
    const project = new Project(
      "ovirt",
      join(rig.folder, "ovirt"),
      new Account(join(rig.folder, "home-ovirt")),
    );

    const { stdout, stderr } = await project.cdktf(["deploy", "--auto-approve"], {
      ...hostVariables("KVM1", kvm1),
      OVIRT_URL: engine.url,
      OVIRT_USER: engine.user,
      OVIRT_CA_FILE: caFile,
      PASSTHROUGH_OVIRT_PASSWORD: engine.password,
    });

    expect(stderr).toBe("");
    const order = places(stdout, [
      "kvm1: proven: intel_iommu=on iommu=pt running, 4 of 4 functions on vfio-pci",
      "passthrough_vm.workstation: Creation complete",
    ]);
    expect(order).toEqual([...order].sort((one, other) => one - other));
    expect(engine.host("kvm1").custom).toBe("nosmt intel_iommu=on iommu=pt");
    const vm = engine.vm("workstation");
    expect([vm.affinity, vm.pinnedTo]).toEqual(["pinned", [engine.host("kvm1").id]]);
    expect([...vm.devices.values()]).toEqual([false, false, false, false]);
    expect(stdout).not.toContain(engine.password);
  });
});

describe("libvirt", () => {
  test("a deploy reboots once, gives each domain its device, and has nothing to do afterwards", async () => {
    const host = await rig.host("debian-libvirt", "libvirt");
    const project = new Project(
      "libvirt",
      join(rig.folder, "libvirt-project"),
      new Account(join(rig.folder, "home-libvirt")),
    );
    const env = hostVariables("KVM1", host);

    const { stdout, stderr } = await project.cdktf(["deploy", "--auto-approve"], env);

    expect(stderr).toBe("");
    expect(stdout).toContain("kvm1: proven: intel_iommu=on iommu=pt running, 5 of 5 functions on vfio-pci");
    expect(host.counters().reboots).toBe(1);
    expect(await sh(host, "virsh dumpxml workstation")).toContain("<alias name='ua-cdktf-gpu_3'/>");
    expect(await sh(host, "virsh dumpxml storage")).toMatch(
      /<alias name='ua-cdktf-nvme_0'\/>\s*<rom bar='off'\/>/,
    );
    expect((await project.cdktf(["diff"], env)).stdout).toContain("No changes");
  });
});

describe("four-systems", () => {
  let engine: EmbeddedEngine;
  afterAll(() => engine.stop());

  test("the same words give four VMs on four systems the card that each node has", async () => {
    const pve1 = await rig.host("proxmox-amd", "four-pve1");
    const kvm1 = await rig.host("debian-libvirt", "four-kvm1");
    const node1 = await rig.host("debian-intel", "four-node1");
    const one = await rig.host("opennebula-frontend", "four-one");
    const rhv1 = await rig.host("debian-intel", "four-rhv1");
    engine = await engineOf("rhv1");
    const caFile = join(rig.folder, "four-engine.pem");
    writeFileSync(caFile, engine.ca);
    const account = new Account(join(rig.folder, "home-four"));
    const project = new Project("four-systems", join(rig.folder, "four-systems"), account);
    const env = {
      ...hostVariables("PVE1", pve1),
      ...hostVariables("KVM1", kvm1),
      ...hostVariables("NODE1", node1),
      ...hostVariables("ONE", one),
      ...hostVariables("RHV1", rhv1),
      ...{ OVIRT_URL: engine.url, OVIRT_USER: engine.user, OVIRT_CA_FILE: caFile },
      PASSTHROUGH_OVIRT_PASSWORD: engine.password,
    };

    const { stdout, stderr } = await project.cdktf(["deploy", "--auto-approve"], env);

    expect(stderr).toBe("");
    // One node after the other, whatever runs its VMs.
    const proofs = places(stdout, ["pve1: proven", "kvm1: proven", "node1: proven", "rhv1: proven"]);
    expect(proofs).toEqual([...proofs].sort((first, second) => first - second));
    expect([pve1, kvm1, node1, one, rhv1].map((host) => host.counters().reboots)).toEqual([1, 1, 1, 0, 1]);
    expect(await sh(pve1, "qm config 100")).toMatch(/^hostpci0: 0000:01:00,pcie=1$/m);
    expect(await sh(kvm1, "virsh dumpxml workstation")).toContain("<alias name='ua-cdktf-gpu_3'/>");
    expect(await sh(one, "onehost show -j node1")).toMatch(/"SHORT_ADDRESS": "01:00\.3",[^}]*"VMID": "42"/);
    expect(engine.vm("workstation").devices.size).toBe(4);
    expect((await project.cdktf(["diff"], env)).stdout).toContain("No changes");
  });
});
