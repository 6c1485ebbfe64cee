/**
 * Nobody knows the font that the picture is seen in: widths of letters in parts of the size, of a wide font. The first
 * row that fits counts.
 */
const widths: readonly (readonly [letters: RegExp, width: number])[] = [
  [/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u, 1],
  [/\p{Extended_Pictographic}/u, 1.3],
  [/[ijlI.,:;'|!]/, 0.32],
  [/[ ()[\]/rtf"-]/, 0.39],
  [/[mwMW@%]/, 0.95],
  [/[A-Z]/, 0.69],
];
const usual = { text: 0.61, code: 0.61 } as const;

/** @param size of the font, in pixels */
export function widthOf(text: string, size: number, code = false): number {
  return [...text].reduce((sum, letter) => sum + letterWidth(letter, code), 0) * size;
}

/** As much of a text as there is room for; an ellipsis says that there is more. */
export function clipped(text: string, room: number, size: number, code = false): string {
  if (widthOf(text, size, code) <= room) return text;
  let used = size;
  let kept = "";
  for (const letter of text) {
    used += letterWidth(letter, code) * size;
    if (used > room) break;
    kept += letter;
  }
  return `${kept.trimEnd()}…`;
}

function letterWidth(letter: string, code: boolean): number {
  const found = widths.find(([letters]) => letters.test(letter))?.[1];
  return code ? Math.max(usual.code, found ?? 0) : (found ?? usual.text);
}
