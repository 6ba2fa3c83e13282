// What a server says about itself and about its answers.

import type { Run } from './run.ts'
import { same, sure } from './steps.ts'

export async function checkService(run: Run): Promise<void> {
  const { api, step } = run

  await step('alive and ready', '/livez asks nobody, /readyz says what it found', async () => {
    same('/livez', (await api.get('/livez')).is(200), { status: 'ok' })
    const { status, database } = (await api.get('/readyz')).is(200)
    same('/readyz', [status, database], ['ready', 'up'])
  })

  await step('languages', 'titles in Korean or English, as Accept-Language asks; codes stay', async () => {
    const titles = await Promise.all(
      ['ko-KR,ko;q=0.9,en;q=0.5', 'en', 'fr'].map(async (language) => {
        const reply = await api.get(run.pathOf('nobody'), { headers: { 'accept-language': language } })
        const { title } = reply.isProblem(404, 'campaign_not_found')
        const expected = language.startsWith('ko') ? 'ko' : 'en'
        same(`Content-Language for ${language}`, reply.headers['content-language'], expected)
        same(`Hangul in the title for ${language}`, /[가-힣]/.test(String(title)), expected === 'ko')
        return title
      }),
    )
    same('the titles for en and fr', titles[1], titles[2])
  })
}

/** After all others: it reads what they were told. */
export async function checkProblemPages({ api, step }: Run): Promise<void> {
  await step('problem pages', "each problem's type is a page of this server", async () => {
    for (const [code, status] of api.problems) {
      const page = (await api.get(`/problems/${code}`)).is(200)
      same(`/problems/${code}`, [page['code'], page['status']], [code, status])
      sure(`/problems/${code}: title, meaning`, Boolean(page['title'] && page['meaning']), 'both', page)
    }
  })
}
