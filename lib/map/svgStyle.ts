import { Markup } from "./markup";
import { roleNames } from "./roles";
import { fonts, schemes, type Scheme } from "./theme";

const shapes = `text{font:13px ${fonts.text};fill:currentColor}
.name{font-size:22px;font-weight:700}.side{font-size:16px;font-weight:650}.bus{font-size:12px;font-weight:600;letter-spacing:.02em}
.group{font-size:12.5px;font-weight:650}.small{font-size:12px}.badge{font-size:11.5px;font-weight:600}.strong{font-weight:650}
.code{font-family:${fonts.code};font-size:12px}.code.strong{font-size:12.5px}.end{text-anchor:end}
.edge{fill:none;stroke-width:1.5}.icon{fill:none;stroke:currentColor;stroke-width:1.4;stroke-linecap:round;stroke-linejoin:round}
.stripe{fill:none;stroke-width:2;stroke-linecap:round}`;

/** Plain rules, no variables: also what is no browser draws them. The last scheme is the one that prints. */
function colours({ page, card, ink, quiet, line, change, changed, roles }: Scheme): string {
  return [
    `svg{color:${ink}}.page{fill:${page}}.card{fill:${card};stroke:${line}}`,
    `text{fill:${ink}}.quiet,.bus{fill:${quiet};color:${quiet}}.edge,.rule{stroke:${line}}.stripe{stroke:${card}}`,
    `.change.ink{fill:${change.ink};color:${change.ink}}.change.ground{fill:${change.ground}}.changed{fill:${changed}}`,
    ...roleNames.map(
      (role) =>
        `.${role}.ink{fill:${roles[role].ink};color:${roles[role].ink}}.${role}.ground{fill:${roles[role].ground}}.${role}.strip{fill:${roles[role].ink}}`,
    ),
    // Icons are lines in the colour of the text.
    `.icon{fill:none!important}`,
  ].join("\n");
}

/** Made of constants only. */
export const svgStyle = new Markup(
  `${shapes}\n${colours(schemes.light)}\n@media (prefers-color-scheme:dark){${colours(schemes.dark)}}`,
);
