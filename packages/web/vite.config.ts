// How is the page made, and with which parts of the contract?
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: at('.'),
  // The page looks at the outline of a route only, as the command line does.
  resolve: { alias: { typebox: at('../types/src/outline.ts') } },
  build: {
    outDir: at('../../dist/web'),
    emptyOutDir: true,
    // Each file is an address of its own: the policy of the page allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: 'licenses.md' },
  },
})
