import { DOMParser } from "@xmldom/xmldom";
import fc from "fast-check";
import { escape, Markup, markup } from "../../lib/map/markup";

test("what is written into markup is text", () => {
  const hostile = `</title><script>alert("1")</script>&amp;' onload='x`;
  expect(markup`<p title="${hostile}">${hostile}</p>`.text).toBe(
    `<p title="&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39; onload=&#39;x">` +
      `&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39; onload=&#39;x</p>`,
  );
});

test("markup stays markup, lists are joined, null is nothing", () => {
  expect(markup`<b>${[markup`<i/>`, markup`${1}`]}${null}${new Markup("<u/>")}</b>`.text).toBe(
    "<b><i/>1<u/></b>",
  );
});

test.each([
  ["a control character", "a\u0000b\u001bc"],
  ["half of a surrogate pair", "a\ud800bc"],
  ["a turned direction", "a\u202ebc"],
  ["an isolate", "a\u2066bc"],
])("%s does not get through", (_, text) => {
  expect(escape(text)).toMatch(/^a\ufffdb/);
});

test("what is no letter of XML or turns the text around is all that is lost", () => {
  expect(escape("Größe 日本語 🂡\t\n")).toBe("Größe 日本語 🂡\t\n");
});

test("any text comes back from an XML parser as it was, in an element and in an attribute", () => {
  const printable = fc.string({ unit: "binary" }).map((text) => text.replace(/[^\P{C}]/gu, ""));
  fc.assert(
    fc.property(printable, (text) => {
      const { documentElement: element } = new DOMParser().parseFromString(
        markup`<e a="${text}">${text}</e>`.text,
        "text/xml",
      );
      // XML itself reads line ends in attributes as spaces.
      expect(element?.getAttribute("a")).toBe(text);
      expect(element?.textContent).toBe(text);
    }),
  );
});
