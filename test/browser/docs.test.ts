import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { findProgram, requires } from '../support/requirements.ts';

const { publicUrl } = inject('stack');
let browser: Browser | undefined;

beforeAll(async () => {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) return;
  browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox'] });
});
afterAll(() => browser?.close());
beforeEach((context) => requires(context, 'chromium'));

/** Opens a page of a width; also returns what the browser reports, such as a refused script. */
async function open(path: string, { width = 1280, scripts = true } = {}) {
  if (browser === undefined) throw new Error('expected a browser');
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    javaScriptEnabled: scripts,
    colorScheme: 'dark',
  });
  const page = await context.newPage();
  const reported: string[] = [];
  page.on('console', (message) => reported.push(message.text()));
  page.on('pageerror', (error) => reported.push(error.message));
  await page.goto(`${publicUrl}${path}`);
  return { page, reported };
}

it('the API page finds operations while a person types', async () => {
  const { page, reported } = await open('/api/v1/docs');
  await page.fill('input[name=q]', 'promote version');
  expect(await page.locator('details.operation:visible code').first().textContent()).toBe(
    '/api/v1/versions/{id}/promote',
  );
  expect(await page.locator('#listTokens').isVisible()).toBe(false);

  const found = page.locator('[id^=schema-]:visible');
  expect(await found.count()).toBe(0);
  await page.fill('input[name=q]', 'moved tag');
  expect((await found.allInnerTexts()).join()).toMatch(/^MovedTag/);

  await page.fill('input[name=q]', '');
  expect(await page.locator('#listTokens').isVisible()).toBe(true);
  expect(reported).toEqual([]);
});

it('a link opens the box that it names', async () => {
  const { page } = await open('/api/v1/docs#promoteVersion');
  expect(await page.locator('#promoteVersion pre').first().isVisible()).toBe(true);
});

it('finds the same without scripts, by its form', async () => {
  const { page } = await open('/api/v1/docs', { scripts: false });
  await page.fill('input[name=q]', 'promote version');
  await page.press('input[name=q]', 'Enter');

  expect(new URL(page.url()).search).toBe('?q=promote+version');
  expect(await page.locator('#promoteVersion').isVisible()).toBe(true);
  expect(await page.locator('#listTokens').count()).toBe(0);
  expect(await page.locator('#schema-Operation').isVisible()).toBe(false);

  await page.goto(`${page.url()}#schema-Operation`);
  expect(await page.locator('#schema-Operation').isVisible()).toBe(true);
});

it.each([
  [1280, true],
  [390, false],
])('with %i pixels, the contents are open: %s', async (width, shown) => {
  const { page } = await open('/api/v1/docs', { width });
  expect(await page.locator('nav.contents a.entry').first().isVisible()).toBe(shown);
  await page.locator('details.areas > summary').click();
  expect(await page.locator('nav.contents a.entry').first().isVisible()).toBe(!shown);
});

it.each(['/', '/api/v1/docs', '/api/v1/docs?q=promote'])(
  '%s fits on a phone of 390 pixels',
  async (path) => {
    const { page } = await open(path, { width: 390 });
    for (const box of await page.locator('details.operation').all())
      await box.evaluate((element) => element.setAttribute('open', ''));
    const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(wide).toBe(0);
  },
);
