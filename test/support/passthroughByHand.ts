/** Passthrough as an administrator sets it up without us, on whatever an embedded host is. */
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "./byHand";
import { fileOf } from "./rig";

/** Programs of the host: what rebuilds an initramfs, by name. */
const initramfs = {
  "update-initramfs": "update-initramfs -u -k all",
  dracut: "dracut --force --regenerate-all",
  mkinitcpio: "mkinitcpio -P",
} as const;

/** How kernel parameters get into the next boot. */
interface Loader {
  /** A program of the host, where that is how it is told. */
  readonly program?: string;
  readonly isIt?: (host: EmbeddedHost) => boolean;
  readonly add: (parameters: string, host: EmbeddedHost) => string;
}

const inGrub = (parameters: string, host: EmbeddedHost) => {
  const name = fileOf(host, "etc/default/grub")?.includes("GRUB_CMDLINE_LINUX_DEFAULT=")
    ? "GRUB_CMDLINE_LINUX_DEFAULT"
    : "GRUB_CMDLINE_LINUX";
  return `sed -i 's/^\\(${name}="[^"]*\\)"/\\1 ${parameters}"/' /etc/default/grub`;
};

const mkconfig = (program: string): Loader => ({
  program,
  add: (parameters, host) =>
    `${inGrub(parameters, host)} && ${program} -o ${host.profile.bootLoader.menu ?? ""}`,
});

const kernelCommandLine = (parameters: string) => `sed -i '1s/$/ ${parameters}/' /etc/kernel/cmdline`;

/** The first that is there. */
const loaders: readonly Loader[] = [
  {
    program: "proxmox-boot-tool",
    // Every Proxmox VE has the tool; it manages the boot where it knows of ESPs.
    isIt: (host) => fileOf(host, "etc/kernel/proxmox-boot-uuids") !== null,
    // systemd-boot on one ESP and GRUB on the other read a file each.
    add: (parameters, host) =>
      [
        kernelCommandLine(parameters),
        ...(Object.values(host.profile.bootLoader.espModes ?? {}).includes("grub")
          ? [inGrub(parameters, host)]
          : []),
        "proxmox-boot-tool refresh",
      ].join(" && "),
  },
  { program: "grubby", add: (parameters) => `grubby --update-kernel=ALL --args='${parameters}'` },
  { program: "update-grub", add: (parameters, host) => `${inGrub(parameters, host)} && update-grub` },
  mkconfig("grub2-mkconfig"),
  mkconfig("grub-mkconfig"),
  {
    program: "kernel-install",
    add: (parameters, { profile }) =>
      [
        kernelCommandLine(parameters),
        ...profile.kernels.map((release) => `kernel-install add ${release} /boot/vmlinuz-${release}`),
      ].join(" && "),
  },
  {
    isIt: (host) => fileOf(host, "boot/loader/loader.conf") !== null,
    add: (parameters) => `sed -i 's/^options .*/& ${parameters}/' /boot/loader/entries/*.conf`,
  },
];

/** By the vendor of the CPU; POWER's IOMMU is always on. */
const commandLines = {
  GenuineIntel: "intel_iommu=on iommu=pt",
  AuthenticAMD: "iommu=pt",
  none: null,
} as const;

export interface ByHand {
  /** Of one slot whose every function goes to vfio-pci. */
  readonly address: string;
  readonly ids: readonly string[];
  /** Modules that would take the functions first. */
  readonly drivers: readonly string[];
}

/** As the guides have it: the IOMMU, the modules, an ids line, soft dependencies; and the reboot. */
export async function setUpByHand(host: EmbeddedHost, { ids, drivers }: ByHand): Promise<void> {
  const there = await programsOf(host, [
    ...Object.keys(initramfs),
    ...loaders.flatMap(({ program }) => program ?? []),
  ]);
  const rebuild = Object.entries(initramfs).find(([program]) => there.has(program))?.[1];
  const loader = loaders.find(
    ({ program, isIt }) =>
      (program === undefined || there.has(program)) && (isIt === undefined || isIt(host)),
  );
  if (rebuild === undefined || loader === undefined)
    throw new Error(`Nobody has said yet how ${host.profile.name} is set up by hand.`);
  const parameters = commandLines[host.profile.cpu.vendorId ?? "none"];
  const softdeps = drivers.map((driver) => `softdep ${driver} pre: vfio-pci\\n`).join("");
  await sh(host, "printf 'vfio\\nvfio_iommu_type1\\nvfio_pci\\n' | tee /etc/modules-load.d/vfio.conf");
  await sh(
    host,
    `printf 'options vfio-pci ids=${ids.join(",")}\\n${softdeps}' | tee /etc/modprobe.d/vfio.conf`,
  );
  await sh(host, rebuild);
  // Last: it may copy the initramfs.
  if (parameters !== null) await sh(host, loader.add(parameters, host));
  await host.reboot();
}

/** Gives the card to a VM of the host, as its administrator would; code that names the VM, null where there is none. */
export async function giveByHand(host: EmbeddedHost, { address, ids }: ByHand): Promise<string | null> {
  const { proxmox, libvirt } = host.profile;
  const vm = Object.keys(proxmox?.vms ?? {})[0];
  if (vm !== undefined) {
    await sh(host, `qm set ${vm} --machine q35 --hostpci3 ${address},pcie=1`);
    return `Proxmox.vm(host, ${vm})`;
  }
  const domain = Object.keys(libvirt?.domains ?? {})[0];
  if (domain === undefined) return null;
  const [pciDomain = "", bus = "", slot = ""] = address.split(":");
  for (const at of ids.keys()) {
    const source = `<address domain="0x${pciDomain}" bus="0x${bus}" slot="0x${slot}" function="0x${at}"/>`;
    const hostdev = `<hostdev mode="subsystem" type="pci" managed="yes"><source>${source}</source></hostdev>`;
    await sh(host, `echo '${hostdev}' | tee /root/device.xml`);
    await sh(host, `virsh attach-device ${domain} /root/device.xml --config`);
  }
  await sh(host, "rm /root/device.xml");
  return `Libvirt.domain(host, "${domain}")`;
}

async function programsOf(host: EmbeddedHost, names: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await sh(
    host,
    `for name in ${names.join(" ")}; do command -v "$name" >/dev/null && echo "$name"; done; :`,
  );
  return new Set(found.split("\n"));
}
