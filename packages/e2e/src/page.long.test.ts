// Can a person see and do on the page what it offers, with a keyboard, on a phone, in the dark?
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Checkout } from './app.ts'
import { accessibilityFaults, browserPath, openBrowser } from './browser.ts'
import { password } from './client.ts'
import { ask } from './http.ts'
import type { Platform } from './platform.ts'
import { withApp } from './with-app.ts'

const path = browserPath()
/** Where pictures of the views go; none are made without it. */
const pictures = process.env['TEST_SCREENSHOTS']
const patience = 60_000
/** Would run, if it were taken for anything but text. */
const hostile = '<img src=x onerror=document.title=1>'

describe.skipIf(path === null)('the page, in a browser', () => {
  let platform: Platform
  let shop: Checkout
  let browser: Browser
  let context: BrowserContext
  let page: Page
  const complaints: string[] = []

  withApp(async (given) => {
    ;({ platform, shop } = given)
    await shop.deploy({ Procfile: `web: echo '${hostile}'; exec node server.mjs\n` })
    await shop.does('config:set', 'GREETING=hello')
  })
  beforeAll(async () => {
    browser = await openBrowser(path ?? '')
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' })
    context.setDefaultTimeout(patience)
    page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
  })
  afterAll(() => browser?.close())
  afterEach(async () => {
    expect(await page.title()).toBe('Deis')
  })

  async function picture(name: string): Promise<void> {
    if (pictures === undefined) return
    mkdirSync(pictures, { recursive: true })
    await page.screenshot({ path: join(pictures, `${name}.png`) })
  }

  const text = (words: string | RegExp) => page.getByText(words).first().waitFor()
  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const link = (name: string) => page.getByRole('link', { name, exact: true })

  test('a wrong password is refused in words', async () => {
    await page.goto(`${platform.api}/`)
    await page.getByLabel('User name').fill('ann')
    await page.getByLabel('Password').fill('wrong')
    await button('Sign in').click()
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').textContent()).toBe('Unable to log in with provided credentials.')
    expect(await accessibilityFaults(page)).toEqual([])
    // The browser reports each answer that is not a success.
    complaints.length = 0
  })

  test('signs in with the keyboard, and sees the apps', async () => {
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
    await text('1 up')
    expect(await page.getByRole('row').nth(1).textContent()).toMatch(/^shop1 upann/)
    await picture('apps')
    await link('shop').focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'shop', level: 1 }).waitFor()
  })

  test('scales, and is told when it serves', async () => {
    await page.getByLabel('web').fill('2')
    await button('Scale').click()
    await expect.poll(() => page.getByRole('row').count(), { timeout: patience }).toBe(3)
    await text(hostile)
    expect(JSON.parse(await shop.does('ps', '--json')) as unknown).toMatchObject({ count: 2 })
    await picture('app')
  })

  test('restarts and turns maintenance on only when that is confirmed', async () => {
    const names = async (): Promise<string[]> => page.locator('tbody th').allTextContents()
    const before = await names()
    await button('Restart').click()
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(await names()).toEqual(before)
    await button('Restart').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Restart' }).click()
    await expect
      .poll(async () => (await names()).filter((name) => before.includes(name)), { timeout: patience })
      .toEqual([])
    await button('Turn maintenance on').click()
    await button('Turn on').click()
    await text('Maintenance mode is on')
    expect(await shop.does('maintenance')).toContain('Maintenance mode is on')
    await button('Turn maintenance off').click()
    await button('Turn off').click()
    await button('Turn maintenance on').waitFor()
    expect(await shop.does('maintenance')).toContain('Maintenance mode is off')
  })

  test('shows who released what and why, and rolls back', async () => {
    await link('Releases').click()
    await text('ann added GREETING')
    await picture('releases')
    await button('Roll back to v2').click()
    await button('Roll back').click()
    await text('ann rolled back to v2')
    expect(await shop.does('releases')).toContain('ann rolled back to v2')
  })

  test('shows lines as they come, as text', async () => {
    await link('Logs').click()
    await text('listening in v4')
    await text(hostile)
    await shop.does('config:set', 'GREETING=again')
    await text('listening in v5')
    await picture('logs')
  })

  test('goes on with the lines after the controller was away, each once', async () => {
    const lines = () => page.locator('.output > div').allTextContents()
    const before = await lines()
    await platform.endController('SIGKILL')
    await page.getByRole('alert').waitFor()
    expect(await lines()).toEqual(before)
    await platform.startController()
    await shop.does('config:set', 'GREETING=after')
    await text('listening in v6')
    expect((await lines()).slice(0, before.length)).toEqual(before)
    const all = (await shop.does('logs', '-n', '2000')).trimEnd().split('\n')
    await expect.poll(async () => (await lines()).toSorted()).toEqual(all.toSorted())
    // The browser reports that it had no answer.
    complaints.length = 0
  })

  test('shows builds and what they printed', async () => {
    await link('Builds').click()
    await text('succeeded')
    await page.getByRole('rowheader').getByRole('link').click()
    await text(/Build complete|Launching|Node app/)
  })

  test('shows certificates and what the platform can do', async () => {
    await link('Certificates').click()
    await text('No certificates.')
    await link('Doctor').click()
    await text(/running apps on process/)
  })

  test('shows the requests of the last hour', async () => {
    for (const path of ['/', '/', '/nothing']) await ask(platform, 'shop', { path })
    await page.goto(`${platform.api}/#/apps/shop`)
    const requests = page.locator('figcaption', { hasText: 'Requests' })
    // Routers report every 10 s, and the page asks every 20 s.
    await expect.poll(() => requests.textContent(), { timeout: patience }).toBe('Requests 3')
    await picture('traffic')
  })

  test.each([
    ['light', 1280],
    ['dark', 390],
  ] as const)('is in order for everybody: %s, %d pixels wide', async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 844 })
    for (const [view, shown] of [
      ['apps', 'shop'],
      ['apps/shop/overview', 'Processes'],
      ['apps/shop/releases', 'ann added GREETING'],
      ['apps/shop/logs', 'listening in v5'],
      ['apps/shop/builds', 'succeeded'],
      ['certs', 'No certificates.'],
      ['doctor', 'running apps on process'],
    ] as const) {
      await page.goto(`${platform.api}/#/${view}`)
      await text(shown)
      expect({ view, faults: await accessibilityFaults(page) }).toEqual({ view, faults: [] })
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth')
      expect({ view, isWider: wide > width }).toEqual({ view, isWider: false })
      if (width < 500 && view === 'apps/shop/overview') await picture('phone')
    }
  })

  test('nothing broke its policy, and it signs out', async () => {
    expect(complaints).toEqual([])
    await button('Sign out').click()
    await page.getByLabel('Password').waitFor()
    await page.reload()
    await page.getByLabel('Password').waitFor()
    expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0)
    expect(await context.cookies()).toEqual([])
  })
})
