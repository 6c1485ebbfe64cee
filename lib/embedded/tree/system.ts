import type { Files } from "../files";
import { writeLoaderFeatures, writeLoaderVariable } from "../programs/efiVariables";
import type { Profile } from "../profiles/types";

const efivarfs =
  "48 24 0:31 / /sys/firmware/efi/efivars rw,nosuid,nodev,noexec,relatime shared:9 - efivarfs efivarfs rw\n";

/** As 255 has them: the third bit of the first byte says that it starts an entry once. */
const systemdBootFeatures = 0x3ffn;

/** /proc, and what /sys says about the machine as a whole, right after the kernel started. */
export function layOutSystem(
  files: Files,
  profile: Profile,
  release: string,
  iommuTable: string | null,
): void {
  const { cpu, dmi, firmware } = profile;
  const processor = (at: number) =>
    cpu.vendorId === null
      ? `processor\t: ${at}\ncpu\t\t: ${cpu.model}\n\n`
      : `processor\t: ${at}\nvendor_id\t: ${cpu.vendorId}\nmodel name\t: ${cpu.model}\nflags\t\t: ${cpu.flags}\n\n`;
  const texts: Record<string, string> = {
    "/proc/cpuinfo": Array.from({ length: cpu.threads }, (_, at) => processor(at)).join(""),
    "/proc/version": `Linux version ${release}\n`,
    "/proc/sys/kernel/osrelease": `${release}\n`,
    "/proc/sys/kernel/hostname": `${profile.hostname}\n`,
    "/proc/sys/kernel/tainted": "0\n",
    "/proc/uptime": "12.34 90.12\n",
    "/proc/meminfo":
      "MemTotal:       131072000 kB\nMemFree:        120000000 kB\nMemAvailable:   122000000 kB\n",
    "/proc/filesystems": "nodev\tsysfs\nnodev\tproc\nnodev\ttmpfs\n\text4\n\tvfat\n",
    "/proc/self/mountinfo": profile.mounts + (firmware.efi ? efivarfs : ""),
    "/proc/swaps": `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n${profile.swaps}`,
    "/proc/modules": "",
    "/proc/mdstat": mdstat(profile),
    "/proc/consoles": "tty0                 -WU (EC p  )    4:7\n",
    "/proc/net/route": "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n",
    "/sys/class/dmi/id/sys_vendor": `${dmi.vendor}\n`,
    "/sys/class/dmi/id/product_name": `${dmi.product}\n`,
    "/sys/class/dmi/id/board_name": `${dmi.product}\n`,
    "/sys/kernel/kexec_loaded": "0\n",
    "/dev/kmsg": "",
  };
  for (const [path, text] of Object.entries(texts)) files.write(path, text);
  for (const folder of [
    "/proc/net",
    "/sys/class/net",
    "/sys/class/block",
    "/sys/block",
    "/sys/dev/block",
    "/run/lock",
    "/run/systemd/system",
    "/dev/vfio",
  ]) {
    files.folderAt(folder);
  }
  if (firmware.efi) files.folderAt("/sys/firmware/efi/efivars");
  const { kind, stub } = profile.bootLoader;
  if (kind === "loader-entries") {
    writeLoaderVariable(files, "LoaderInfo", "systemd-boot 255.4");
    writeLoaderFeatures(files, systemdBootFeatures);
  }
  if (stub) writeLoaderVariable(files, "StubInfo", stub);
  if (iommuTable) files.write(`/sys/firmware/acpi/tables/${iommuTable}`, `${iommuTable}\0`);
  files.write("/sys/firmware/acpi/tables/FACP", "FACP\0");
}

function mdstat(profile: Profile): string {
  const arrays = profile.stackedDisks.flatMap(({ name, md, slaves }) =>
    md ? [`${name} : active ${md} ${slaves.map((slave, at) => `${slave}[${at}]`).join(" ")}\n`] : [],
  );
  return `Personalities : [raid1]\n${arrays.join("")}unused devices: <none>\n`;
}
