/**
 * What a real machine looks like to the probe, kept as text: the files that it reads there, and what it made of them.
 * `MACHINE_RECORD=1 npm run test:machine` writes it anew; test/embedded/recorded.test.ts plays it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostFacts } from "../../lib/model/facts";
import { differences } from "./factFormats";
import type { Machine } from "./machine";

export interface Recording {
  readonly facts: HostFacts;
  /** Content by path; below /sys/devices where a device really stands. */
  readonly files: Readonly<Record<string, string>>;
  /** Where a link leads, by its path. */
  readonly links: Readonly<Record<string, string>>;
}

/** By the embedded host that is to be like it. */
export type RecordingName = "debian" | "debian-dracut" | "debian-systemd-boot";

export function recording(name: RecordingName): Recording {
  return JSON.parse(readFileSync(fileOf(name), "utf8")) as Recording;
}

/** The machine tells every fact in the form that was recorded; with MACHINE_RECORD set it is recorded first. */
export async function expectRecorded(name: RecordingName, host: Machine, facts: HostFacts): Promise<void> {
  if (process.env["MACHINE_RECORD"] !== undefined) await record(name, host, facts);
  expect(differences(recording(name).facts, facts)).toEqual([]);
}

async function record(name: RecordingName, host: Machine, facts: HostFacts): Promise<void> {
  const entries = (await host.sh(list)).split("\n").map((line) => line.split("\t"));
  const of = (kind: string) =>
    entries.flatMap(([each, path = "", words = ""]) => (each === kind ? [[path, words] as const] : []));
  const files = of("file").map(
    ([path, text]) => [path, Buffer.from(text, "base64").toString("utf8")] as const,
  );
  // Pages of words that are not the machine's own.
  const told = { ...facts, libvirt: null, qemuDriver: null };
  const kept: Recording = {
    facts: told,
    files: Object.fromEntries(files),
    links: Object.fromEntries(of("link")),
  };
  writeFileSync(fileOf(name), `${JSON.stringify(kept, null, 2)}\n`);
}

function fileOf(name: RecordingName): string {
  return join(__dirname, "recorded", `${name}.json`);
}

/** Prints every file and link that the probe reads of the boot, the devices and our own settings. */
const list = `
file() {
  [ -f "$1" ] && [ -r "$1" ] && printf 'file\\t%s\\t%s\\n' "$1" "$(base64 -w 0 <"$1")"
}
link() {
  [ -e "$1" ] && printf 'link\\t%s\\t%s\\n' "$1" "$(readlink -f "$1")"
}
for path in /etc/os-release /etc/machine-id /etc/fstab /etc/default/grub /etc/default/grub.d/*.cfg \\
  /etc/modprobe.d/*.conf /etc/modules /etc/modules-load.d/*.conf /etc/initramfs-tools/modules \\
  /etc/dracut.conf.d/*.conf /etc/kernel/cmdline /boot/grub/grub.cfg /boot/grub/grubenv \\
  /boot/efi/loader/loader.conf /boot/efi/loader/entries/*.conf \\
  /proc/cmdline /proc/cpuinfo /proc/self/mountinfo /proc/sys/kernel/hostname /proc/sys/kernel/osrelease \\
  /proc/sys/kernel/random/boot_id /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name \\
  /sys/kernel/iommu_groups/*/reserved_regions; do
  file "$path"
done
for path in /boot/vmlinuz-* /boot/initrd.img-* /boot/efi/*/*/initrd* /sys/firmware/acpi/tables/DMAR; do
  [ ! -e "$path" ] || printf 'file\\t%s\\t\\n' "$path"
done
printf 'file\\t%s\\t\\n' "/lib/modules/$(uname -r)/modules.builtin"
for path in /sys/class/iommu/* /sys/bus/pci/drivers/*/module; do
  link "$path"
done
for path in /sys/firmware/efi/efivars/Loader* /sys/firmware/efi/efivars/Stub*; do
  file "$path"
done
for device in /sys/bus/pci/devices/*; do
  link "$device"
  device=$(readlink -f "$device")
  for name in vendor device class revision subsystem_vendor subsystem_device driver_override boot_vga modalias \\
    reset_method secondary_bus_number nvme/nvme*/serial net/*/address net/*/addr_assign_type; do
    for path in "$device"/$name; do
      file "$path"
    done
  done
  link "$device/driver"
  link "$device/iommu_group"
done
for module in /sys/bus/pci/drivers/*/module /sys/module/vfio* /sys/module/kvm* \\
  $(ls /sys/bus/pci/drivers | sed 's:-:_:g; s:^:/sys/module/:'); do
  for path in "$(readlink -f "$module")"/parameters/*; do
    file "$path"
  done
done
`;
