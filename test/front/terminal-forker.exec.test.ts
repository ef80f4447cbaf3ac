import { terminalTable } from './support/terminal-table.ts'

terminalTable('short')
