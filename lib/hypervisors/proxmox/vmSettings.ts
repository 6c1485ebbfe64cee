import { pciKey, samePciValue } from "./hostpci";
import { sameUsbValue, usbKey } from "./hostusb";
import { nicKey, satisfiesNic } from "./nic";
import { parseProperties, printProperties, type Properties } from "./propertyString";
import type { VmDeclaration } from "../types";

/** A setting that is not a device. */
interface Setting {
  /** What is declared; null where it is not ours. */
  readonly of: (declaration: VmDeclaration) => readonly string[] | null;
  readonly write: (values: readonly string[]) => string;
  /** Of each declared value. */
  readonly grammar: RegExp;
  readonly expected: string;
  /** What it means where it is not set. */
  readonly absent: string | null;
  /** Key of the part that is written without a name. */
  readonly main: string;
  /** Whether a main part is what was wanted: `pc-q35-8.1` is a `q35`. */
  readonly is: (actual: string, wanted: string) => boolean;
  /** Parts that nobody declared stay when the main one changes. */
  readonly keepsOthers: boolean;
}

const equal = (actual: string, wanted: string) => actual === wanted;

/** `,flags=+aes;+pcid` and the like. */
const others = "(?:,[a-z0-9-]+=[A-Za-z0-9.+;_-]+)*";
const version = "\\d+(?:\\.\\d+)+(?:\\+pve\\d+)?(?:\\.pxe)?";

/** Keys of what a VM can boot from. */
export const bootable = /^(?:hostpci|usb|net|scsi|sata|ide|virtio)\d+$/;

const single = (values: readonly string[]) => values.join();

/** Every setting but the devices, by key. */
export const settings: Readonly<Record<string, Setting>> = {
  machine: {
    of: ({ machine }) => (machine === null ? null : [machine]),
    write: single,
    grammar: new RegExp(
      `^(?:pc|q35|virt|pc(?:-i440fx)?-${version}|pc-q35-${version}|virt-${version})${others}$`,
    ),
    expected: "q35, pc, virt, or one with its version such as pc-q35-8.1",
    absent: "pc",
    main: "type",
    is: isMachine,
    keepsOthers: true,
  },
  cpu: {
    of: ({ cpu }) => (cpu === null ? null : [cpu]),
    write: single,
    grammar: new RegExp(`^[a-z0-9][a-z0-9._+-]*${others}$`, "i"),
    expected: "a CPU type such as host or x86-64-v3, and options such as `,flags=+aes`",
    absent: null,
    main: "cputype",
    is: equal,
    keepsOthers: true,
  },
  bios: {
    of: ({ bios }) => (bios === null ? null : [bios]),
    write: single,
    grammar: /^(?:ovmf|seabios)$/,
    expected: "ovmf or seabios",
    absent: "seabios",
    main: "bios",
    is: equal,
    keepsOthers: false,
  },
  vga: {
    of: ({ vga }) => (vga === null ? null : [vga]),
    write: single,
    grammar: new RegExp(`^(?:none|std|cirrus|vmware|qxl[2-4]?|serial[0-3]|virtio|virtio-gl)${others}$`),
    expected: "none, std, virtio, qxl, serial0 or another display that Proxmox VE knows",
    absent: null,
    main: "type",
    is: equal,
    keepsOthers: false,
  },
  balloon: {
    of: ({ balloon }) => (balloon === null ? null : [String(balloon)]),
    write: single,
    grammar: /^\d{1,9}$/,
    expected: "MiB, a whole number; 0 switches ballooning off",
    absent: null,
    main: "balloon",
    is: (actual, wanted) => Number(actual) === Number(wanted),
    keepsOthers: false,
  },
  boot: {
    of: ({ bootOrder }) => bootOrder,
    write: (devices) => `order=${devices.join(";")}`,
    grammar: bootable,
    expected: "the key of a device such as hostpci0, scsi0 or net0",
    absent: null,
    main: "legacy",
    is: equal,
    keepsOthers: false,
  },
};

/** Whether a configured value (null: not set) is what is wanted. */
export function satisfies(key: string, actual: string | null, wanted: string): boolean {
  if (actual === wanted) return true;
  if (pciKey.test(key)) return actual !== null && samePciValue(actual, wanted);
  if (usbKey.test(key)) return actual !== null && sameUsbValue(actual, wanted);
  if (nicKey.test(key)) return actual !== null && satisfiesNic(actual, wanted);
  const setting = settingOf(key);
  const value = actual ?? setting?.absent ?? null;
  if (setting === undefined || value === null) return false;
  const have = parseProperties(value, setting.main);
  const want = parseProperties(wanted, setting.main);
  return (
    have !== null &&
    want !== null &&
    Object.entries(want).every(([part, text]) => {
      const found = have[part];
      return (
        found !== undefined && (part === setting.main ? setting.is(found, text) : sameList(found, text, part))
      );
    })
  );
}

/** What to write where `wanted` is not satisfied: parts of the value that nobody declared stay. */
export function merged(key: string, actual: string | null, wanted: string): string {
  const setting = settingOf(key);
  const have = actual === null || !setting?.keepsOthers ? null : parseProperties(actual, setting.main);
  const want = setting && parseProperties(wanted, setting.main);
  if (!setting || !have || !want) return wanted;
  const keep: Properties = { ...have, ...want };
  return printProperties(keep, setting.main);
}

/** Whether a VM's machine is a q35, with or without a version. */
export function isQ35(machine: string | undefined): boolean {
  return satisfies("machine", machine ?? null, "q35");
}

function settingOf(key: string): Setting | undefined {
  return Object.hasOwn(settings, key) ? settings[key] : undefined;
}

function isMachine(actual: string, wanted: string): boolean {
  const family = { q35: /^pc-q35-/, pc: /^pc-(?!q35)/, virt: /^virt-/ }[wanted];
  return actual === wanted || family?.test(actual) === true;
}

/** Lists joined by `;` are sets for a CPU (flags) and in order for `boot`. */
function sameList(a: string, b: string, part: string): boolean {
  const list = (text: string) => (part === "flags" ? text.split(";").sort().join(";") : text);
  return list(a) === list(b);
}
