// The pages for people in a real browser that reaches nothing but this server: they need no network.

import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KeyStore } from '../../src/access/key-store.ts'
import { OPERATIONS, type Operation } from '../../src/http/operations.ts'
import { findServer } from '../servers/find.ts'
import { newKey } from './make-key.ts'
import { openServer, type Others } from './open-server.ts'

let browser: Browser

beforeAll(async () => {
  const executablePath = findServer('chromium')
  if (executablePath === null)
    throw new Error('no Chromium: `npm run servers` tells how to get one, or set TEST_CHROMIUM')
  // As root it runs only without its sandbox; every name but the server's address leads nowhere.
  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'],
  })
})

afterAll(() => browser.close())

/** A page, and all that went wrong on it or was asked of others. */
async function visit(path: string, locale: string, others: Others = {}): Promise<{ page: Page; wrongs: string[] }> {
  const { app } = await openServer(others)
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const page = await browser.newPage({ locale })
  const wrongs: string[] = []
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url)) wrongs.push(`asks for ${url}`)
  })
  page.on('pageerror', (error) => wrongs.push(error.message))
  page.on('console', (message) => {
    // Every browser asks for an icon, of every site.
    const isIcon = message.location().url === `${origin}/favicon.ico`
    if (message.type() === 'error' && !isIcon) wrongs.push(message.text())
  })
  await page.goto(origin + path)
  return { page, wrongs }
}

test('the reference shows every operation', async () => {
  const { page, wrongs } = await visit('/docs/', 'en-US')
  await page.getByRole('heading', { name: 'Firstcome', exact: true }).waitFor()
  const operations = Object.values<Operation>(OPERATIONS)
  for (const tag of new Set(operations.map((operation) => operation.tag))) {
    // The first group is open from the start, the others when they are asked for.
    const open = page.getByRole('button', { name: `Open Group - ${tag}` })
    await open.or(page.getByRole('button', { name: `Close Group - ${tag}` })).waitFor()
    if (await open.isVisible()) await open.click()
  }
  for (const { summary } of operations) await page.getByRole('link', { name: summary }).first().waitFor()
  await page.getByRole('link', { name: OPERATIONS.issueCoupon.summary }).first().click()
  // Between words in code, which are elements of their own.
  const [longest = ''] = OPERATIONS.issueCoupon.description.split('`').toSorted((a, b) => b.length - a.length)
  await page.getByText(longest.trim()).first().waitFor()
  expect(wrongs).toEqual([])
})

/** From the reference: the first operation, which creates a campaign, as it is shown. */
async function tryIt(page: Page, key: string | null): Promise<{ status: number; authorization: string | undefined }> {
  if (key !== null) await page.getByPlaceholder('Token').fill(key)
  await page
    .getByRole('button', { name: /^Test Request/ })
    .first()
    .click()
  const answer = page.waitForResponse((response) => response.url().endsWith('/v1/campaigns'))
  await page.getByRole('button', { name: /^Send/ }).last().click()
  const response = await answer
  return { status: response.status(), authorization: response.request().headers()['authorization'] }
}

test('a call is made from the reference, on a server without keys and with one', async () => {
  const open = await visit('/docs/', 'en-US')
  expect((await tryIt(open.page, null)).status).toBe(201)
  let key = ''
  const makeKeys = async (store: KeyStore) => void (key = await newKey(store))
  const guarded = await visit('/docs/', 'en-US', { makeKeys })
  expect(await tryIt(guarded.page, key)).toEqual({ status: 201, authorization: `Bearer ${key}` })
  // Kept nowhere: not for the next page.
  await guarded.page.reload()
  await guarded.page.getByPlaceholder('Token').waitFor()
  expect(await guarded.page.getByPlaceholder('Token').inputValue()).toBe('')
})

test('the start page and the page of a problem, in the language of the browser', async () => {
  const start = await visit('/', 'ko-KR')
  await start.page.getByRole('link', { name: 'documentation' }).click()
  await start.page.getByRole('heading', { name: 'Firstcome', exact: true }).waitFor()
  expect(start.wrongs).toEqual([])

  const problem = await visit('/problems/sold_out', 'ko-KR')
  await problem.page.getByRole('heading', { name: '쿠폰이 모두 소진되었습니다' }).waitFor()
  expect(problem.wrongs).toEqual([])
})
