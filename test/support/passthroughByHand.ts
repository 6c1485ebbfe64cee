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

/** What brings kernel parameters into the next boot, by a program of the host; the first that is there. */
const bootLoaders = {
  "proxmox-boot-tool": (parameters: string) =>
    `sed -i '1s/$/ ${parameters}/' /etc/kernel/cmdline && proxmox-boot-tool refresh`,
  grubby: (parameters: string) => `grubby --update-kernel=ALL --args='${parameters}'`,
  "update-grub": (parameters: string) => `${inGrub(parameters)} && update-grub`,
  "grub2-mkconfig": (parameters: string) =>
    `${inGrub(parameters)} && grub2-mkconfig -o "$PASSTHROUGH_ROOT/boot/grub2/grub.cfg"`,
  "grub-mkconfig": (parameters: string) =>
    `${inGrub(parameters)} && grub-mkconfig -o "$PASSTHROUGH_ROOT/boot/grub/grub.cfg"`,
} as const;

const inGrub = (parameters: string) =>
  `sed -i 's/^\\(GRUB_CMDLINE_LINUX_DEFAULT="[^"]*\\)"/\\1 ${parameters}"/' /etc/default/grub`;

const espList = "/etc/kernel/proxmox-boot-uuids";

export interface ByHand {
  /** Of one slot whose every function goes to vfio-pci. */
  readonly address: string;
  readonly ids: readonly string[];
  /** Modules that would take the functions first. */
  readonly drivers: readonly string[];
}

/** As the guides have it: the IOMMU, the modules, an ids line, soft dependencies; and the reboot. */
export async function setUpByHand(host: EmbeddedHost, { ids, drivers }: ByHand): Promise<void> {
  const there = await programsOf(host, [...Object.keys(initramfs), ...Object.keys(bootLoaders)]);
  const rebuild = Object.entries(initramfs).find(([program]) => there.has(program))?.[1];
  const loader = Object.entries(bootLoaders).find(
    // Every Proxmox VE has the tool; it manages the boot where it knows of ESPs.
    ([program]) => there.has(program) && (program !== "proxmox-boot-tool" || fileOf(host, espList) !== null),
  )?.[1];
  if (rebuild === undefined || loader === undefined)
    throw new Error(`Nobody has said yet how ${host.profile.name} is set up by hand.`);
  const parameters = host.profile.cpu.vendorId === "GenuineIntel" ? "intel_iommu=on iommu=pt" : "iommu=pt";
  const softdeps = drivers.map((driver) => `softdep ${driver} pre: vfio-pci\\n`).join("");
  await sh(host, loader(parameters));
  await sh(host, "printf 'vfio\\nvfio_iommu_type1\\nvfio_pci\\n' | tee /etc/modules-load.d/vfio.conf");
  await sh(
    host,
    `printf 'options vfio-pci ids=${ids.join(",")}\\n${softdeps}' | tee /etc/modprobe.d/vfio.conf`,
  );
  await sh(host, rebuild);
  await host.reboot();
}

async function programsOf(host: EmbeddedHost, names: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await sh(
    host,
    `for name in ${names.join(" ")}; do command -v "$name" >/dev/null && echo "$name"; done; :`,
  );
  return new Set(found.split("\n"));
}
