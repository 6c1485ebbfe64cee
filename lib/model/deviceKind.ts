/** What a device is called by its class. */
const kinds: readonly (readonly [classes: RegExp, name: string])[] = [
  [/^03/, "gpu"],
  [/^04/, "sound"],
  [/^01/, "storage"],
  [/^02/, "network"],
  [/^0c03/, "usb"],
  [/^12/, "accelerator"],
];

/** A word that may be part of a name. @param pciClass six hex digits, or fewer */
export function kindOfClass(pciClass: string): string {
  return kinds.find(([classes]) => classes.test(pciClass))?.[1] ?? "device";
}
