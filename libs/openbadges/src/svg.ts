// Reading a credential out of an SVG (Open Badges 3.0 §5.3.2): `<openbadges:credential verify="JWT">`, or JSON in its
// CDATA. Not an XML parser: it knows what it takes to find that one element, and refuses what could make another program
// see another one (entities) or run code (scripts, handlers).
import { MalformedError } from './json-text.js';

const NAMESPACE = 'https://purl.imsglobal.org/ob/v3p0';

const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<!DOCTYPE[^[>]*>|<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[A-Za-z_][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
const ATTRIBUTE = /([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp;', '&'],
  ['lt;', '<'],
  ['gt;', '>'],
  ['quot;', '"'],
  ['apos;', "'"],
]);

/** The five entities of XML and character references; without a DTD there are no others. */
function unescape(text: string): string {
  return text.replaceAll(/&([^;\s]{0,10};?)/g, (whole, name: string) => {
    const code = /^#(?:x([\da-f]{1,6})|(\d{1,7}));$/i.exec(name);
    if (code) {
      const point = code[1] ? Number.parseInt(code[1], 16) : Number(code[2]);
      if (point > 0 && point <= 0x10ffff) return String.fromCodePoint(point);
    }
    const known = ENTITIES.get(name);
    if (known === undefined) throw new MalformedError('svg-entity', `the SVG uses an unknown entity ${whole}`);
    return known;
  });
}

function attributesOf(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name, double, single] of text.matchAll(ATTRIBUTE)) {
    if (attributes.has(name as string)) throw new MalformedError('svg-syntax', `the SVG repeats the attribute ${name}`);
    attributes.set(name as string, unescape(double ?? single ?? ''));
  }
  return attributes;
}

function refuseScripts(name: string, attributes: ReadonlyMap<string, string>): void {
  const local = name.slice(name.indexOf(':') + 1).toLowerCase();
  const handler = [...attributes].find(
    ([key, value]) => /^on/i.test(key) || /^\s*javascript:/i.test(value.replaceAll(/[\t\r\n]/g, '')),
  );
  if (local === 'script' || local === 'foreignobject' || handler)
    throw new MalformedError('svg-script', `the SVG holds a script (${handler?.[0] ?? name})`);
}

/** The first baked credential: a JWT or JSON. Throws {@link MalformedError}. */
export function readSvg(text: string): string {
  const path: string[] = [];
  let prefix: string | undefined;
  let inside = false;
  let found: string | undefined;
  let content = '';
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(text);
    if (!token) {
      if (/^<!(DOCTYPE|ENTITY)/i.test(text.slice(at, at + 9)))
        throw new MalformedError('svg-dtd', 'the SVG brings its own DTD: entities could hide what it says');
      throw new MalformedError('svg-syntax', `the SVG is not well-formed at character ${at}`);
    }
    const [whole, cdata, closing, name, attributeText, empty, plain] = token;
    if (inside && cdata !== undefined) content += cdata;
    if (inside && plain !== undefined) content += unescape(plain);
    if (name === undefined) {
      if (/^<\?xml(-|\s)/.test(whole) && (at > 0 || whole.startsWith('<?xml-')))
        throw new MalformedError('svg-script', 'the SVG holds a style sheet or a second XML declaration');
      continue;
    }
    if (closing) {
      if (path.pop() !== name) throw new MalformedError('svg-syntax', `</${name}> closes another element`);
      if (inside) found ??= content.trim();
      inside = false;
      continue;
    }
    const attributes = attributesOf(attributeText ?? '');
    refuseScripts(name, attributes);
    if (path.length === 0) {
      if (name.slice(name.indexOf(':') + 1) !== 'svg') throw new MalformedError('not-svg', 'the XML is no SVG');
      prefix = [...attributes].find(([key, uri]) => key.startsWith('xmlns:') && uri === NAMESPACE)?.[0].slice(6);
    }
    if (inside) throw new MalformedError('svg-syntax', 'the credential element of the SVG holds other elements');
    if (prefix !== undefined && name === `${prefix}:credential` && found === undefined) {
      found = attributes.get('verify')?.trim();
      inside = found === undefined && !empty;
      content = '';
    }
    if (!empty) path.push(name);
  }
  if (path.length > 0) throw new MalformedError('svg-syntax', `the SVG ends inside <${path.at(-1)}>`);
  if (!found) throw new MalformedError('not-baked', 'the SVG holds no credential');
  return found;
}
