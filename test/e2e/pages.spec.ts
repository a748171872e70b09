// The pages in a browser: nothing for axe to find in light and dark (WCAG 2.2 AA, feature L17), no sideways scrolling on
// a phone, nothing blocked by their own content policy, and within the size that a slow line takes.
import { createRequire } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { e3Catalog } from '@cairn/testing';
import { openWorld } from '../acceptance/world.js';
import { startServer, type TestServer } from '../support/server.js';

const CHROMIUM = process.env['CAIRN_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const hasChromium = existsSync(CHROMIUM);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LIMIT_BYTES = 25_000;
const LIMIT_MS = 120_000;

const PAGES = [
  'valid',
  'revoked',
  'flagged',
  'achievement',
  'why',
  'funnel',
  'trail',
  'not-found',
  'wrong-link',
] as const;

(hasChromium ? describe : describe.skip)(
  hasChromium ? 'pages in a browser' : `pages in a browser (skipped: there is no Chromium at ${CHROMIUM})`,
  () => {
    let server: TestServer;
    let browser: Browser;
    let address: string;
    /** By colour scheme: a phone under the page's own policy, and a desk without it, for axe alone. */
    const phones = new Map<string, Page>();
    const desks = new Map<string, Page>();
    const paths = new Map<string, string>();

    beforeAll(async () => {
      server = await startServer();
      const world = await openWorld(server, 'pages', e3Catalog());
      const learner = await world.learner();
      await learner.enroll('digital-marketing', '2025-01-01');
      await learner.complete('SEO-101', '2025-02-01', 71);
      await learner.complete('ADS-101', '2025-06-01');
      await learner.complete('ANA-101', '2025-09-01');
      const seo = await learner.credential('SEO');
      await learner.revoke('SEO', '2025-10-01');
      const certificate = await learner.credential('DMC');
      const link = async (page: string, subject: string): Promise<string> => {
        const url = new URL((await world.client.post('/api/page-links', { page, subject })).url as string);
        return url.pathname + url.search;
      };
      paths.set('valid', `/c/${await learner.credential('ADS')}`);
      paths.set('revoked', `/c/${seo}`);
      paths.set('flagged', `/c/${certificate}`);
      const { body } = await server.as(undefined).get(`/c/${seo}.json`);
      paths.set('achievement', new URL(body.criteria as string).pathname);
      paths.set('why', await link('why', certificate));
      paths.set('funnel', await link('funnel', 'digital-marketing'));
      paths.set('trail', await link('trail', learner.id));
      paths.set('not-found', '/c/crd_00000000000000000000000000');
      paths.set('wrong-link', '/pages/funnel/digital-marketing?key=wrong');
      await server.app.listen(0, '127.0.0.1');
      address = await server.app.getUrl();
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
      for (const colorScheme of ['light', 'dark'] as const) {
        const phone = await browser.newContext({ colorScheme, viewport: { width: 390, height: 844 } });
        phones.set(colorScheme, await phone.newPage());
        const desk = await browser.newContext({ colorScheme, bypassCSP: true });
        desks.set(colorScheme, await desk.newPage());
      }
    }, LIMIT_MS);

    afterAll(async () => {
      await browser.close();
      await server.close();
    });

    it.each(PAGES.flatMap((page) => [['light', page] as const, ['dark', page] as const]))(
      'in %s, %s',
      async (colorScheme, name) => {
        const phone = phones.get(colorScheme) as Page;
        const complaints: string[] = [];
        phone.removeAllListeners('console').on('console', (message) => complaints.push(message.text()));
        const answer = await phone.goto(address + (paths.get(name) as string));
        const text = (await answer?.text()) ?? '';
        expect(Buffer.byteLength(text)).toBeLessThan(LIMIT_BYTES);
        expect(complaints.filter((complaint) => !/status of 404/.test(complaint))).toEqual([]);
        expect(await phone.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
        expect(await phone.evaluate('getComputedStyle(document.querySelector("section")).borderTopStyle')).toBe(
          'solid',
        );

        const page = desks.get(colorScheme) as Page;
        await page.goto(address + (paths.get(name) as string));
        await page.evaluate(axe);
        const { violations } = (await page.evaluate(
          'axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })',
        )) as { violations: { id: string; nodes: { html: string }[] }[] };
        expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
      },
      LIMIT_MS,
    );

    it(
      'the API documentation runs its own scripts',
      async () => {
        const page = await browser.newPage();
        await page.goto(`${address}/docs`);
        await page.waitForSelector('.opblock-tag-section', { timeout: 30_000 });
        expect(await page.locator('.opblock-tag').count()).toBeGreaterThan(5);
        await page.close();
      },
      LIMIT_MS,
    );
  },
);
