// What the test hands over, and how the two talk: one line of JSON each.
import dns from 'node:dns'
import { createPrivateKey } from 'node:crypto'
import { createInterface } from 'node:readline'

// *.localhost is this machine, as RFC 6761 says and not every resolver knows.
const lookup = dns.lookup
dns.lookup = (host, ...more) => lookup(host.endsWith('.localhost') ? '127.0.0.1' : host, ...more)

export const told = JSON.parse(process.argv[2])
export const issuer = new URL(told.issuer)
export const api = new URL(told.api)

// RFC 9864 renames EdDSA to Ed25519; told.alg is the name that this script has to write.
const algorithm = { ES256: { name: 'ECDSA', namedCurve: 'P-256' }, Ed25519: { name: 'Ed25519' } }[told.alg]
const der = createPrivateKey(told.key).export({ format: 'der', type: 'pkcs8' })
export const key = {
  kid: told.kid,
  key: await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

// Sends the person to the address; resolves with the address that the browser came back to.
export async function person(address) {
  console.log(JSON.stringify({ visit: String(address) }))
  const { value } = await lines.next()
  return new URL(JSON.parse(value))
}

export function done(found) {
  console.log(JSON.stringify(found))
  process.exit(0)
}
