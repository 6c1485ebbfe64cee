/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** What a check of accessibility looks for, computed in the page. */
import type { Page } from "playwright-core";

export interface Contrast {
  readonly text: string;
  readonly ratio: number;
  /** WCAG 2: 24 px, or 18.66 px and bold. */
  readonly large: boolean;
}

/** Of every visible text, against what it stands on. */
export function contrastsOf(page: Page): Promise<Contrast[]> {
  return page.evaluate(() => {
    const parts = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (colour: string) => {
      const [red = 0, green = 0, blue = 0] = parts(colour).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const groundOf = (element: Element): string => {
      for (let at: Element | null = element; at; at = at.parentElement) {
        const ground = getComputedStyle(at).backgroundColor;
        if ((parts(ground)[3] ?? 1) > 0) return ground;
      }
      return "rgb(255, 255, 255)";
    };
    const visible = [...document.querySelectorAll("body *")].filter(
      (element) =>
        element.checkVisibility() &&
        [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()),
    );
    return visible.map((element) => {
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      const [light = 0, dark = 0] = [luminance(style.color), luminance(groundOf(element))].sort(
        (a, b) => b - a,
      );
      return {
        text: element.textContent?.slice(0, 40) ?? "",
        ratio: (light + 0.05) / (dark + 0.05),
        large: size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700),
      };
    });
  });
}

/** What can be focused, is a landmark or a picture, and has no name for those who do not see it. */
export async function unnamed(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const roles = [
    "link",
    "button",
    "DisclosureTriangle",
    "searchbox",
    "combobox",
    "checkbox",
    "region",
    "navigation",
    "search",
    "image",
  ];
  return nodes
    .filter((node) => !node.ignored && roles.includes(String(node.role?.value)) && !node.name?.value)
    .map((node) => `${String(node.role?.value)} ${node.nodeId}`);
}
