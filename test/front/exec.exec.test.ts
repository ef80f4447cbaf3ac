import { execTable } from './support/exec-table.ts'

execTable('long')
