// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the outer file: checks it as a whole, then writes what it carries.
 *
 * Nothing is written before the SHA-256 of the whole file was right, so everything after that treats
 * offsets and sizes as ours; they are still bounded by the buffers that they go through.
 */
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include "unpacker.h"

#define BLOCK (1 << 20)

static const char *const damaged = "copy the file again from where it came from, and compare digests";

static unsigned char in_block[BLOCK], out_block[BLOCK];

static void read_at(int file, void *to, size_t size, uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = pread(file, (char *)to + done, size - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die("E_DAMAGED", damaged, "the vserver file ends too early");
		done += (size_t)got;
	}
}

struct vs_trailer read_trailer(int file)
{
	struct vs_trailer trailer;
	struct stat stat;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX sha;

	if (fstat(file, &stat) < 0)
		die_errno("fstat of", "the vserver file");
	if (stat.st_size < (off_t)sizeof trailer)
		die("E_DAMAGED", damaged, "the vserver file carries no runtime");
	read_at(file, &trailer, sizeof trailer, (uint64_t)stat.st_size - sizeof trailer);
	if (memcmp(trailer.magic, VS_TRAILER_MAGIC, 8) || trailer.entry_count > VS_PAYLOAD_FILES ||
	    trailer.file_size != (uint64_t)stat.st_size || trailer.executor_size > trailer.file_size)
		die("E_DAMAGED", damaged, "the vserver file is cut off or damaged");

	SHA256Init(&sha);
	for (uint64_t left = trailer.file_size - sizeof trailer, at = 0; left;) {
		size_t size = left < BLOCK ? left : BLOCK;

		read_at(file, in_block, size, at);
		SHA256Update(&sha, in_block, size);
		at += size;
		left -= size;
	}
	SHA256Final(digest, &sha);
	if (memcmp(digest, trailer.digest, sizeof digest))
		die("E_DAMAGED", damaged, "the vserver file is damaged: its SHA-256 is wrong");
	return trailer;
}

static void write_all(int fd, const void *from, size_t size, const char *name)
{
	for (size_t done = 0; done < size;) {
		ssize_t put = write(fd, (const char *)from + done, size - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			die_errno("writing", name);
		done += (size_t)put;
	}
	/* Start writing back at once, so that the fsync at the end has little left to wait for. */
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static int create(int directory, const char *name)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		die_errno("creating", name);
	return fd;
}

static void copy_plain(int file, uint64_t size, int to, const char *name)
{
	for (uint64_t at = 0; at < size;) {
		size_t part = size - at < BLOCK ? size - at : BLOCK;

		read_at(file, in_block, part, at);
		write_all(to, in_block, part, name);
		at += part;
	}
}

static void decompress(int file, const struct vs_entry *entry, int to)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	uint64_t at = entry->offset, left = entry->packed_size, written = 0;
	size_t pending = 0;

	if (!context)
		die("E_HOST", "free some memory", "out of memory");
	while (left) {
		size_t part = left < BLOCK ? left : BLOCK;
		ZSTD_inBuffer in = { in_block, part, 0 };

		read_at(file, in_block, part, at);
		at += part;
		left -= part;
		for (int full = 0; in.pos < in.size || full;) {
			ZSTD_outBuffer out = { out_block, BLOCK, 0 };

			pending = ZSTD_decompressStream(context, &out, &in);
			if (ZSTD_isError(pending))
				die("E_DAMAGED", damaged, "\"%s\" does not unpack: %s", entry->name,
				    ZSTD_getErrorName(pending));
			write_all(to, out_block, out.pos, entry->name);
			written += out.pos;
			full = out.pos == out.size;
		}
	}
	ZSTD_freeDCtx(context);
	if (pending || written != entry->size)
		die("E_DAMAGED", damaged, "\"%s\" does not unpack to its size", entry->name);
}

/* Gives the file its mode and notes what appliance.c will compare. */
static void finish(int fd, struct vs_record *record, const char *name, uint32_t mode)
{
	struct stat stat;

	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || fstat(fd, &stat) < 0)
		die_errno("finishing", name);
	memset(record, 0, sizeof *record);
	strncpy(record->name, name, sizeof record->name - 1);
	record->size = (uint64_t)stat.st_size;
	record->mtime_ns = stat.st_mtim.tv_sec * 1000000000LL + stat.st_mtim.tv_nsec;
	record->mode = stat.st_mode;
	if (close(fd) < 0)
		die_errno("closing", name);
}

void extract(int file, const struct vs_trailer *trailer, int directory)
{
	static struct vs_entry entries[VS_PAYLOAD_FILES];
	static struct vs_record records[VS_PAYLOAD_FILES + 1];
	struct vs_manifest manifest = { .count = trailer->entry_count + 1 };
	struct vs_record unused;
	uint32_t count = trailer->entry_count;
	int fd;

	read_at(file, entries, count * sizeof *entries, trailer->payload_offset);
	for (uint32_t i = 0; i < count; i++) {
		fd = create(directory, entries[i].name);
		decompress(file, &entries[i], fd);
		finish(fd, &records[i], entries[i].name, entries[i].mode);
	}
	fd = create(directory, "executor");
	copy_plain(file, trailer->executor_size, fd, "executor");
	finish(fd, &records[count], "executor", 0500);

	/* Last: a directory without a manifest is never taken for a runtime. */
	memcpy(manifest.magic, VS_MANIFEST_MAGIC, 8);
	memcpy(manifest.build, trailer->build, sizeof manifest.build);
	fd = create(directory, "manifest");
	write_all(fd, &manifest, sizeof manifest, "manifest");
	write_all(fd, records, manifest.count * sizeof *records, "manifest");
	finish(fd, &unused, "manifest", 0400);
	if (fsync(directory) < 0)
		die_errno("syncing", runtime_path);
}
