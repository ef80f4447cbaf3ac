/**
 * Structures about files, mounts and loop devices, by their names in the kernel's headers. A test
 * compares sizes and offsets with the headers. Pure data.
 *
 * @module
 */
import { struct } from './struct.ts'

/** statx(2): 256 bytes. */
export const statxBuffer = struct('struct statx', [
  ['stx_mask', 'u32'],
  ['stx_blksize', 'u32'],
  ['stx_attributes', 'u64'],
  ['stx_nlink', 'u32'],
  ['stx_uid', 'u32'],
  ['stx_gid', 'u32'],
  ['stx_mode', 'u16'],
  ['__spare0', 'u16'],
  ['stx_ino', 'u64'],
  ['stx_size', 'u64'],
  ['stx_blocks', 'u64'],
  ['stx_attributes_mask', 'u64'],
  ['stx_atime.tv_sec', 'i64'],
  ['stx_atime.tv_nsec', 'u32'],
  ['stx_atime.__reserved', 'i32'],
  ['stx_btime.tv_sec', 'i64'],
  ['stx_btime.tv_nsec', 'u32'],
  ['stx_btime.__reserved', 'i32'],
  ['stx_ctime.tv_sec', 'i64'],
  ['stx_ctime.tv_nsec', 'u32'],
  ['stx_ctime.__reserved', 'i32'],
  ['stx_mtime.tv_sec', 'i64'],
  ['stx_mtime.tv_nsec', 'u32'],
  ['stx_mtime.__reserved', 'i32'],
  ['stx_rdev_major', 'u32'],
  ['stx_rdev_minor', 'u32'],
  ['stx_dev_major', 'u32'],
  ['stx_dev_minor', 'u32'],
  ['stx_mnt_id', 'u64'],
  ['stx_dio_mem_align', 'u32'],
  ['stx_dio_offset_align', 'u32'],
  ['__spare3', 'bytes96'],
])

/** FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR: 28 bytes. */
export const fsxattr = struct('struct fsxattr', [
  ['fsx_xflags', 'u32'],
  ['fsx_extsize', 'u32'],
  ['fsx_nextents', 'u32'],
  ['fsx_projid', 'u32'],
  ['fsx_cowextsize', 'u32'],
  ['fsx_pad', 'bytes8'],
])

/** FICLONERANGE. */
export const fileCloneRange = struct('struct file_clone_range', [
  ['src_fd', 'i64'],
  ['src_offset', 'u64'],
  ['src_length', 'u64'],
  ['dest_offset', 'u64'],
])

/** LOOP_SET_STATUS64: 232 bytes. */
export const loopInfo64 = struct('struct loop_info64', [
  ['lo_device', 'u64'],
  ['lo_inode', 'u64'],
  ['lo_rdevice', 'u64'],
  ['lo_offset', 'u64'],
  ['lo_sizelimit', 'u64'],
  ['lo_number', 'u32'],
  ['lo_encrypt_type', 'u32'],
  ['lo_encrypt_key_size', 'u32'],
  ['lo_flags', 'u32'],
  ['lo_file_name', 'bytes64'],
  ['lo_crypt_name', 'bytes64'],
  ['lo_encrypt_key', 'bytes32'],
  ['lo_init[0]', 'u64'],
  ['lo_init[1]', 'u64'],
])

/** statmount(2) and listmount(2), version 0 (Linux 6.8): 24 bytes. */
export const mntIdReq = struct('struct mnt_id_req', [
  ['size', 'u32'],
  ['spare', 'u32'],
  ['mnt_id', 'u64'],
  ['param', 'u64'],
])
