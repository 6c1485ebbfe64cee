import { markup, type Markup } from "./markup";
import type { Icon } from "./deviceKinds";
import { roleNames, type Role } from "./roles";

/** Drawn with lines in a field of 16 by 16, in the colour of the text beside. */
const drawings: Readonly<Record<Icon | Role | "reboot" | "change", string>> = {
  display: "M2 3h12v8H2zM8 11v2.5M5 13.5h6",
  disk: "M2.5 3h11v10h-11zM2.5 9.5h11M10.8 11.3h.4",
  network: "M5.5 2.5h5v4h-5zM8 6.5v3M3.5 9.5h9M3.5 9.5v3.5M12.5 9.5v3.5M8 9.5v3.5",
  audio: "M2.5 6v4H5l4 3V3L5 6zM11 6c1 1.2 1 2.8 0 4M12.8 4.2c2 2.3 2 5.3 0 7.6",
  usb: "M8 13.5v-11M6.5 4 8 2.2 9.5 4M8 11 4.5 8.6V6.5M8 9l3.5-2.2V5M3.8 5.8h1.4v1.2H3.8zM10.8 3.8h1.4V5h-1.4z",
  bridge: "M2 11.5h12M3.5 11.5V7.8c2.4-3.4 6.6-3.4 9 0v3.7M8 5.3v6.2",
  chip: "M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14",
  host: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  blocked: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM4.2 4.2l7.6 7.6",
  vm: "M5 3.5v9l7.5-4.5z",
  bound: "M8 2.5 13.5 8 8 13.5 2.5 8z",
  free: "M3 8.5 6.5 12 13 4.5",
  untold: "M5.5 6a2.5 2.5 0 1 1 3.7 2.2C8.3 8.7 8 9.2 8 10M8 12.8v.1",
  reboot: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  change: "M3 5.5h9M9.5 3 12 5.5 9.5 8M13 10.5H4M6.5 8 4 10.5 6.5 13",
};

/** One `<symbol>` for each, to be used by `icon`. */
export function symbols(): Markup {
  return markup`<defs>${Object.entries(drawings).map(
    ([name, path]) => markup`<symbol id="i-${name}" viewBox="0 0 16 16"><path d="${path}"/></symbol>`,
  )}${roleNames.map(pattern)}</defs>`;
}

export function icon(
  name: keyof typeof drawings,
  x: number,
  y: number,
  size: number,
  className: string,
): Markup {
  return markup`<use href="#i-${name}" x="${x}" y="${y}" width="${size}" height="${size}" class="icon ${className}"/>`;
}

/** The strip beside a device is another pattern for each role: no colour is needed to tell them apart. */
const stripes: Readonly<Record<Role, string>> = {
  host: "M-1 3 3 -1M-1 9 9 -1M3 9 9 3",
  blocked: "M-1 -1 9 9M-1 9 9 -1",
  vm: "M0 4h8",
  bound: "M4 4h.01",
  free: "",
  untold: "M0 2h8M0 6h8",
  bridge: "",
};

function pattern(role: Role): Markup {
  return markup`<pattern id="p-${role}" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" class="strip ${role}"/><path d="${stripes[role]}" class="stripe"/></pattern>`;
}
