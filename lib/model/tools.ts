/** The Debian package of each program that a change needs. */
const packages: Readonly<Record<string, string>> = {
  flock: "util-linux",
  sha256sum: "coreutils",
  base64: "coreutils",
  od: "coreutils",
  timeout: "coreutils",
  sync: "coreutils",
  df: "coreutils",
  awk: "mawk",
  modprobe: "kmod",
  ip: "iproute2",
  "update-initramfs": "initramfs-tools",
  "update-grub": "grub2-common",
  "proxmox-boot-tool": "proxmox-kernel-helper",
};

/** What to install, in words: `flock (util-linux), ip (iproute2)`. */
export function describeTools(tools: readonly string[]): string {
  return tools
    .map((tool) => (packages[tool] === undefined ? tool : `${tool} (${packages[tool]})`))
    .join(", ");
}
