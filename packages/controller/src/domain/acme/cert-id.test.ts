// Is a certificate named as RFC 9773 says?
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bareCert } from '../edge/certs.testing.ts'
import { certIdOf } from './cert-id.ts'

/** Of RFC 9773, appendix A. */
const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`

test('the example of the RFC', () => {
  expect(certIdOf(example)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
})

test('a certificate that does not say which key signed it has no name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deis-id-'))
  try {
    const [config, out] = [join(folder, 'c.cnf'), join(folder, 'c.pem')]
    writeFileSync(config, '[req]\ndistinguished_name = dn\n[dn]\n')
    const args = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      join(folder, 'k'),
    ]
    execFileSync('openssl', [...args, '-out', out, '-subj', '/CN=x', '-config', config], { stdio: 'ignore' })
    expect(certIdOf(readFileSync(out, 'utf8'))).toBeNull()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('another one', () => {
  expect(certIdOf(bareCert)).toMatch(/^[A-Za-z0-9_-]{27}\.[A-Za-z0-9_-]+$/)
})
