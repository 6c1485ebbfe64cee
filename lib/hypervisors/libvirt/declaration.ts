import type { PciSlot, Problem, Settings, UsbSlot, VmDeclaration } from "../types";
import { formatSlot, pciSlotOf, slotProblems, usbSlotOf } from "./slot";

// libvirt allows more, but a name is a line of a list, part of a file's name and of an import id.
export const domainName = /^(?!\s*$)[^/\p{Cc}]{1,200}$/u;

/** What is wrong with a declaration whatever the host. */
export function declarationProblems(declaration: VmDeclaration): Problem[] {
  const { vmId, pci, usb } = declaration;
  const found = [
    ...(domainName.test(vmId)
      ? []
      : [
          {
            key: "vm_id",
            detail: `${JSON.stringify(vmId)} is not the name of a domain. Expected one that \`virsh list --all\` shows, without line breaks, control characters and slashes.`,
          },
        ]),
    ...malformed(pci, "pci"),
    ...malformed(usb, "usb"),
    ...Object.keys(usb)
      .filter((name) => Object.hasOwn(pci, name))
      .map((key) => ({ key, detail: "It names a PCI slot and a USB slot. Rename one of them." })),
  ];
  return found.map(({ key, detail }) => ({
    severity: "error",
    key,
    summary: `${key} of domain ${JSON.stringify(vmId)} is malformed`,
    detail,
  }));
}

/**
 * The declared devices by slot, such as `pci 0000:01:00 managed=yes`.
 * @throws an Error for a malformed declaration.
 */
export function desiredSettings(declaration: VmDeclaration): Settings {
  const [wrong] = declarationProblems(declaration);
  if (wrong) throw new Error(`${wrong.summary}: ${wrong.detail}`);
  return Object.fromEntries([
    ...Object.entries(declaration.pci).map(([name, slot]) => [name, formatSlot(pciSlotOf(slot))] as const),
    ...Object.entries(declaration.usb).map(([name, slot]) => [name, formatSlot(usbSlotOf(slot))] as const),
  ]);
}

function malformed(slots: Readonly<Record<string, PciSlot | UsbSlot>>, kind: "pci" | "usb") {
  return Object.entries(slots).flatMap(([key, slot]) =>
    slotProblems(slot, kind).map((detail) => ({ key, detail })),
  );
}
