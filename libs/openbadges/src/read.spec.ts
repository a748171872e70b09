import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { MAX_CREDENTIAL_BYTES, MAX_FILE_BYTES, readPresented } from './read.js';
import { SHARED_IS_THERE, sharedFile, withShared } from './test-samples.js';

const JWT = 'eyJh.eyJi.c2ln';
const read = (content: string | Uint8Array) =>
  readPresented(typeof content === 'string' ? Buffer.from(content) : content);
const codeOf = (content: string | Uint8Array): string | undefined => {
  const presented = read(content);
  return 'malformed' in presented ? presented.malformed.code : undefined;
};

describe('a JWT or JSON', () => {
  it.each([
    ['a JWT', JWT],
    ['with white space around', `  ${JWT}\r\n`],
    ['after a byte order mark', `\uFEFF${JWT}`],
  ])('%s', (_what, text) => {
    expect(read(text)).toEqual({ form: 'vc-jwt', jwt: JWT });
  });

  it('JSON', () => {
    expect(read('{"a": [1, {"b": "c", "d": -1.5e3}]}')).toEqual({
      form: 'json',
      json: { a: [1, { b: 'c', d: -1500 }] },
    });
  });

  it('an enveloped credential', () => {
    const json = { type: ['EnvelopedVerifiableCredential'], id: `data:application/vc+jwt,${JWT}` };
    expect(read(JSON.stringify(json))).toEqual({ form: 'json', jwt: JWT });
    expect(codeOf(JSON.stringify({ ...json, id: 'data:text/html,x' }))).toBe('enveloped');
  });

  it('the same key in two objects, or as key and value, is no duplicate', () => {
    expect(codeOf('{"a": {"b": "a"}, "b": [{"a": "b"}, {"a": "b"}]}')).toBeUndefined();
  });

  const refused: readonly [what: string, text: string | Uint8Array, code: string][] = [
    ['nothing', '', 'unreadable'],
    ['prose', 'see attachment', 'unreadable'],
    ['a list', '[]', 'unreadable'],
    ['broken JSON', '{"a":', 'json-syntax'],
    ['text after JSON', '{} {}', 'json-syntax'],
    ['a duplicate key', '{"a":1,"b":2,"a":3}', 'json-duplicate-key'],
    ['a duplicate key in a list', '{"x":[{"a":1,"a":1}]}', 'json-duplicate-key'],
    ['a duplicate key after a nested object', '{"a":{"a":1},"b":[],"a":2}', 'json-duplicate-key'],
    ['a duplicate key in escapes', '{"a":1,"\\u0061":2}', 'json-duplicate-key'],
    ['a duplicate key before white space', '{"a":1,"a" \n\t:2}', 'json-duplicate-key'],
    ['an escaped quote in a key', '{"a\\"":1,"a\\"":2}', 'json-duplicate-key'],
    ['__proto__', '{"__proto__":{}}', 'json-key'],
    ['__proto__ in escapes', '{"x":{"__\\u0070roto__":{}}}', 'json-key'],
    ['half a surrogate pair', '{"a":"\\udc00"}', 'json-surrogate'],
    ['a number beyond any double', '{"a":-1e400}', 'json-number'],
    ['65 levels', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 'json-depth'],
    ['100,000 levels', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'json-depth'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), 'utf8'],
    ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), 'utf8'],
    ['a JWS in JSON form', '{"payload":"e30","signatures":[]}', 'jws-json'],
    ['a flattened JWS', '{"payload":"e30","protected":"e30","signature":"x"}', 'jws-json'],
    ['a credential over 1 MiB', `{"a":"${'x'.repeat(MAX_CREDENTIAL_BYTES)}"}`, 'too-large'],
    ['a file over 5 MiB', Buffer.alloc(MAX_FILE_BYTES + 1, 0x20), 'too-large'],
  ];
  it.each(refused)('refuses %s', (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('reads whatever JSON.stringify writes, as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (value) => {
        const text = JSON.stringify(value);
        fc.pre(
          !text.includes('"__proto__"') && text.isWellFormed() && !/\\ud[89a-f]/i.test(text) && !('payload' in value),
        );
        expect(read(text)).toEqual({ form: 'json', json: JSON.parse(text) as unknown });
      }),
    );
  });
});

