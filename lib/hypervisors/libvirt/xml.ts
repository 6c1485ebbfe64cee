import type { Element } from "@xmldom/xmldom";

/** Elements right below another one, of one name or of all. */
export function children(parent: Element, name?: string): Element[] {
  return Array.from(parent.childNodes).filter(
    (node): node is Element =>
      node.nodeType === parent.ELEMENT_NODE && (name === undefined || node.nodeName === name),
  );
}
