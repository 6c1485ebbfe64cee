/** The plans that are reviewed, each made in a rig of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataResource, TerraformVariable, type TerraformStack } from "cdktf";
import {
  IommuHost,
  Libvirt,
  OpenNebula,
  OpenNebulaPciFilter,
  Ovirt,
  OvirtEngine,
  OvirtHost,
  PassthroughVm,
  Proxmox,
  VfioBinding,
  VirtualFunctions,
  type IommuHostProps,
} from "../../lib";
import { startEmbeddedEngine, type EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { HandWritten } from "../support/handWritten";
import { connect, type Rig } from "../support/rig";
import type { trimmed } from "./trimmed";

type Shown = Parameters<typeof trimmed>[0];
export type Case = (rig: Rig) => Promise<Shown>;

const card = { address: "0000:01:00" };

/** The plan as `terraform show -json` prints it. */
export async function shown(
  rig: Rig,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Shown> {
  const file = join(rig.folder, "plan");
  const { code, stdout, stderr } = await rig.tf.run(["plan", "-no-color", `-out=${file}`, ...args], env);
  if (code !== 0) throw new Error(`terraform plan exited with ${code}\n${stdout}\n${stderr}`);
  return JSON.parse(await rig.tf.succeed("show", "-json", file)) as Shown;
}

function host(
  stack: TerraformStack,
  name: string,
  embedded: EmbeddedHost,
  props: Partial<IommuHostProps> = {},
) {
  return new IommuHost(stack, name, {
    connection: connect(embedded),
    kernelParameters: ["iommu=pt"],
    owner: "review",
    ...props,
  });
}

/** As in examples/cluster, without its check. */
export function cluster(pve1: EmbeddedHost, pve2: EmbeddedHost, ...parameters: string[]) {
  return (stack: TerraformStack): void => {
    const kernelParameters = ["iommu=pt", ...parameters];
    const first = host(stack, "pve1", pve1, { kernelParameters });
    const second = host(stack, "pve2", pve2, { kernelParameters });
    const render = new VfioBinding(stack, "render", { host: first, devices: { card } });
    const compute = new VfioBinding(stack, "compute", {
      host: second,
      devices: { card: { address: "0000:03:00" } },
    });
    new PassthroughVm(stack, "render-vm", {
      on: Proxmox.vm(first, 100),
      machine: "q35",
      pci: { hostpci0: { device: render.device("card"), pcie: true } },
    });
    new PassthroughVm(stack, "compute-vm", {
      on: Proxmox.vm(second, 200),
      pci: { hostpci0: { device: compute.device("card"), pcie: true } },
    });
  };
}

/** Two VMs and two storage devices of one host. */
function storage(embedded: EmbeddedHost, given: Readonly<Record<number, "hba" | "nvme">>) {
  return (stack: TerraformStack): void => {
    const pve1 = host(stack, "pve1", embedded);
    const devices = { hba: { address: "0000:06:00" }, nvme: { address: "0000:04:00" } };
    const binding = new VfioBinding(stack, "storage", { host: pve1, devices });
    for (const [id, device] of Object.entries(given))
      new PassthroughVm(stack, `vm${id}`, {
        on: Proxmox.vm(pve1, Number(id)),
        pci: { hostpci0: { device: binding.device(device) } },
      });
  };
}

async function twoHosts(rig: Rig): Promise<[EmbeddedHost, EmbeddedHost]> {
  return [await rig.host("proxmox-amd", "a"), await rig.host("proxmox-intel-systemd-boot", "b")];
}

const create: Case = async (rig) => {
  await rig.stack(cluster(...(await twoHosts(rig))));
  return shown(rig);
};

const deployed = async (rig: Rig): Promise<[EmbeddedHost, EmbeddedHost]> => {
  const hosts = await twoHosts(rig);
  await rig.stack(cluster(...hosts));
  await rig.apply();
  return hosts;
};

const nothing: Case = async (rig) => {
  await deployed(rig);
  return shown(rig);
};

/** Somebody has edited a file, taken a card from a VM and given another one back to its driver. */
const drift: Case = async (rig) => {
  const [pve1, pve2] = await deployed(rig);
  const file = join(pve1.root, "etc/default/grub.d/zz-cdktf-passthrough.cfg");
  writeFileSync(file, `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT"\n`);
  await sh(pve1, "qm set 100 --delete hostpci0");
  await sh(pve2, "echo 0000:03:00.1 | tee /sys/bus/pci/drivers/vfio-pci/unbind");
  await sh(pve2, "echo | tee /sys/bus/pci/devices/0000:03:00.1/driver_override");
  await sh(pve2, "echo 0000:03:00.1 | tee /sys/bus/pci/drivers/snd_hda_intel/bind");
  return shown(rig);
};

const reboot: Case = async (rig) => {
  const hosts = await deployed(rig);
  await rig.stack(cluster(...hosts, "nosmt"));
  return shown(rig);
};

/** What is found and what is asked for, on one host. */
const driftAndReboot: Case = async (rig) => {
  const hosts = await deployed(rig);
  await sh(hosts[0], "qm set 100 --delete hostpci0");
  await rig.stack(cluster(...hosts, "nosmt"));
  return shown(rig);
};

const swap: Case = async (rig) => {
  const pve1 = await rig.host("proxmox-amd");
  await sh(pve1, "qm unlock 102");
  await rig.stack(storage(pve1, { 100: "hba", 102: "nvme" }));
  await rig.apply();
  await rig.stack(storage(pve1, { 100: "nvme", 102: "hba" }));
  return shown(rig);
};

const destroy: Case = async (rig) => {
  await deployed(rig);
  return shown(rig, ["-destroy"]);
};

/** No route to the hosts, and nothing remembered of them. */
const offline: Case = async (rig) => {
  await rig.stack(cluster(...(await twoHosts(rig))));
  return shown(rig, [], { PASSTHROUGH_OFFLINE: "1" });
};

/** No route to hosts that an earlier deploy has seen. */
const offlineUpdate: Case = async (rig) => {
  const hosts = await deployed(rig);
  await rig.stack(cluster(...hosts, "nosmt"));
  return shown(rig, [], { PASSTHROUGH_OFFLINE: "1" });
};

const twenty: Case = async (rig) => {
  const hosts: EmbeddedHost[] = [];
  for (let at = 1; at <= 20; at++) hosts.push(await rig.host("proxmox-amd", `host${at}`));
  await rig.stack((stack) => {
    hosts.forEach((embedded, at) => {
      const name = `pve${String(at + 1).padStart(2, "0")}`;
      const declared = host(stack, name, embedded);
      const binding = new VfioBinding(stack, `${name}-gpu`, { host: declared, devices: { card } });
      new PassthroughVm(stack, `${name}-render`, {
        on: Proxmox.vm(declared, 100),
        pci: { hostpci0: { device: binding.device("card"), pcie: true } },
      });
    });
  });
  return shown(rig);
};

/** A guest that is restarted for its change, on a host that does not reboot. */
const restart: Case = async (rig) => {
  const pve1 = await rig.host("proxmox-amd");
  const declare = (vga?: string) => (stack: TerraformStack) => {
    const declared = host(stack, "pve1", pve1);
    new PassthroughVm(stack, "router", { on: Proxmox.vm(declared, 101), cpu: "host", vga, restart: true });
  };
  await rig.stack(declare());
  await rig.apply();
  await rig.stack(declare("none"));
  return shown(rig);
};

const risks: Case = async (rig) => {
  const pve1 = await rig.host("proxmox-amd");
  await rig.stack((stack) => {
    const declared = host(stack, "pve1", pve1, {
      kernelParameters: ["iommu=pt", "pcie_acs_override=downstream,multifunction"],
      allowUnsafeInterrupts: true,
    });
    const binding = new VfioBinding(stack, "gpus", {
      host: declared,
      devices: { cards: { id: "10de:2204" }, sounds: { id: "10de:1aef" }, usb: { address: "0000:09:00.3" } },
      allowCritical: ["0000:09:00.3"],
      liveRebind: true,
    });
    new PassthroughVm(stack, "workstation", {
      on: Proxmox.vm(declared, 100),
      machine: "q35",
      pci: { hostpci0: { device: binding.device("usb"), pcie: true } },
    });
  });
  return shown(rig);
};

/** A guest leaves one host and is declared on another. */
const move: Case = async (rig) => {
  const [pve1, pve2] = [await rig.host("proxmox-amd", "a"), await rig.host("proxmox-amd", "b")];
  const declare = (on: "pve1" | "pve2") => (stack: TerraformStack) => {
    const hosts = { pve1: host(stack, "pve1", pve1), pve2: host(stack, "pve2", pve2) };
    const bindings = Object.entries(hosts).map(
      ([name, declared]) =>
        [
          name,
          new VfioBinding(stack, `${name}-hba`, {
            host: declared,
            devices: { hba: { address: "0000:06:00" } },
          }),
        ] as const,
    );
    const binding = Object.fromEntries(bindings)[on];
    if (binding === undefined) throw new Error(`There is no host ${on}.`);
    new PassthroughVm(stack, "storage", {
      on: Proxmox.vm(hosts[on], 100),
      pci: { hostpci0: { device: binding.device("hba") } },
    });
  };
  await rig.stack(declare("pve1"));
  await rig.apply();
  await rig.stack(declare("pve2"));
  return shown(rig);
};

/** A value that another resource gives. */
const unknown: Case = async (rig) => {
  const pve1 = await rig.host("proxmox-amd");
  await rig.stack((stack) => {
    const pages = new DataResource(stack, "pages", { input: { parameter: "hugepages=16" } });
    const declared = host(stack, "pve1", pve1);
    declared.addOverride("kernel_parameters", ["iommu=pt", `\${${pages.fqn}.output.parameter}`]);
  });
  return shown(rig);
};

/** A value that nobody may read: Terraform marks it in `modprobe_options`, and knows nothing of it in `files`. */
const secret: Case = async (rig) => {
  const pve1 = await rig.host("proxmox-amd");
  await rig.stack((stack) => {
    const key = new TerraformVariable(stack, "key", {
      type: "string",
      sensitive: true,
      default: "correct-horse",
    });
    host(stack, "pve1", pve1, { modprobeOptions: { kvm: `nx_huge_pages=${key.stringValue}` } });
  });
  return shown(rig);
};

/** Words of somebody who wants to write the review. */
export const evil = `\`\n# Approved <img src=x onerror=alert(1)> [ok](https://evil.example) @everyone <!-- --> | "a"; end`;

const hostile: Case = async (rig) => {
  const pve1 = await rig.host("proxmox-amd");
  const name = `pve1 ${evil}`;
  const stack = await HandWritten.over(rig, { [name]: connect(pve1) });
  stack.write({
    passthrough_iommu_host: { h: { host: name, owner: evil, kernel_parameters: ["iommu=pt"] } },
    passthrough_vfio_binding: {
      b: {
        host: name,
        name: evil,
        devices: { [evil]: { address: "0000:01:00", id: null } },
        depends_on: ["passthrough_iommu_host.h"],
      },
    },
    terraform_data: { t: { for_each: { [evil]: "a" }, input: evil } },
  });
  return shown(rig);
};

/** A card goes from one domain to another, and one that runs is restarted for its disk. */
const libvirt: Case = async (rig) => {
  const kvm1 = await rig.host("debian-libvirt");
  const declare = (given: Readonly<Record<string, "card" | "nvme">>) => (stack: TerraformStack) => {
    const declared = host(stack, "kvm1", kvm1);
    const devices = { card, nvme: { address: "0000:02:00" } };
    const binding = new VfioBinding(stack, "cards", { host: declared, devices });
    for (const [name, device] of Object.entries(given))
      new PassthroughVm(stack, `vm-${name.replace(/\W+/g, "-")}`, {
        on: Libvirt.domain(declared, name),
        pci: { [device]: { device: binding.device(device) } },
        restart: true,
      });
  };
  await rig.stack(declare({ workstation: "card" }));
  await rig.apply();
  await rig.stack(declare({ storage: "card", "mail & web": "nvme" }));
  return shown(rig);
};

/** What the probe lists, and a VM that asks for a kind of device. */
const openNebula: Case = async (rig) => {
  const one = await rig.host("opennebula-frontend");
  await rig.stack((stack) => {
    const cloud = new OpenNebula(stack, "one", { connection: connect(one) });
    new OpenNebulaPciFilter(stack, "pci", { frontEnd: cloud, filter: ["10de:*", "8086::0403"] });
    new PassthroughVm(stack, "vm42", {
      on: OpenNebula.vm(cloud, 42),
      pci: { gpu: { request: { vendor: "10de", class: "0300" } } },
    });
    new PassthroughVm(stack, "template7", {
      on: OpenNebula.template(cloud, 7),
      pci: { gpu: { request: { vendor: "10de", device: "1e84" } } },
    });
  });
  return shown(rig);
};

/** Virtual functions of a network card that come to be, and one of them given to a VM. */
const functions: Case = async (rig) => {
  const pve1 = await rig.host("proxmox-amd");
  await rig.stack((stack) => {
    const declared = host(stack, "pve1", pve1);
    const fast = new VirtualFunctions(stack, "fast", { host: declared, of: "0000:05:00.1", count: 2 });
    new PassthroughVm(stack, "router", {
      on: Proxmox.vm(declared, 101),
      pci: { hostpci0: { device: fast.function(1) } },
    });
  });
  return shown(rig);
};

/** A VM of an engine gets another device, and the engine learns of a host's kernel parameters. */
const ovirt: Case = async (rig) => {
  const engine = await startEmbeddedEngine();
  const kvm1 = await rig.host("debian-libvirt");
  try {
    const declare = (device: string, told?: "told") => (stack: TerraformStack) => {
      const { url, user, ca } = engine;
      const lab = new OvirtEngine(stack, "lab", { url, user, ca });
      new PassthroughVm(stack, "workstation", {
        on: Ovirt.vm(lab, "workstation"),
        pci: { gpu: { device: { address: device } } },
      });
      if (told !== undefined)
        new OvirtHost(stack, "kvm1-at-engine", {
          host: host(stack, "kvm1", kvm1),
          engine: lab,
          name: "kvm1",
        });
    };
    const secret = { PASSTHROUGH_OVIRT_PASSWORD_LAB: engine.password };
    await rig.stack(declare("0000:05:00.0"), secret);
    await rig.apply();
    await rig.stack(declare("0000:04:00", "told"), secret);
    return await shown(rig);
  } finally {
    await engine.stop();
  }
};

/** Somebody else's plan. */
const plain: Case = async (rig) => {
  const stack = await HandWritten.over(rig, {});
  stack.write({ terraform_data: { one: { input: 1 }, two: { input: 2 } } });
  await rig.apply();
  stack.write({ terraform_data: { two: { input: 3 }, three: { input: 3 } } });
  return shown(rig);
};

export const cases: Readonly<Record<string, Case>> = {
  create,
  nothing,
  drift,
  reboot,
  "drift-and-reboot": driftAndReboot,
  swap,
  destroy,
  offline,
  "offline-update": offlineUpdate,
  twenty,
  restart,
  risks,
  move,
  unknown,
  secret,
  hostile,
  plain,
  libvirt,
  opennebula: openNebula,
  ovirt,
  functions,
};