describe('a PNG', () => {
  const chunk = (type: string, data: string | Buffer, crc?: number): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), Buffer.from(data as string)]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(body.length - 4, 0);
    frame.writeUInt32BE(crc ?? crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const png = (...chunks: Buffer[]): Buffer =>
    Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', Buffer.alloc(13)),
      ...chunks,
      chunk('IEND', ''),
    ]);
  const baked = (text: string): Buffer => chunk('iTXt', `openbadgecredential\0\0\0\0\0${text}`);

  it('gives the first credential baked in, before or after the pixels', () => {
    expect(read(png(baked(JWT), chunk('IDAT', 'x')))).toEqual({ form: 'png', jwt: JWT });
    expect(read(png(chunk('IDAT', 'x'), chunk('iTXt', 'Comment\0\0\0\0\0hi'), baked('{"ä":1}'), baked(JWT)))).toEqual({
      form: 'png',
      json: { ä: 1 },
    });
  });

  const body = `openbadgecredential\0\0\0\0\0${JWT}`;
  it.each([
    ['none baked in', png(chunk('IDAT', 'x')), 'not-baked'],
    ['one after its end', Buffer.concat([png(), baked(JWT)]), 'not-baked'],
    ['a wrong checksum', png(chunk('iTXt', body, 1)), 'png-crc'],
    ['a compressed text', png(chunk('iTXt', `openbadgecredential\0\x01\0\0\0${JWT}`)), 'png-itxt'],
    ['a language', png(chunk('iTXt', `openbadgecredential\0\0\0en\0\0${JWT}`)), 'png-itxt'],
    ['half a chunk', png(baked(JWT)).subarray(0, 60), 'png-truncated'],
    ['a length beyond the file', png(Buffer.from('\xff\xff\xff\xffiTXt', 'latin1')), 'png-truncated'],
    [
      'no UTF-8',
      png(chunk('iTXt', Buffer.concat([Buffer.from('openbadgecredential\0\0\0\0\0'), Buffer.from([0xff])]))),
      'utf8',
    ],
    ['duplicate keys', png(baked('{"a":1,"a":2}')), 'json-duplicate-key'],
    ['prose', png(baked('hello')), 'unreadable'],
    ['too much text', png(baked(`{"a":"${'x'.repeat(MAX_CREDENTIAL_BYTES)}"}`)), 'too-large'],
  ])('refuses one with %s', (_what, file, code) => {
    expect(codeOf(file)).toBe(code);
  });
});

