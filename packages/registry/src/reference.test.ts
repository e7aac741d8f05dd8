// Are names of images understood as every other tool does, and refused with the reason?
import { expect, test } from 'vitest'
import { ImageError } from '@deis/ports/registry'
import { apiHost, authKey, formatReference, parseReference } from './reference.ts'

const sha = `sha256:${'0123456789abcdef'.repeat(4)}`
const sha512 = `sha512:${'0123456789abcdef'.repeat(8)}`

test.each([
  ['busybox', 'docker.io/library/busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36'],
  ['deis/example-go', 'docker.io/deis/example-go:latest'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest'],
  ['index.docker.io/library/busybox:1', 'docker.io/library/busybox:1'],
  ['registry-1.docker.io/a/b', 'docker.io/a/b:latest'],
  ['quay.io/buildah/stable', 'quay.io/buildah/stable:latest'],
  ['Quay.IO/buildah/stable:v1', 'quay.io/buildah/stable:v1'],
  // A port is not a tag.
  ['registry:5000/img', 'registry:5000/img:latest'],
  ['registry:5000/team/img:2', 'registry:5000/team/img:2'],
  ['busybox:5000', 'docker.io/library/busybox:5000'],
  ['localhost/img', 'localhost/img:latest'],
  ['localhost:5000/img:1', 'localhost:5000/img:1'],
  ['10.20.0.1:5000/stack:1', '10.20.0.1:5000/stack:1'],
  ['[2001:db8::1]:5000/img', '[2001:db8::1]:5000/img:latest'],
  ['[::1]/img:1', '[::1]/img:1'],
  ['a/b/c/d:x', 'docker.io/a/b/c/d:x'],
  ['a__b/c.d/e--f_g', 'docker.io/a__b/c.d/e--f_g:latest'],
  [`busybox@${sha}`, `docker.io/library/busybox@${sha}`],
  [`h.example/x:1@${sha}`, `h.example/x:1@${sha}`],
  [`h.example:5000/x@${sha512}`, `h.example:5000/x@${sha512}`],
  ['img:Some_Tag-1.0', 'docker.io/library/img:Some_Tag-1.0'],
])('%s is %s', (text, full) => {
  expect(formatReference(parseReference(text))).toBe(full)
  expect(parseReference(full)).toEqual(parseReference(text))
})

test.each([
  ['', 'empty'],
  ['https://quay.io/a/b', 'scheme'],
  ['Busybox', 'lowercase'],
  ['quay.io/Team/app', 'lowercase'],
  ['quay.io/', 'no repository'],
  ['/img', 'lowercase letters'],
  ['a//b', 'lowercase letters'],
  ['a/b/', 'lowercase letters'],
  ['a b', 'lowercase letters'],
  ['-rm', 'lowercase letters'],
  ['img:', 'a tag has'],
  ['img:-x', 'a tag has'],
  ['img:a b', 'a tag has'],
  [`img:${'a'.repeat(129)}`, 'a tag has'],
  ['img@sha256:12', 'not a sha256 digest'],
  ['img@', 'not a sha256 digest'],
  [`img@md5:${'0'.repeat(32)}`, 'not a sha256 digest'],
  [`img@${sha.toUpperCase()}`, 'not a sha256 digest'],
  ['host:99999/img', 'no port 99999'],
  ['host:0/img', 'no port 0'],
  ['host:port/img', 'not a host name'],
  ['user:secret@host/img', 'not a sha256 digest'],
  ['-h.example/img', 'not a host name'],
  ['h..example/img', 'not a host name'],
  ['../../etc/passwd', 'not a host name'],
  ['h.example/../x', 'lowercase letters'],
  ['h.example/x?y=z', 'lowercase letters'],
  ['h.example/x%2fy', 'lowercase letters'],
  ['img\nX: y', 'a tag has'],
  [`h.example/${'a'.repeat(250)}`, 'longer than'],
])('%j is refused', (text, why) => {
  let error: unknown
  try {
    parseReference(text)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(ImageError)
  expect((error as ImageError).message).toContain(why)
  expect((error as ImageError).hint).toContain('NAME')
})

test('Docker Hub has an API and credentials elsewhere', () => {
  expect(apiHost('docker.io')).toBe('registry-1.docker.io')
  expect(apiHost('quay.io')).toBe('quay.io')
  expect(authKey('docker.io')).toBe('https://index.docker.io/v1/')
  expect(authKey('index.docker.io')).toBe('https://index.docker.io/v1/')
  expect(authKey('Registry:5000')).toBe('registry:5000')
})
