import { creationProblems } from "./creation";
import { formatPciSlot, pciKey, pciSlotProblems } from "./hostpci";
import { formatNic, nicKey, nicProblems } from "./nic";
import { formatUsbSlot, usbKey, usbSlotProblems } from "./hostusb";
import type { Problem, Settings, VmDeclaration } from "../types";
import { settings } from "./vmSettings";

/** What is wrong with a declaration whatever the host. */
export function declarationProblems(declaration: VmDeclaration): Problem[] {
  const { vmId, pci, usb, nics = {}, create } = declaration;
  return [
    ...(/^[1-9]\d{2,8}$/.test(vmId)
      ? []
      : [{ key: "vm_id", detail: `${JSON.stringify(vmId)} is not a VM id. Expected a number from 100 on.` }]),
    ...slotProblems(pci, pciKey, "hostpci0 to hostpci15", pciSlotProblems),
    ...slotProblems(usb, usbKey, "usb0 to usb13", usbSlotProblems),
    ...slotProblems(nics, nicKey, "net0 to net31", nicProblems),
    ...settingProblems(declaration),
    ...(create === null ? [] : creationProblems(create).map((detail) => ({ key: "create", detail }))),
    ...(create !== null && create.bridge !== null && Object.hasOwn(nics, "net0")
      ? [
          {
            key: "create",
            detail: "bridge makes net0, which is declared among the nics too. Leave bridge out.",
          },
        ]
      : []),
  ].map(({ key, detail }) => ({
    severity: "error",
    key,
    summary: `${key} of VM ${vmId} is malformed`,
    detail,
  }));
}

/**
 * The declared settings in Proxmox VE's words.
 * @throws an Error for a malformed declaration.
 */
export function desiredSettings(declaration: VmDeclaration): Settings {
  const [malformed] = declarationProblems(declaration);
  if (malformed) throw new Error(`${malformed.summary}: ${malformed.detail}`);
  return Object.fromEntries([
    ...Object.entries(declaration.pci).map(([key, slot]) => [key, formatPciSlot(slot)] as const),
    ...Object.entries(declaration.usb).map(([key, slot]) => [key, formatUsbSlot(slot)] as const),
    ...Object.entries(declaration.nics ?? {}).map(([key, nic]) => [key, formatNic(nic)] as const),
    ...Object.entries(settings).flatMap(([key, { of, write }]) => {
      const values = of(declaration);
      return values === null ? [] : [[key, write(values)] as const];
    }),
  ]);
}

interface Malformed {
  readonly key: string;
  readonly detail: string;
}

function slotProblems<S>(
  slots: Readonly<Record<string, S>>,
  form: RegExp,
  range: string,
  check: (slot: S) => string[],
): Malformed[] {
  return Object.entries(slots).flatMap(([key, slot]) =>
    form.test(key)
      ? check(slot).map((detail) => ({ key, detail }))
      : [{ key, detail: `There is no slot ${JSON.stringify(key)}. Expected ${range}.` }],
  );
}

function settingProblems(declaration: VmDeclaration): Malformed[] {
  return Object.entries(settings).flatMap(([key, { of, grammar, expected }]) =>
    (of(declaration) ?? []).flatMap((value, at, values) => [
      ...(grammar.test(value)
        ? []
        : [{ key, detail: `${JSON.stringify(value)} is not valid. Expected ${expected}.` }]),
      ...(values.indexOf(value) < at
        ? [{ key, detail: `${JSON.stringify(value)} is named more than once.` }]
        : []),
    ]),
  );
}
