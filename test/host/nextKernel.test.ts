import { compareReleases, nextKernel, type BootChoice } from "../../lib/host/nextKernel";

const OLD = "6.1.0-9-amd64";
const NEW = "6.1.0-18-amd64";
const GRUB: BootChoice = {
  installed: [NEW, OLD, "6.1.0-1-amd64"],
  pins: { nextBoot: null, always: null },
  grubDefault: "0",
  grubEnvironment: {},
  proxmoxBootTool: false,
  systemdBoot: null,
};
const SYSTEMD: BootChoice = {
  ...GRUB,
  grubDefault: null,
  systemdBoot: {
    entries: { [`0a1b-${OLD}.conf`]: OLD, [`0a1b-${NEW}.conf`]: NEW, "windows.conf": null },
    wanted: ["", "", ""],
  },
};
const wanting = (...wanted: readonly string[]): BootChoice => ({
  ...SYSTEMD,
  systemdBoot: { entries: SYSTEMD.systemdBoot?.entries ?? {}, wanted },
});
const PROXMOX: BootChoice = { ...GRUB, grubDefault: null, proxmoxBootTool: true };

test.each<[string, BootChoice, string | null]>([
  ["the newest by default", GRUB, NEW],
  ["none is installed", { ...GRUB, installed: [] }, null],
  ["settings that cannot be evaluated", { ...GRUB, grubDefault: null }, null],
  ["no GRUB_DEFAULT", { ...GRUB, grubDefault: "" }, NEW],
  [
    "a title",
    { ...GRUB, grubDefault: `Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux ${OLD}` },
    OLD,
  ],
  ["an id", { ...GRUB, grubDefault: `gnulinux-advanced-1234>gnulinux-${OLD}-advanced-1234` }, OLD],
  [
    "an id whose release begins another's",
    { ...GRUB, grubDefault: "gnulinux-6.1.0-1-amd64-advanced-1234" },
    "6.1.0-1-amd64",
  ],
  ["the simple entry", { ...GRUB, grubDefault: "gnulinux-simple-1234" }, NEW],
  ["a position", { ...GRUB, grubDefault: "1>2" }, null],
  ["another system's entry", { ...GRUB, grubDefault: "Windows Boot Manager" }, null],
  [
    "saved",
    { ...GRUB, grubDefault: "saved", grubEnvironment: { saved_entry: `gnulinux-${OLD}-advanced-1` } },
    OLD,
  ],
  ["saved, but nothing is", { ...GRUB, grubDefault: "saved" }, NEW],
  ["once", { ...GRUB, grubEnvironment: { next_entry: `x>gnulinux-${OLD}-advanced-1` } }, OLD],
  ["once, empty", { ...GRUB, grubEnvironment: { next_entry: "" } }, NEW],
  ["a BLS entry", { ...GRUB, grubDefault: "saved", grubEnvironment: { saved_entry: `0a1b-${OLD}` } }, OLD],
  ["systemd-boot: the newest", SYSTEMD, NEW],
  ["systemd-boot: an entry", wanting("", "", `0a1b-${OLD}.conf`), OLD],
  ["systemd-boot: an entry without its suffix", wanting("", "", `0a1b-${OLD}`), OLD],
  ["systemd-boot: the newest that a pattern fits", wanting("", "", "0a1b-*"), NEW],
  [
    "systemd-boot: what the firmware remembers goes before loader.conf",
    wanting("", `0a1b-${OLD}.conf`, "0a1b-*"),
    OLD,
  ],
  ["systemd-boot: once", wanting(`0a1b-${OLD}.conf`, "", `0a1b-${NEW}.conf`), OLD],
  ["systemd-boot: another system's entry", wanting("", "", "windows.conf"), null],
  ["systemd-boot: whatever was started last", wanting("", "", "@saved"), null],
  ["systemd-boot: a pattern of hostile letters", wanting("", "", "(a+)+$[.conf"), null],
  ["proxmox-boot-tool: the newest", PROXMOX, NEW],
  ["proxmox-boot-tool: pinned", { ...PROXMOX, pins: { nextBoot: null, always: OLD } }, OLD],
  ["proxmox-boot-tool: pinned for the next boot", { ...PROXMOX, pins: { nextBoot: NEW, always: OLD } }, NEW],
  [
    "proxmox-boot-tool: pinned to what is gone",
    { ...PROXMOX, pins: { nextBoot: null, always: "5.15" } },
    null,
  ],
])("%s", (_case, choice, expected) => {
  expect(nextKernel(choice)).toBe(expected);
});

test.each([
  ["6.1.0-9-amd64", "6.1.0-18-amd64"],
  ["6.8.12-1-pve", "6.8.12-10-pve"],
  ["5.15.100-1-pve", "6.2.1-1-pve"],
])("%s is older than %s", (older, newer) => {
  expect(compareReleases(older, newer)).toBeLessThan(0);
  expect(compareReleases(newer, older)).toBeGreaterThan(0);
});
