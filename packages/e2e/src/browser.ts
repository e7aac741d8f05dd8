// How does a test look at a page with a real browser: Chromium of this machine?
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Where it is; null: tests that need it are skipped. */
export function browserPath(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  for (const path of folders.flatMap((folder) => names.map((name) => join(folder, name)))) {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not there.
    }
  }
  return null
}

export function openBrowser(executablePath: string): Promise<Browser> {
  // Chromium's own sandbox refuses root.
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0, timeout: 60_000 })
}

export type Found = { readonly id: string; readonly nodes: readonly string[] }

/** What axe finds that keeps people with a disability from using the page. */
export async function accessibilityFaults(page: Page): Promise<readonly Found[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    type Result = { id: string; nodes: { html: string }[] }
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Result[] }> } }
    const { violations } = await axe.run()
    return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html) }))
  })
}
