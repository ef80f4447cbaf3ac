/**
 * Loaded before everything else where the lab starts node through a loader: programs that start
 * themselves again shall start that, and not the loader.
 */
import process from 'node:process'

process.execPath = '/lab/bin/node'
