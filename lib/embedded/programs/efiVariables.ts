import type { Files } from "../files";

const pathOf = (name: string): string =>
  `/sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`;

/** Non-volatile, and to be read by boot services and at run time. */
const attributes = Buffer.from([7, 0, 0, 0]);

/** A variable between boot loader and system, as efivarfs shows it: four bytes of attributes, then UTF-16. */
export function writeLoaderVariable(files: Files, name: string, value: string): void {
  files.write(pathOf(name), Buffer.concat([attributes, Buffer.from(`${value}\0`, "utf16le")]));
}

export function writeLoaderFeatures(files: Files, features: bigint): void {
  const bits = Buffer.alloc(8);
  bits.writeBigUInt64LE(features);
  files.write(pathOf("LoaderFeatures"), Buffer.concat([attributes, bits]));
}

/** Its text; null if it is not there. */
export function readLoaderVariable(files: Files, name: string): string | null {
  const content = files.read(pathOf(name));
  return content === null ? null : content.slice(attributes.length).replace(/\0/g, "");
}

export function removeLoaderVariable(files: Files, name: string): void {
  files.remove(pathOf(name));
}
