// Drives yaml-language-server over stdio, as an editor does, on agent.yaml and
// agent.schema.json in the current directory, and fails unless it finds what
// is wrong and completes what is missing. See docs/editors.md.
//
//   node drive.mjs DIRECTORY-OF-NODE-MODULES
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cwd, argv, exit } from 'node:process'
import { pathToFileURL } from 'node:url'

const server = spawn(join(argv[2], 'node_modules', '.bin', 'yaml-language-server'), ['--stdio'])
const waiting = new Map()
let received = Buffer.alloc(0)
let count = 0

function send(message) {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message })
  server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

function request(method, params) {
  const id = ++count
  send({ id, method, params })
  return new Promise((resolve) => waiting.set(id, resolve))
}

let published
const diagnostics = () => new Promise((resolve) => { published = resolve })

server.stdout.on('data', (chunk) => {
  received = Buffer.concat([received, chunk])
  for (;;) {
    const head = received.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/Content-Length: (\d+)/.exec(received.subarray(0, head))[1])
    if (received.length < head + 4 + length) return
    const message = JSON.parse(received.subarray(head + 4, head + 4 + length))
    received = received.subarray(head + 4 + length)
    if (message.method === 'textDocument/publishDiagnostics') published?.(message.params.diagnostics)
    else if (message.method && message.id !== undefined) send({ id: message.id, result: message.method === 'workspace/configuration' ? message.params.items.map(() => null) : null })
    else waiting.get(message.id)?.(message.result)
  }
})

const root = pathToFileURL(cwd()).href
const uri = `${root}/agent.yaml`
let version = 0
async function edit(text) {
  const next = diagnostics()
  const textDocument = { uri, languageId: 'yaml', version: ++version, text }
  if (version === 1) send({ method: 'textDocument/didOpen', params: { textDocument } })
  else send({ method: 'textDocument/didChange', params: { textDocument, contentChanges: [{ text }] } })
  return (await next).map((d) => `${d.range.start.line + 1}:${d.range.start.character + 1}: ${d.message}`)
}

async function complete(line, character) {
  const result = await request('textDocument/completion', { textDocument: { uri }, position: { line: line - 1, character: character - 1 } })
  return (result.items ?? result).map((item) => item.label).sort()
}

let failed = false
function expect(what, got, want) {
  const ok = want.every((w) => got.some((g) => g.includes(w))) && (want.length > 0 || got.length === 0)
  console.log(`${ok ? 'ok' : 'FAILED'} ${what}: ${got.join(' | ') || 'nothing'}`)
  failed ||= !ok
}

await request('initialize', { processId: null, rootUri: root, capabilities: {}, workspaceFolders: [{ uri: root, name: 'editor' }] })
send({ method: 'initialized', params: {} })

const good = readFileSync('agent.yaml', 'utf8')
expect('no complaint about a good file', await edit(good), [])
expect('a key that does not exist', await edit(good + 'connekt: {}\n'), ['connekt'])
expect('a value of another type', await edit(good + 'connect: {timeout: 10}\n'), ['string'])
expect('keys of the document', (await edit(good + '\n'), await complete(good.split('\n').length, 1)), ['connect', 'grace_period', 'log', 'server'])
const listener = good + 'server:\n  \n'
expect('keys of a mapping', (await edit(listener), await complete(listener.split('\n').length - 1, 3)), ['bind_addr', 'enabled'])
const value = good + 'log:\n  level: \n'
expect('allowed values', (await edit(value), await complete(value.split('\n').length - 1, 10)), ['debug', 'error', 'info', 'warn'])
server.kill()
exit(failed ? 1 : 0)
