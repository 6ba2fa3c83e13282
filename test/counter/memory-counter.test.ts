import { counterContract } from '../contract/counter.ts'
import { createMemoryCounterStore, openMemoryCounter } from './memory-counter.ts'

counterContract('in memory', async () => {
  const store = createMemoryCounterStore()
  return {
    counter: openMemoryCounter(store),
    other: openMemoryCounter(store),
    async plant({ id, createdAtMs }, value) {
      store.entries.unshift({ campaign: { id, createdAtMs }, value: value.is === 'text' ? value.text : [value.is] })
    },
    async close() {},
  }
})
