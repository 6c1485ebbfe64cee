/** What the host itself says, by its own tools. */
import type { Machine } from "./machine";

export interface Device {
  readonly address: string;
  readonly id: string;
  readonly driver: string | null;
  readonly iommuGroup: string | null;
  readonly name: string;
}

/** As `lspci` tells it. */
export async function devices(host: Machine): Promise<Device[]> {
  const blocks = (await host.sh("lspci -Dvmmnnk")).split(/\n\n+/);
  return blocks.map((block) => {
    const fields = new Map(
      block.split("\n").map((line) => {
        const [, key = "", value = ""] = /^(\w+):\t(.*)$/.exec(line) ?? [];
        return [key, value];
      }),
    );
    const [vendor, device] = [named(fields.get("Vendor")), named(fields.get("Device"))];
    // lspci says "Vendor" and "Device" where its list of names has none.
    const words = device.name === "Device" ? `Device ${device.id}` : device.name;
    return {
      address: fields.get("Slot") ?? "",
      id: `${vendor.id}:${device.id}`,
      driver: fields.get("Driver") ?? null,
      iommuGroup: fields.get("IOMMUGroup") ?? null,
      name: vendor.name === "Vendor" ? "" : `${vendor.name} ${words}`,
    };
  });
}

function named(field = ""): { name: string; id: string } {
  const [, name = "", id = ""] = /^(.*) \[([0-9a-f]{4})\]$/.exec(field) ?? [];
  return { name, id };
}

export async function driverOf(host: Machine, address: string): Promise<string> {
  return host.sh(`basename "$(readlink /sys/bus/pci/devices/${address}/driver)"`);
}

/** Everything in /etc and what the boot loader reads, by path: mode, owner, link target and digest. */
export async function configuration(host: Machine): Promise<Record<string, string>> {
  const all = "find /etc $(ls -d /boot/grub/grub.cfg /boot/efi/loader/entries 2>/dev/null)";
  const listed = await host.sh(
    `${all} -printf '%p\\t%M %u:%g %l\\n'; ${all} -type f -exec sha256sum {} + | sed 's/^\\([^ ]*\\)  \\(.*\\)/\\2\\t\\1/'`,
  );
  const found: Record<string, string> = {};
  for (const line of listed.split("\n")) {
    const [path = "", words = ""] = line.split("\t");
    found[path] = `${found[path] ?? ""} ${words}`.trim();
  }
  return found;
}

/** What the initramfs of the running kernel holds, by the tool of whatever made it. */
export async function initramfs(host: Machine): Promise<string[]> {
  const image = "/boot/initrd.img-$(uname -r)";
  // As ls -l: the name stands behind the time, or the year.
  const dracut = `lsinitrd ${image} | sed -nE 's/ -> .*//; s/^[-dlcb]\\S{9} .* ([0-9]{2}:[0-9]{2}|[0-9]{4}) (.*)/\\2/p'`;
  const list = `if command -v lsinitrd >/dev/null; then ${dracut}; else lsinitramfs ${image}; fi`;
  return (await host.sh(list)).split("\n").sort();
}
