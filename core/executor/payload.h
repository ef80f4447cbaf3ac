/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is appended to the executor to make dist/vserver, and what unpacking leaves on disk.
 *
 *     executor | unpacker | payload: entries[], packed files | trailer (the last 128 bytes)
 *
 * Written by build/payload.ts, read by appliance.c (nostdlib) and build/unpacker (glibc). All integers
 * are little-endian; there is no padding. A packed file is a run of zstd frames.
 */
#ifndef VS_PAYLOAD_H
#define VS_PAYLOAD_H

#include <stdint.h>

#define VS_TRAILER_MAGIC "VSTRAIL1"
#define VS_MANIFEST_MAGIC "VSMANIF1"
#define VS_PAYLOAD_FILES 32
#define VS_PAYLOAD_NAME 48

struct vs_trailer {
	char magic[8];
	uint64_t file_size;
	uint64_t executor_size; /* from offset 0 */
	uint64_t unpacker_offset;
	uint64_t unpacker_size;
	uint64_t payload_offset;
	uint32_t entry_count;
	uint32_t reserved;
	uint64_t unpacked_size; /* bytes that the runtime takes on disk */
	uint8_t build[32];
	uint8_t digest[32]; /* SHA-256 of everything before the trailer */
};

struct vs_entry {
	char name[VS_PAYLOAD_NAME]; /* NUL-terminated, no slash */
	uint64_t offset; /* in the file */
	uint64_t packed_size;
	uint64_t size;
	uint32_t mode;
	uint32_t reserved;
};

/* BUILD/manifest: a header, then `count` records. The directory's own check makes it trustworthy. */
struct vs_manifest {
	char magic[8];
	uint32_t count;
	uint32_t reserved;
	uint8_t build[32];
};

struct vs_record {
	char name[VS_PAYLOAD_NAME];
	uint64_t size;
	int64_t mtime_ns;
	uint32_t mode;
	uint32_t reserved;
};

_Static_assert(sizeof(struct vs_trailer) == 128, "trailer");
_Static_assert(sizeof(struct vs_entry) == 80, "entry");
_Static_assert(sizeof(struct vs_manifest) == 48, "manifest");
_Static_assert(sizeof(struct vs_record) == 72, "record");

#endif
