import type { Problem, Settings, VmDeclaration } from "../types";
import { deviceNames, usbDeviceName } from "./names";
import { nicKey, nicText, placementKey, placementText } from "./settings";

/** What is wrong with a declaration whatever the engine says. */
export function declarationProblems(declaration: VmDeclaration): Problem[] {
  const { vmId, pci, usb, pinTo = null, nics } = declaration;
  return [
    ...name("vm_id", vmId),
    ...(pinTo === null ? [] : name("pin_to", pinTo)),
    ...Object.entries(pci).flatMap(([key, { device }]) => complaint(key, () => deviceNames(device ?? ""))),
    ...Object.entries(usb).flatMap(([key, { host }]) => complaint(key, () => usbDeviceName(host ?? ""))),
    ...Object.keys(usb)
      .filter((key) => Object.hasOwn(pci, key))
      .map((key) => ({
        key,
        detail: "It names a PCI device and a USB device. Give one of them another name.",
      })),
    ...Object.entries(nics ?? {}).flatMap(([key, { profile }]) => [
      ...name(nicKey(key), key),
      ...name(nicKey(key), profile ?? ""),
    ]),
  ].map(({ key, detail }) => ({
    severity: "error",
    key,
    summary: `${key} of VM ${JSON.stringify(vmId)} is malformed`,
    detail,
  }));
}

/**
 * The declared settings in the engine's words.
 * @throws an Error for a malformed declaration.
 */
export function desiredSettings(declaration: VmDeclaration): Settings {
  const [malformed] = declarationProblems(declaration);
  if (malformed) throw new Error(`${malformed.summary}: ${malformed.detail}`);
  const { pci, usb, pinTo = null, nics } = declaration;
  return Object.fromEntries([
    ...Object.entries(pci).map(([key, { device }]) => [key, deviceNames(device ?? "")] as const),
    ...Object.entries(usb).map(([key, { host }]) => [key, usbDeviceName(host ?? "")] as const),
    ...(pinTo === null ? [] : [[placementKey, placementText("pinned", [pinTo])] as const]),
    ...Object.entries(nics ?? {}).map(
      ([key, { profile }]) => [nicKey(key), nicText("pci_passthrough", profile ?? "")] as const,
    ),
  ]);
}

interface Malformed {
  readonly key: string;
  readonly detail: string;
}

/** Ids and names of the engine; a comma or a line break would not be one in the lines of `settings`. */
function name(key: string, text: string): Malformed[] {
  if (/^[\p{L}\p{N}_.+-]{1,255}$/u.test(text) && !/^\.+$/.test(text)) return [];
  return [
    {
      key,
      detail: `${JSON.stringify(text)} is not a name of the engine. Expected letters, digits, ., _, + and -, or an id.`,
    },
  ];
}

function complaint(key: string, check: () => unknown): Malformed[] {
  try {
    check();
    return [];
  } catch (error) {
    return [{ key, detail: error instanceof Error ? error.message : String(error) }];
  }
}
