// Which environment variables look like settings of the platform, and are not?
import { settings } from '@deis/types/environment'

/** Of the client, of builds, of the tools of this repository, and what one program of the platform passes to another. */
const others =
  /^DEIS_(APP|BUILD|CI_.+|COPY_NODE|DISABLE_CACHE|DOCKER_BUILD_(ARGS_ENABLED|TARGET)|E2E_.+|HOOK_.+|INSTALL_DIR|ORDER|POD|PROFILE|RUNNER|SESSION|SSH_KEY|WAIT_SECONDS)$/
/** A program for DNS gets its own variables through the controller. */
const ofDnsProgram = /^DEIS_ACME_DNS_/
/** Kubernetes describes every Service of a namespace to its pods. */
const ofServices = /_SERVICE_(HOST|PORT)(_|$)|_PORT$|_PORT_\d+_(TCP|UDP)(_|$)/

const isName = (name: string): boolean => /^DEIS_[A-Z0-9_]{1,100}$/.test(name)

/** Their names: what is misspelled has no effect, and would be noticed late. */
export function unknownSettings(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = [others, ofDnsProgram, ...('KUBERNETES_SERVICE_HOST' in env ? [ofServices] : [])]
  return Object.keys(env).filter(
    (name) => isName(name) && !Object.hasOwn(settings, name) && !known.some((pattern) => pattern.test(name)),
  )
}
