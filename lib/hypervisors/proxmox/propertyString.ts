/** Options of a value such as `0000:01:00,pcie=1`; the one without a name stands under its default key. */
export type Properties = Readonly<Record<string, string>>;

/** Reads Proxmox VE's property string; null where it is none. */
export function parseProperties(text: string, defaultKey: string): Properties | null {
  const properties: Record<string, string> = {};
  for (const part of text.split(",").filter((piece) => piece.trim() !== "")) {
    const equals = part.indexOf("=");
    const key = equals < 0 ? defaultKey : part.slice(0, equals).trim();
    if (Object.hasOwn(properties, key)) return null;
    properties[key] = part.slice(equals + 1).trim();
  }
  return properties;
}

/** Writes them in the order given; `bare` is the key that stands without its name, first. */
export function printProperties(properties: Properties, bare: string): string {
  const { [bare]: first, ...rest } = properties;
  const named = Object.entries(rest).map(([key, value]) => `${key}=${value}`);
  return [...(first === undefined ? [] : [first]), ...named].join(",");
}

/** Proxmox VE's words for yes and no; anything else is neither. */
export function parseBoolean(text: string): boolean | null {
  if (/^(1|on|yes|true)$/i.test(text)) return true;
  return /^(0|off|no|false)$/i.test(text) ? false : null;
}