describe('an SVG', () => {
  const NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0"';
  const svg = (inside: string, head = ''): string => `${head}<svg ${NS}>${inside}</svg>`;
  const element = `<openbadges:credential verify="${JWT}"></openbadges:credential>`;
  const doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">';

  it.each([
    ['in verify', svg(element)],
    ['in an empty element', svg(`<openbadges:credential verify='${JWT}'/>`)],
    [
      'after declaration, comment and doctype',
      svg(`<!-- <b> --><g>${element}<path d="M0,0"/></g>`, `<?xml version="1.0"?>\n${doctype}\n`),
    ],
    ['under another prefix', `<svg xmlns:b="https://purl.imsglobal.org/ob/v3p0"><b:credential verify="${JWT}"/></svg>`],
    ['the first of two', svg(`${element}<openbadges:credential verify="a.b.c"/>`)],
  ])('gives the JWT %s', (_what, text) => {
    expect(read(text)).toEqual({ form: 'svg', jwt: JWT });
  });

  it.each([
    ['in CDATA', '<![CDATA[\n{"a": "<b> & \\u003e"}\n]]>'],
    ['in escaped text', '{&quot;a&quot;: &#34;&lt;b&gt; &amp; &#x3e;&#34;}'],
  ])('gives the JSON %s', (_what, content) => {
    expect(read(svg(`<openbadges:credential>${content}</openbadges:credential>`))).toEqual({
      form: 'svg',
      json: { a: '<b> & >' },
    });
  });

  const refused: readonly [what: string, text: string, code: string][] = [
    ['a DTD of its own', svg(element, '<!DOCTYPE svg [<!ENTITY x "y">]>'), 'svg-dtd'],
    [
      'an external entity',
      svg('<openbadges:credential verify="&x;"/>', '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
      'svg-dtd',
    ],
    ['an unknown entity', svg('<openbadges:credential verify="&xxe;"/>'), 'svg-entity'],
    ['an entity named like a method', svg('<openbadges:credential verify="&toString;"/>'), 'svg-entity'],
    ['a script', svg(`<script>alert(1)</script>${element}`), 'svg-script'],
    ['a script under a prefix', svg(`<svg:SCRIPT/>${element}`), 'svg-script'],
    ['an event handler', svg(`<g onload="x()">${element}</g>`), 'svg-script'],
    ['a javascript link', svg(`<a href="java&#10;script:x()">${element}</a>`), 'svg-script'],
    ['foreign objects', svg(`<foreignObject/>${element}`), 'svg-script'],
    ['a style sheet', svg(element, '<?xml-stylesheet href="x.xsl"?>'), 'svg-script'],
    ['no credential', svg('<g/>'), 'not-baked'],
    [
      'a credential in another namespace',
      '<svg xmlns:openbadges="https://evil.example/"><openbadges:credential verify="a.b.c"/></svg>',
      'not-baked',
    ],
    ['a credential in a comment', svg(`<!--${element}-->`), 'not-baked'],
    ['an empty credential', svg('<openbadges:credential></openbadges:credential>'), 'not-baked'],
    ['elements inside the credential', svg('<openbadges:credential><b/></openbadges:credential>'), 'svg-syntax'],
    ['tags that cross', svg(`<g><b></g></b>${element}`), 'svg-syntax'],
    ['no end', `<svg ${NS}>${element}`, 'svg-syntax'],
    ['an attribute twice', svg(`<openbadges:credential verify="a.b.c" verify="${JWT}"/>`), 'svg-syntax'],
    ['bare ampersands', svg('<openbadges:credential verify="a & b"/>'), 'svg-entity'],
    ['HTML instead', `<html>${element}</html>`, 'not-svg'],
    ['a comment without end', svg('<!-- '), 'svg-syntax'],
    [
      'duplicate keys',
      svg('<openbadges:credential><![CDATA[{"a":1,"a":2}]]></openbadges:credential>'),
      'json-duplicate-key',
    ],
  ];
  it.each(refused)('refuses one with %s', (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it.each([' a', '<g ', 'a="', '<!--', '&amp', '<![CDATA[', '<?', '<a b="c" ', '</', ' ='])(
    'does not choke on 200,000 times %j',
    (part) => {
      expect(codeOf(svg(`<g ${part.repeat(200_000)}`))).toMatch(/^svg-/);
    },
  );
});

(SHARED_IS_THERE ? describe : describe.skip)(`the baked samples of 1EdTech${withShared}`, () => {
  it('PNG and SVG give what was baked in', () => {
    expect(readPresented(sharedFile('fixtures/openbadges/simple-json.png'))).toMatchObject({
      form: 'png',
      json: { name: 'Teamwork Badge' },
    });
    expect(readPresented(sharedFile('fixtures/openbadges/simple-jwt.svg'))).toMatchObject({
      form: 'svg',
      jwt: expect.stringMatching(/^eyJ/) as string,
    });
  });
});
