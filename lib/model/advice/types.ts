import type { BootDeclaration, BootFunction } from "../bootConfiguration";
import type { Observation } from "../observation";
import type { OwnedFiles } from "../ownedFiles";
import type { Platform } from "../platform";

/** What the rules look at: what is declared, and what others wrote on the host. */
export interface AdviceContext {
  readonly declaration: BootDeclaration;
  readonly platform: Platform;
  readonly observation: Observation;
  /** What the bindings hold from boot on. */
  readonly functions: readonly BootFunction[];
  /** Our own lines on the host, which are nobody's bad advice. */
  readonly base: OwnedFiles;
}

/** Something that a rule found. */
export interface Finding {
  /** Part of the declaration, or a file of the host. */
  readonly where: string;
  /** As it stands there. */
  readonly text: string;
  /** What is wrong with it, as the rest of a sentence that begins with it: `does nothing: ...`. */
  readonly words: string;
}

/** A line that is often copied and does nothing, does harm, or does something else than it says. */
export interface AdviceRule {
  readonly name: string;
  /** What it looks at, and when it applies, in words. */
  readonly applies: string;
  /** Where that stands: a document or a source file. */
  readonly source: string;
  find(context: AdviceContext): Finding[];
}

export interface Advice extends Finding {
  readonly rule: string;
  readonly source: string;
}
